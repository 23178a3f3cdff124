#!/bin/sh
# Every function of the public header is called with wrong arguments by a test in tests/api (refusals.h).
#   check_tried.sh SOURCE_DIR
set -u
cd "$1" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
sed 's,/\*.*\*/,,; /\/\*/,/\*\//d' include/translution/translution.h | grep -oE '[ *]tl_[a-z0-9_]+\(' | tr -d ' *(' | sort -u > "$work/declared"
[ "$(wc -l < "$work/declared")" -ge 30 ] || { echo "few functions found in the header: the check looks in the wrong place"; exit 1; }
cat tests/api/*.[ch] | tr -s '\n ' '  ' | grep -oE '\b((WRONG|GIVES|TRIES)\(|FAILS\([A-Z_]+, )tl_[a-z0-9_]+' |
    grep -oE 'tl_[a-z0-9_]+' | sort -u > "$work/tried"
comm -23 "$work/declared" "$work/tried" > "$work/missed"
[ ! -s "$work/missed" ] && exit 0
sed 's/$/ is declared, and no test in tests\/api gives it wrong arguments/' "$work/missed"
exit 1
