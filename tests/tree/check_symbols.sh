#!/bin/sh
# What the linker sees of the library: tl_... of the public header, and tli_... inside, so that a program which links it
# statically meets no other names.
#   check_symbols.sh LIBRARY_DIR SOURCE_DIR
set -eu
header=$2/include/translution/translution.h
found=0
for symbol in $(nm -g --defined-only "$1"/libtl_*.a 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u); do
    found=$((found + 1))
    case $symbol in
    tli_* | _*) ;; # _: a sanitizer's or a compiler's
    *) grep -q "\b$symbol\b" "$header" || bad="${bad:-} $symbol" ;;
    esac
done
[ "$found" -gt 300 ] || { echo "only $found symbols were found in $1/libtl_*.a" >&2; exit 1; }
# shellcheck disable=SC2086 # a word a name
[ -z "${bad:-}" ] || { printf 'neither tli_... nor in the public header:\n' >&2; printf '  %s\n' $bad >&2; exit 1; }
