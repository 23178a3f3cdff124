#!/bin/sh
# python/translution/_header.py is what tools/python_bindings makes of the header, and what the C compiler makes of it, too:
# every enumerator, every size, every offset.
#   test_python_bindings.sh SOURCE-DIR COMPILER
set -eu
source=$1 compiler=$2
. "$source/tests/support/skip.sh"
/usr/bin/python3 -c 'import pycparser' 2>/dev/null || skip "no python3 with pycparser" "install python3-pycparser"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CC="$compiler" PYTHONDONTWRITEBYTECODE=1
bindings=$source/python/translution/_header.py
"$source/tools/python_bindings" --print >"$work/_header.py"
cmp -s "$bindings" "$work/_header.py" || {
    diff -u "$bindings" "$work/_header.py" | head -20
    echo "python/translution/_header.py is not what the header says: run tools/python_bindings"
    exit 1
}
"$source/tools/python_bindings" --layout >"$work/layout.c"
"$compiler" -I "$source/include" -o "$work/layout" "$work/layout.c"
"$work/layout" >"$work/layout.txt"

# Compares the modules $2/_header.py and $2/_struct.py with the compiler's lines: no NumPy, no library.
cat >"$work/compare.py" <<'PYTHON'
import ctypes, importlib, sys, types
package = types.ModuleType("bindings")
package.__path__ = [sys.argv[1]]
sys.modules["bindings"] = package
header = importlib.import_module("bindings._header")
title = lambda name: "".join(word.capitalize() for word in name[len("tl_"):].split("_"))
values = {}
for enum in vars(header).values():
    if isinstance(enum, type) and issubclass(enum, header.IntEnum) and enum is not header.IntEnum:
        values.update({(enum, member.name): member.value for member in enum})
wrong, seen = 0, 0
for line in open(sys.argv[2]):
    name, *numbers = line.split()
    numbers = [int(n) for n in numbers]
    struct, _, member = name.partition(".")
    if member:
        field = getattr(getattr(header, title(struct)), member)
        got = [field.offset, field.size]
        kind = getattr(header, title(struct))
        if kind._fields_[0][0] != member and member not in dict(kind._fields_):  # of a union inside: offset in the union
            part = next(n for n, t in kind._fields_ if n.startswith("_") and member in dict(t._fields_))
            got = [getattr(kind, part).offset, field.size]
    elif struct.startswith("tl_"):
        got = [ctypes.sizeof(getattr(header, title(struct)))]
    else:
        found = {v for (enum, n), v in values.items() if name.endswith("_" + n)} | (
            {getattr(header, name[3:])} if hasattr(header, name[3:]) else set())
        got = numbers if numbers[0] in found else sorted(found)
    seen += 1
    if got != numbers:
        print(f"{name}: {numbers} to the compiler, {got} to ctypes")
        wrong += 1
assert seen > 200, "few lines were compared: the check looks in the wrong place"
raise SystemExit(wrong > 0)
PYTHON
/usr/bin/python3 "$work/compare.py" "$source/python/translution" "$work/layout.txt"

# The comparison sees a member of another size, an enumerator of another value, and members in another order.
cp "$source/python/translution/_struct.py" "$work"
refuses() { # SED-EXPRESSION NAME
    sed "$1" "$bindings" >"$work/_header.py"
    if cmp -s "$bindings" "$work/_header.py"; then echo "$1 changed nothing"; exit 1; fi
    if /usr/bin/python3 "$work/compare.py" "$work" "$work/layout.txt" >"$work/told"; then echo "$1 was not seen"; exit 1; fi
    grep -q "$2" "$work/told" || { echo "$1: wanted $2 in:"; cat "$work/told"; exit 1; }
}
refuses 's/("seed", c_uint64)/("seed", c_uint32)/' '^tl_training.seed: '
refuses 's/^    ERROR_INPUT = 2/    ERROR_INPUT = 9/' '^TL_ERROR_INPUT: '
refuses '/("warmup", c_uint64),/d; s/("schedule_version", c_uint32),/&("warmup", c_uint64),/; s/("lr", c_float),//; s/("eps", c_float),/&("lr", c_float),/' '^tl_training.lr: '
