#!/bin/sh
# Whichever libraries BUILD_SHARED_LIBS asks for, tests and programs are configured with those, and nothing names another.
#   test_library_kinds.sh SOURCE_DIR CC
set -eu
source=$1 cc=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
for shared in unset ON OFF; do
    kind=-DBUILD_SHARED_LIBS=$shared
    [ $shared != unset ] || kind=-UBUILD_SHARED_LIBS
    cmake -S "$source" -B "$work/$shared" -G Ninja -DCMAKE_C_COMPILER="$cc" -DTL_TESTS=ON "$kind" >"$work/log" 2>&1 ||
        { cat "$work/log"; fail "configuring with BUILD_SHARED_LIBS=$shared"; }
    libraries=$(cmake --build "$work/$shared" --target help | sed -nE 's/^translution_(static|shared): phony$/\1/p' | sort | tr '\n' ' ')
    case $shared-$libraries in
    "unset-shared static " | "ON-shared " | "OFF-static ") ;;
    *) fail "BUILD_SHARED_LIBS=$shared makes: $libraries" ;;
    esac
    ctest --test-dir "$work/$shared" -N >"$work/tests" || fail "listing the tests with BUILD_SHARED_LIBS=$shared"
    grep -q ': header_program$' "$work/tests" || fail "no tests with BUILD_SHARED_LIBS=$shared"
done
