#!/bin/sh
# Every reduction of a kernel has a local array of its own: PoCL 7.1 gets values wrong that live across the barriers of two
# reductions through one.
#   check_reductions.sh SOURCE_DIR
set -u
cd "$1/kernels" || exit 1
awk '
    FNR == 1 || /^__kernel/ { split("", used) }
    FILENAME == "common.cl" { next }
    match($0, /tl_row_(sum|max)\(.*, [a-z_]+\)/) {
        call = substr($0, RSTART, RLENGTH)
        sub(/\)$/, "", call); sub(/.*, /, "", call)
        reductions++
        if (call in used) { print "kernels/" FILENAME ":" FNR ": `" call "` serves a reduction before this one"; bad = 1 }
        used[call]
    }
    END {
        if (reductions < 10) { print "only " reductions + 0 " reductions found: the check looks for the wrong words"; bad = 1 }
        exit bad
    }' *.cl
