#!/bin/sh
# The Python package against the library of this build: test_*.py beside this script.
#   test_python.sh LIBRARY SOURCE-DIR [TEST-NAMES...]
set -eu
library=$1 source=$2
shift 2
. "$source/tests/support/skip.sh"
for python in python3 /usr/bin/python3; do
    "$python" -c 'import numpy' 2>/dev/null && break
    python=""
done
[ -n "$python" ] || skip "no python3 with numpy" "install python3-numpy"
cd "$source/tests/python"
export PYTHONPATH="$source/python" TRANSLUTION_LIBRARY="$library" PYTHONDONTWRITEBYTECODE=1
[ $# -gt 0 ] || set -- discover
"$python" -W error -m unittest "$@" -v
