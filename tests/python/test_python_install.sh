#!/bin/sh
# `pip install` of the package into an empty folder, without the network: it finds the library that the environment names and
# gives its version; without one it says what to do, and with an older one, that.
#   test_python_install.sh LIBRARY SOURCE-DIR COMPILER
set -eu
library=$1 source=$2 compiler=$3
. "$source/tests/support/skip.sh"
for python in /usr/bin/python3 python3; do
    "$python" -c 'import setuptools, wheel, pip, numpy' 2>/dev/null && break
    python=""
done
[ -n "$python" ] || skip "no python3 with numpy, pip, setuptools and wheel" "install python3-numpy python3-pip python3-setuptools python3-wheel"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$source/python" "$work/python" # pip leaves its build folder beside the sources
cd "$work"
"$python" -m pip install --quiet --no-index --no-deps --no-build-isolation --disable-pip-version-check --root-user-action=ignore \
    --target site ./python
export PYTHONPATH="$work/site"
version=$(sed -n 's/^project(translution VERSION \([0-9.]*\) .*/\1/p' "$source/CMakeLists.txt")
got=$(TRANSLUTION_LIBRARY=$library "$python" -c 'import translution; print(translution.__version__, translution.__file__)')
[ "$got" = "$version $work/site/translution/__init__.py" ] || { echo "import says: $got"; exit 1; }
[ -e site/translution/py.typed ] || { echo "the package has no py.typed"; exit 1; }

refuses() { # WORDS LIBRARY
    if TRANSLUTION_LIBRARY=$2 "$python" -c 'import translution' 2>told; then echo "import with $2 did not fail"; exit 1; fi
    grep -q -- "$1" told || { echo "wanted '$1' in:"; cat told; exit 1; }
}
refuses 'libtranslution was not found (.*nowhere.so.*): install it, or name the file' "$work/nowhere.so"
echo 'int tl_exit_code(int status) { return status; }' >old.c
"$compiler" -shared -fPIC -o old.so old.c
refuses 'old.so has no tl_device_list: it is older than this package' "$work/old.so"
