#!/bin/sh
# Names of values stand in the tables of core/choices.c (sizes: models/presets.c) and in no other source file; rules of
# operations in ops/op_rules.c.
#   check_names.sh SOURCE_DIR
set -u
cd "$1" || exit 1

# Words that mean something else where they stand, one `FILE WORD` a line.
homonyms='
src/cli/bench_gemm.c k
src/cli/cmd_train.c data
src/cli/flags.c attention
src/cli/flags.c data
src/cli/flags.c k
src/cli/ranks.c auto
src/cli/tune_table.c default
src/cli/tune_table.c k
src/data/image_folder.c other
src/device/select.c auto
src/models/plan.c translution
src/models/plan.c workspace
src/ops/clip.c clip
src/ops/convit.c convit
src/ops/rope.c rope
src/ops/kernel_forms.c clip
src/ops/kernel_forms.c rope
src/ops/kernel_forms.c convit
src/ops/self_test.c clip
src/ops/self_test.c rope
src/ops/self_test.c convit
src/ops/tuning_text.c default
src/ops/tuning_text.c k
src/tasks/task_images.c vit
src/tasks/task_text.c gpt
'

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
grep -oE '\{[A-Z0-9_| ]+, "[a-z0-9-]+"' src/core/choices.c | grep -oE '"[a-z0-9-]+"' | tr -d '"' > "$work/names"
sed -n 's/^ *SIZE(\([a-z]*\),.*/\1/p' src/models/presets.c >> "$work/names"
[ "$(wc -l < "$work/names")" -gt 50 ] || { echo "few names found in src/core/choices.c: the check looks in the wrong place"; exit 1; }

# Whole string literals outside of comments: `FILE WORD`.
find src \( -name '*.c' -o -name '*.h' \) ! -path src/core/choices.c ! -path src/models/presets.c | sort | while read -r file; do
    grep -vE '^ *(/\*|\*)' "$file" | sed 's,/\*.*\*/,,' | grep -oE '"[a-z0-9-]+"' | tr -d '"' | sort -u | sed "s,^,$file ,"
done > "$work/words"
awk 'NR == FNR { name[$1]; next } $2 in name' "$work/names" "$work/words" | sort > "$work/found"
echo "$homonyms" | sed '/^$/d' | sort > "$work/allowed"

faults=0
for line in $(comm -23 "$work/found" "$work/allowed" | tr ' ' ':'); do
    echo "${line%:*}: \"${line##*:}\" is the name of a value: take it from core/choices.h"
    faults=1
done
for line in $(comm -13 "$work/found" "$work/allowed" | tr ' ' ':'); do
    echo "tests/tree/check_names.sh: ${line%:*} does not have \"${line##*:}\" any more: strike it from the homonyms"
    faults=1
done

# shellcheck disable=SC2046 # a word a file
# A list of names in one literal, as in "none|learned|rope" or "none, learned, rope". Words of --device are types and others.
awk -v OFS=: 'NR == FNR { name[$1]; next }
    FILENAME !~ /core\/choices.c$/ && !/define TLI_DEVICE_WORDS/ {
        n = split($0, piece, "\"")
        for (i = 2; i <= n; i += 2) {
            words = split(piece[i], word, /\||, /); hits = 0
            if (piece[i] ~ /, /) for (j = 1; j <= words; j++) if (length(word[j]) == 1) delete word[j] # "q, k, v of a block"
            for (j = 1; j <= words; j++) if (word[j] in name) hits++
            if (words > 1 && hits > 1) { print FILENAME, FNR, " a list of names: use tli_choice_list"; bad = 1 }
        }
    }
    END { exit bad }' "$work/names" $(find src -name '*.[ch]') || faults=1

# A task is one file and one line in tasks/task.c: nobody else says its name, in a literal of its own or inside of one.
tasks=$(sed -n 's/^    \.name = "\([a-z]*\)",$/\1/p' src/tasks/task_*.c | tr '\n' '|' | sed 's/|$//')
[ -n "$tasks" ] || { echo "no task found in src/tasks: the check looks in the wrong place"; exit 1; }
if grep -rnE "\"[^\"]*\b($tasks)\b[^\"]*\"" src --include='*.[ch]' | grep -vE '#include|^src/tasks/task_|^src/core/choices\.c|/\*.*"|: *\*'; then
    echo "these name tasks: ask tasks/task.h for what matters"
    faults=1
fi

# What an operation is and allows stands in ops/op_rules.c: nobody outside of src/ops asks which one it is.
if grep -rnE '[=!]= *\(?TL_OP_[A-Z]|TL_OP_[A-Z_]+\)? *[=!]=|case TL_OP_' src --include='*.[ch]' | grep -v '^src/ops/'; then
    echo "these compare kinds of operations: ask ops/op_rules.h for what matters"
    faults=1
fi
exit $faults
