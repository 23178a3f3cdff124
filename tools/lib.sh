# Sourced by the scripts beside it.

# value FILE KEY: a number out of the JSON object on the file's last line
value() {
    awk -v key="\"$2\":" '{ line = $0 } END {
        at = index(line, key)
        if (at == 0) { print "?"; exit }
        rest = substr(line, at + length(key))
        sub(/[,}].*/, "", rest)
        print rest
    }' "$1"
}

# build_program: installs what is missing, builds the release and sets $program
build_program() {
    tools/install-deps
    echo "building (build/release)" >&2
    cmake --preset release -G Ninja -Wno-dev >/dev/null
    cmake --build build/release --target translution_program >/dev/null || cmake --build build/release --target translution_program
    program=build/release/translution
}
