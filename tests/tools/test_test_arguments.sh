#!/bin/sh
# What tools/test hands on of its arguments: preset, build folder and which tests, with a cmake and a ctest that only note their own.
#   test_test_arguments.sh SOURCE_DIR
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tools" "$work/bin"
cp "$1/tools/test" "$1/tools/help.sh" "$work/tools"
printf '#!/bin/sh\n' >"$work/tools/install-deps"
for name in cmake ctest; do
    cat >"$work/bin/$name" <<END
#!/bin/sh
echo "$name \$*" >>"$work/calls"
END
done
cat >>"$work/bin/ctest" <<'END'
mkdir -p "$2/Testing/Temporary" # $1 is --test-dir
: >"$2/Testing/Temporary/LastTest.log"
END
chmod +x "$work/tools/install-deps" "$work/bin/cmake" "$work/bin/ctest"

# runs BUILD_FOLDER PRESET TESTS [ARGUMENT...]: what tools/test does with ARGUMENTS; TESTS: the end of ctest's arguments
runs() {
    build=$1 preset=$2 tests=$3
    shift 3
    : >"$work/calls"
    (unset CC; PATH="$work/bin:$PATH" "$work/tools/test" "$@") || { echo "tools/test $* failed"; exit 1; }
    grep -q -e "^cmake --preset $preset -B $build -G" "$work/calls" &&
        grep -q -e "^ctest --test-dir $build --parallel [0-9]* --output-on-failure --no-tests=error$tests\$" "$work/calls" ||
        { echo "tools/test $* called:"; cat "$work/calls"; exit 1; }
}
runs build/ci ci ' -LE ^development\$'
runs build/ci ci '' --all
runs build/release release ' -LE ^development\$' release
runs build/release release '' --all release
runs build/release release '' release --all
runs build/debug-asan debug-asan ' -E ^family\$' debug-asan -E '^family$'
runs build/debug-asan debug-asan ' -E ^family\$' debug-asan -E '^family$' --all
runs build/ci ci ' -R a b' -R 'a b'
