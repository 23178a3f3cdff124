#!/bin/sh
# tools/check_abi on the sources as they are, and on headers with one change each: what it refuses, and what it allows.
#   test_abi.sh SOURCE-DIR COMPILER
set -eu
source=$1
export CC="$2"
code=0
"$source/tools/check_abi" || code=$?
[ $code -eq 0 ] || exit $code # 77: no abidiff here
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
header=include/translution/translution.h
mkdir -p "$work/include/translution"

change() { # SED-EXPRESSION
    sed "$1" "$source/$header" >"$work/$header"
    if cmp -s "$source/$header" "$work/$header"; then echo "$1 changes nothing"; exit 1; fi
    code=0
    HEADER_DIR=$work/include "$source/tools/check_abi" >"$work/told" 2>&1 || code=$?
}
refuses() { # SED-EXPRESSION WORDS
    change "$1"
    if [ $code -ne 1 ]; then echo "$1 was not refused ($code):"; cat "$work/told"; exit 1; fi
    grep -q -- "$2" "$work/told" || { echo "$1: wanted '$2' in:"; cat "$work/told"; exit 1; }
    grep -q '^programs of the last version would no longer run' "$work/told" || { cat "$work/told"; exit 1; }
}
allows() { # SED-EXPRESSION
    change "$1"
    [ $code -eq 0 ] || { echo "$1 was refused:"; cat "$work/told"; exit 1; }
}

refuses '/^tl_status tl_finish(/d' "tl_finish"
refuses 's/^tl_status tl_finish(tl_context \*ctx);/tl_status tl_finish(tl_context *ctx, int seconds);/' "tl_finish"
refuses 's/^uint64_t tl_memory_peak(/uint32_t tl_memory_peak(/' "tl_memory_peak"
refuses 's/    uint64_t memory_limit; /    uint32_t memory_limit; /' "memory_limit"
refuses 's/    bool cls, causal;/    bool inserted, cls, causal;/' "inserted"
refuses 's/    char text\[2048\];/&int added;/' "added" # tl_error does not begin with its size
refuses 's/    TL_POSITIONS_NONE,/TL_POSITIONS_INSERTED,&/' "TL_POSITIONS_INSERTED"
refuses 's/^} tl_layer_config;/int added;\n&/' "added" # in the padding at its end, which holds whatever the caller left there
# What does not take the room that a result reserves, and changes beside an addition.
room='/^    double rate; /{n;s/.*/'
refuses "${room}uint64_t reserved[7];/}" "tl_step"
refuses "${room}double added; uint64_t reserved[8];/}" "tl_step"
refuses "s/^    double loss, lr; /    float lr; double loss; /;${room}double added; uint64_t reserved[7];/}" "tl_step"
refuses 's/^    void \*user; \/\* first argument of the callbacks/    int32_t user; \/*/;s/^} tl_hooks;/int added;\n&/' "tl_hooks"
refuses 's/char training_room\[512\];/char training_room[1024];/' "training_room"

allows 's/^tl_status tl_finish(/void tl_added(void);\n&/'
allows 's/^} tl_layer_config;/uint64_t added;\n&/'
allows 's/^} tl_model_config;/uint64_t added;\n&/' # which has room in tl_settings
allows "${room}double added; uint64_t reserved[7];/}"
allows "${room}double added[8];/}"
allows 's/\(    TL_POSITIONS_ALIBI\)\(.*\)/\1, TL_POSITIONS_ADDED\2/'
