#!/bin/sh
# What the documents name exists: flags, of the program, of the scripts in tools/ or of the programs that are named below; files that
# links lead to; tools/..., docs/..., examples/... and the like in `code`; environment variables of the program.
#   check_documents.sh SOURCE_DIR PROGRAM
set -u
program=$2
cd "$1" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
faults=0
documents=$(ls ./*.md docs/*.md .github/ISSUE_TEMPLATE/*.yml | sed 's,^\./,,' | grep -v '^CHANGELOG.md$')

# -- flags
"$program" --help >"$work/help" || exit 1
for command in $(sed -n 's/^  translution \([a-z]*\).*/\1/p' "$work/help" | sort -u); do
    "$program" "$command" --help >>"$work/help" || { echo "$command --help fails"; exit 1; }
done
for target in gemm op step memory loader; do "$program" bench $target --help >>"$work/help" || exit 1; done
grep -oE -- '--[a-z][a-z0-9-]*' "$work/help" | sort -u >"$work/flags"
[ "$(wc -l <"$work/flags")" -gt 80 ] || { echo "few flags found in --help: the check looks in the wrong place"; exit 1; }
grep -ohE -- '--[a-z][a-z0-9-]*' tools/* | sort -u >>"$work/flags"
# cmake, ctest, clang-format, pkg-config, numactl, mpirun, srun, tensorboard
printf '%s\n' --build --install --preset --target --test-dir --output-on-failure --dry-run --cflags --libs \
    --interleave --map-by --bind-to --oversubscribe --job-name --ntasks --time --signal --open-mode --mpi --logdir >>"$work/flags"
# the program has it, but not in --help: for tests
"$program" train mnist --kernel-path nothing 2>&1 | grep -q -- '--kernel-path.*cpu' && echo --kernel-path >>"$work/flags"
for document in $documents docs/translution.1; do
    sed 's/\\-/-/g' "$document" | grep -oE -- '(^|[^a-zA-Z0-9-])--[a-z][a-z0-9-]*' | grep -oE -- '--[a-z][a-z0-9-]*' | sort -u |
        grep -vxF -f "$work/flags" | sed "s,^,$document: no program here has ,"
done >"$work/wrong"

# -- links [text](path#part), but for those to other sites
for document in $documents docs/measurements/*.md; do
    [ -e "$document" ] || continue
    grep -oE '\]\([^)#]+' "$document" | cut -c 3- | grep -v '^[a-z]*:' | sort -u | while read -r link; do
        [ -e "$(dirname "$document")/$link" ] || echo "$document: a link to $link, which is not there"
    done
done >>"$work/wrong"

# -- paths in `code`, and variables
for document in $documents; do
    grep -oE '(python|tools|experiments|docs|examples|include|kernels|cmake|debian|tests|src)/[A-Za-z0-9_./-]*[A-Za-z0-9_]' "$document" | sort -u | while read -r path; do
        [ -e "$path" ] || [ -e "${path%.*}" ] || ls "$path"* >/dev/null 2>&1 || echo "$document: $path is not there"
    done
    grep -oE 'TRANSLUTION_[A-Z0-9_]*[A-Z0-9]' "$document" | sort -u | while read -r variable; do
        grep -rqF "$variable" src tests tools || echo "$document: nothing reads $variable"
    done
done >>"$work/wrong"
[ ! -s "$work/wrong" ] || { cat "$work/wrong"; faults=1; }
exit $faults
