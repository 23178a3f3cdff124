#!/bin/sh
# Every script of tools/ says with --help what it is, under its own name, and does nothing else.
#   test_help_of_tools.sh SOURCE_DIR
set -u
cd "$1" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() {
    echo "test_help_of_tools: $1" >&2
    cat "$work/out" "$work/err" >&2
    exit 1
}
count=0
for tool in tools/*; do
    [ -x "$tool" ] && head -n 1 "$tool" | grep -q 'sh$' || continue
    count=$((count + 1))
    "$tool" --help >"$work/out" 2>"$work/err" </dev/null || fail "$tool --help ended with $?"
    [ ! -s "$work/err" ] || fail "$tool --help writes to standard error"
    grep -q "$tool" "$work/out" || fail "$tool --help does not say how it is called"
    ! grep -q '^#\|shellcheck disable' "$work/out" || fail "$tool --help shows its source"
done
[ "$count" -ge 15 ] || fail "only $count tools were found"
