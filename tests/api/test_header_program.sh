#!/bin/sh
# The program on the first page of the header: taken out, compiled as C and as C++17 with warnings as errors, and run on less data.
#   test_header_program.sh SOURCE_DIR CC LIBRARY_DIR [-lLIBRARY...]     the others that a static one needs
set -eu
source=$1 cc=$2 library=$3
shift 3
others=$*
. "$source/tests/support/skip.sh"
command -v c++ >/dev/null 2>&1 || skip "no C++ compiler" "install g++"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
sed -n '/^ \*   #include <stdio.h>/,/^ \*   }/s/^ \* \{0,3\}//p' "$source/include/translution/translution.h" >program.c
grep -q '^int main' program.c || { echo "the header's first page has no program"; exit 1; }
# shellcheck disable=SC2086 # a list of flags
build() { # COMPILER...
    "$@" -Wall -Wextra -Werror -I "$source/include" program.c -x none -L "$library" -Wl,-rpath,"$library" -ltranslution $others -o program
}
build c++ -std=c++17 -x c++
sed -i 's/epochs = 2;/steps = 2; settings.training.batch_size = 4; settings.training.limit_test = 16;/' program.c
build "$cc" -std=c11
TRANSLUTION_DEVICE=${TRANSLUTION_DEVICE-cpu} ./program | tee out
grep -q '^2 steps, weights in runs/mnist-alpha-1$' out
[ -f runs/mnist-alpha-1/model.safetensors ]
