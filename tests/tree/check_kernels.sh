#!/bin/sh
# Rules of kernels/: a kernel has at most 12 arguments (a macro for the same argument of several tensors is one), no macro hides a loop
# or a barrier, a file is named as its host file in src/ops, and the host checks the size of every struct that it shares.
#   check_kernels.sh SOURCE_DIR
set -u
cd "$1" || exit 1
faults=0

# Files of no host file: what is put before others.
shared='bf16 common dpas gemm_finish mfma mma mma_fragment offset_gemm_columns offset_gemm_gradient offset_gemm_rows tile tile_fma tile_tensor transpose'

for file in kernels/*.cl; do
    name=$(basename "$file" .cl)
    base=${name%_gpu}
    base=${base%_sizes}
    case " $shared " in *" $base "*) continue ;; esac
    [ -f "src/ops/$base.c" ] || { echo "$file: there is no src/ops/$base.c: name it as the file that launches its kernels"; faults=1; }
done

awk '
    # Lines without comments; those that end with a backslash are one line.
    { sub(/\/\/.*/, "") }
    /\\$/ { sub(/\\$/, ""); line = line $0; next }
    { line = line $0 }
    {
        if (line ~ /^#define/) {
            macros++
            body = line
            if (body ~ /(^|[^A-Za-z0-9_])(for|while|do|goto|barrier|_Pragma)([^A-Za-z0-9_]|$)/ || body ~ /_sync *\(|_barrier *\(|tl_row_(sum|max) *\(/) {
                split(body, word, /[ (]+/)
                print FILENAME ":" FNR ": the macro " word[2] " hides a loop or a barrier: make it a function"
                bad = 1
            }
        }
        line = ""
    }
    # From __kernel to the end of the arguments.
    /__kernel/ { inside = 1; head = "" }
    inside { head = head " " $0 }
    inside && /\)[ \t]*$/ {
        inside = 0
        kernels++
        gsub(/__attribute__\(\([^)]*\)\)\)/, "", head)
        name = head
        sub(/\(.*/, "", name); sub(/.* /, "", name)
        sub(/^[^(]*\(/, "", head)
        arguments = gsub(/,/, ",", head) + 1
        if (arguments > 12) {
            print FILENAME ":" FNR ": " name " has " arguments " arguments: give it a struct of offsets and sizes, as in gemm_sizes.cl"
            bad = 1
        }
    }
    # A function that has a barrier says so by its name, which the rule for macros looks for.
    /^(static inline|inline|__kernel)/ { function_name = $0; sub(/\(.*/, "", function_name); sub(/.* /, "", function_name); is_kernel = /^__kernel/ }
    /^ .*barrier\(/ && !is_kernel && function_name !~ /_sync$|_barrier$|^tl_row_(sum|max)$/ {
        print FILENAME ":" FNR ": " function_name " has a barrier: end its name with _sync"
        bad = 1
    }
    END {
        if (kernels < 30 || macros < 30) { print "only " kernels + 0 " kernels and " macros + 0 " macros found: the check looks for the wrong words"; bad = 1 }
        exit bad
    }' kernels/*.cl || faults=1

structs=$(sed -n 's/^} \([a-z0-9_]*\);$/\1/p' kernels/*_sizes.cl)
[ -n "$structs" ] || { echo "no struct found in kernels/*_sizes.cl: the check looks in the wrong place"; faults=1; }
for struct in $structs; do
    grep -q "_Static_assert(.*sizeof($struct) ==" src/ops/*.c ||
        { echo "kernels/*_sizes.cl: no file of src/ops asserts sizeof($struct), which kernels and host must agree on"; faults=1; }
done
exit $faults
