#!/bin/sh
# No two files of a room call each other, directly or through others: their functions could not be understood, tested or
# replaced one file at a time. Tables of functions, by which a file serves callers that it does not know, are no calls.
#   check_circles.sh LIBRARY_DIR
set -u
. "$(dirname "$0")/../support/skip.sh"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
command -v nm > /dev/null && command -v tsort > /dev/null || skip "no nm or no tsort" "install binutils and coreutils"
faults=0
seen=0
for room in "$1"/libtl_*.a; do
    nm -A "$room" 2> /dev/null | awk '{ n = split($1, a, ":"); print a[n - 1], $(NF - 1), $NF }' > "$work/symbols"
    awk '$2 == "T" { print $1, $3 }' "$work/symbols" > "$work/defined"
    awk 'NR == FNR { file[$2] = $1; next } $2 == "U" && $3 in file && file[$3] != $1 { print $1, file[$3] }' \
        "$work/defined" "$work/symbols" | sort -u > "$work/calls"
    seen=$((seen + $(wc -l < "$work/calls")))
    tsort "$work/calls" > /dev/null 2> "$work/loops" && continue
    echo "$(basename "$room"): files that call each other in a circle:"
    sed -n 's/^tsort: \([a-z_0-9]*\.c\)\.o$/    \1/p; s/.*contains a loop.*/  circle:/p' "$work/loops"
    faults=1
done
[ "$seen" -gt 100 ] || { echo "few calls between files found in $1: the check looks in the wrong place"; exit 1; }
exit $faults
