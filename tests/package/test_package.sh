#!/bin/sh
# The installed package: what the shared library exports, the pkg-config and CMake files, the examples built from them, the
# manual page, Debian's files, the source tarball.
#   test_package.sh BUILD SOURCE CC LIBRARIES [CONFIG]     LIBRARIES: "static shared", or the one that BUILD_SHARED_LIBS asked for
set -eu
build=$1 source=$2 cc=$3 libraries=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

cmake --install "$build" ${5:+--config "$5"} --prefix "$work/usr" >"$work/log" || { cat "$work/log"; fail "cmake --install"; }
prefix=$work/usr
lib=$(dirname "$(find "$prefix" -name pkgconfig)")
has() { case " $libraries " in *" $1 "*) ;; *) return 1 ;; esac; }
has shared || has static || fail "no library is named"
for kind in static:a shared:so; do # what was asked for, and no more
    if has "${kind%:*}"; then
        [ -s "$lib/libtranslution.${kind#*:}" ] || fail "not installed: $lib/libtranslution.${kind#*:}"
    else
        [ ! -e "$lib/libtranslution.${kind#*:}" ] || fail "installed, but not asked for: $lib/libtranslution.${kind#*:}"
    fi
done
program=$prefix/bin/translution
for file in "$prefix/include/translution/translution.h" "$prefix/share/man/man1/translution.1" \
    "$prefix/share/translution/devices/h100.txt" \
    "$prefix/share/bash-completion/completions/translution" "$prefix/share/zsh/vendor-completions/_translution" \
    "$prefix/share/fish/vendor_completions.d/translution.fish" "$program"; do
    [ -s "$file" ] || fail "not installed: $file"
done

# -- exports: the functions that the header declares, all of them and no others
"$cc" -fpreprocessed -dD -E -P "$prefix/include/translution/translution.h" 2>/dev/null | tr '\n' ' ' |
    grep -o '\btl_[a-z_0-9]*(' | tr -d '(' | sort -u >"$work/declared"
[ "$(wc -l <"$work/declared")" -gt 20 ] || fail "the header's functions were not found"
if has shared; then
    nm -D --defined-only "$lib/libtranslution.so" | awk '{print $3}' | sort >"$work/exported"
    diff "$work/declared" "$work/exported" || fail "the header declares (<) and the library exports (>) different functions"
    readelf -d "$lib/libtranslution.so" | grep -q 'SONAME.*libtranslution\.so\.0' || fail "no soname"
fi

# -- Debian's packages: all that is installed belongs to one, or is named as what none has
cat "$source"/debian/*.install "$source"/debian/not-installed >"$work/packaged"
find "$prefix" ! -type d | sed "s,^$work/,," | while read -r file; do
    where=""
    while read -r pattern; do
        # shellcheck disable=SC2254 # a pattern
        case $file in $pattern | $pattern/*) where=$pattern ;; esac
    done <"$work/packaged"
    [ -n "$where" ] || echo "$file"
done >"$work/homeless"
case $lib in
*/lib/*) [ ! -s "$work/homeless" ] || fail "debian/*.install lack $(cat "$work/homeless")" ;;
esac

# -- pkg-config: the examples against the shared library where there is one, one against the static
export PKG_CONFIG_PATH="$lib/pkgconfig" LD_LIBRARY_PATH="$lib"
version=$(pkg-config --modversion translution)
[ "translution $version" = "$("$program" --version)" ] || fail "pkg-config says version $version"
# needs [MORE...]: flags for the library and what else a program names; the static library alone needs more
needs() { if has shared; then pkg-config --cflags --libs translution "$@"; else pkg-config --static --cflags --libs translution "$@"; fi; }
# shellcheck disable=SC2046 # lists of flags are meant to split
{
    "$cc" -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror "$source/examples/train.c" \
        $(needs) -o "$work/train"
    for example in classify generate; do
        "$cc" -std=c11 -Wall -Wextra -Werror "$source/examples/$example.c" \
            $(needs) -o "$work/$example"
    done
    "$cc" -std=c11 -Wall -Wextra -Werror "$source/examples/own_data.c" \
        $(needs) -lm -o "$work/own_data"
    "$cc" -std=c11 -Wall -Wextra -Werror "$source/examples/operation.c" \
        $(needs OpenCL) -lm -o "$work/operation"
    if has static; then
        "$cc" -std=c11 "$source/examples/operation.c" $(pkg-config --cflags translution) \
            "$lib/libtranslution.a" $(pkg-config --static --libs translution OpenCL | sed 's/-ltranslution//') \
            -o "$work/operation_static"
    fi
}
cd "$work"
./operation >operation.txt || fail "the example operation"
if has static; then
    ./operation_static >static.txt || fail "the example operation, static"
    cmp operation.txt static.txt || fail "shared and static library differ"
fi
./train 2 "$work/run" >train.txt 2>train.err || { cat train.err; fail "the example train"; }
grep -q '^trained 2 steps' train.txt || fail "the example train printed: $(cat train.txt)"
./classify "$work/run" >classify.txt || fail "the example classify"
grep -q '^a stroke: ' classify.txt || fail "the example classify printed: $(cat classify.txt)"

# -- CMake: translution::translution is the shared library where there is one
mkdir consumer
cat >consumer/CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.22)
project(consumer LANGUAGES C)
find_package(translution $version REQUIRED $(! has static || echo COMPONENTS static))
find_package(OpenCL REQUIRED)
add_executable(any $source/examples/operation.c)
target_link_libraries(any translution::translution OpenCL::OpenCL m)
if($(has static && echo ON || echo OFF))
  add_executable(static $source/examples/operation.c)
  target_link_libraries(static translution::translution_static)
endif()
END
cmake -S consumer -B consumer/build -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" >log 2>&1 &&
    cmake --build consumer/build >>log 2>&1 || { cat log; fail "find_package(translution)"; }
consumer/build/any | cmp - operation.txt || fail "the consumer with the library"
! has static || consumer/build/static | cmp - operation.txt || fail "the consumer with the static library"

# -- manual: every flag and command of --help is in it, and it formats without a warning
missing=""
"$program" --help | sed -n 's/^  translution \([a-z]*\( [a-z]\+\)\?\).*/\1/p' >commands
while read -r command; do
    # shellcheck disable=SC2086 # "bench gemm" is two words
    for flag in $("$program" $command --help | sed -n 's/^  --\([^ ]*\).*/\1/p'); do
        sed 's/\\f[A-Z]//g; s/\\//g' "$source/docs/translution.1" | grep -q -e "--$flag\b" || missing="$missing $command:--$flag"
    done
done <commands
[ -z "$missing" ] || fail "docs/translution.1 does not mention$missing"
if command -v man >/dev/null 2>&1; then
    MANWIDTH=100 man --warnings -l "$source/docs/translution.1" 2>man.err >man.txt || true
    [ ! -s man.err ] || { cat man.err; fail "man has warnings"; }
fi
# -- the source tarball builds without git
cmake --build "$build" --target dist >log 2>&1 || { cat log; fail "the target dist"; }
tar xzf "$build/translution-$version.tar.gz"
GIT_DIR=/nonexistent cmake -S "translution-$version" -B tarball -G Ninja -DTL_TESTS=OFF -DCMAKE_C_COMPILER="$cc" >log 2>&1 &&
    cmake --build tarball --target tl_core >>log 2>&1 || { cat log; fail "building the source tarball"; }
# -- a build folder of several configurations: the tests run the program of their own, and look into the libraries of their own
cmake -S "$source" -B multi -G "Ninja Multi-Config" -DCMAKE_C_COMPILER="$cc" >log 2>&1 &&
    cmake --build multi --config Debug --target tl_core >>log 2>&1 || { cat log; fail "Ninja Multi-Config"; }
grep -q 'TL_PROGRAM=.*/Debug/translution' multi/CMakeFiles/impl-Debug.ninja || fail "tests of Debug run another program"
ctest --test-dir multi -C Debug -N -V -R '^(circles|symbols|rank_(exchange|precision|waits))$' >log || { cat log; fail "listing the tests of Debug"; }
[ "$(grep -c 'check_.*"[^ "]*/multi/Debug"' log)" = 2 ] || { cat log; fail "circles and symbols of Debug look elsewhere"; }
if [ -e "$lib/translution/translution_mpi.so" ]; then
    ! grep '/multi/translution_mpi\.so' log || fail "a test of Debug has the MPI module elsewhere"
fi
echo "package: all good"
