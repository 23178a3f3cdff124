#!/bin/sh
# What the program can do, another program can: src/cli knows the library by its public header alone. Beside it, it includes its
# own headers, and src/core, which holds no more than status, text, progress and the like. The tables of flags also read the
# tables of tasks, sizes, operations and augmentations; bench, kernels and tune look inside.
#   check_command_includes.sh SOURCE_DIR
set -u
cd "$1/src" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
checked=0
faults=0
for file in cli/*.[ch]; do
    case $file in
    cli/bench*.[ch] | cli/timing.[ch] | cli/cmd_kernels.c | cli/*tune*.[ch]) continue ;;
    cli/flag*.[ch] | cli/options.[ch] | cli/field_names.[ch] | cli/commands.[ch])
        allowed='cli/|core/|tasks/(task|settings)\.h|models/presets\.h|ops/op_rules\.h|data/augment\.h' ;;
    *) allowed='cli/|core/' ;;
    esac
    checked=$((checked + 1))
    sed -nE 's,^ *# *include "([^"]*)".*,\1,p' "$file" >"$work/headers"
    wrong=$(grep -vE "^($allowed)" "$work/headers"; grep -E '^cli/(bench|timing)\.h' "$work/headers")
    [ -z "$wrong" ] && continue
    echo "src/$file looks into the library: $wrong"
    faults=1
done
[ "$checked" -ge 25 ] || { echo "few files in src/cli: the check looks in the wrong place"; exit 1; }
exit $faults
