#!/bin/sh
# Fine-tuning from outside: other classes, a larger image, longer sequences; what a run begins with is what the file holds, and
# what does not fit is refused with exit code 2 or, with --init-partial, said.
#   test_finetune.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/program.sh"
model="--dim 16 --depth 1 --heads 2 --head-dim 8"
digits="--batch-size 8 --limit-train 16 --limit-test 16 $model"
text="--batch-size 2 --samples-per-epoch 8 --limit-test 4 --vocab-size 60 $model"
# shellcheck disable=SC2086 # lists of flags are meant to split
mnist() { "$program" train mnist $digits "$@" >out.txt 2>err.txt; }
# shellcheck disable=SC2086
gpt() { "$program" train gpt $text "$@" >out.txt 2>err.txt; }
value() { sed -n 's/.*"'"$1"'":\([^,}]*\).*/\1/p' out.txt; }
refuses() { # WORDS COMMAND...
    words=$1 code=0
    shift
    "$@" || code=$?
    [ "$code" = 2 ] || fail "exit code $code instead of 2: $*"
    grep -q -- "$words" err.txt || fail "no '$words' from: $*"
}

mnist --op alpha --image-size 60 --steps 4 --lr 3e-3 --out ten || fail "the first run"
"$program" eval ten --limit-test 16 >out.txt 2>err.txt || fail "eval"
before=$(value test_loss)

# The same model: nothing is lost on the way, from the folder as from the file.
for init in ten ten/model.safetensors; do
    mnist --op alpha --image-size 60 --steps 1 --lr 0 --init "$init" --out same || fail "--init $init"
    [ "$(value test_loss)" = "$before" ] || fail "the loss is $(value test_loss) instead of $before"
    said 'beginning from the weights of ten/model.safetensors'
done

# Other classes: IDX files of 20 images with the labels 0 to 12.
idx() { # NAME COUNT: images of noise and labels
    { printf '\0\0\010\003\0\0\0\024\0\0\0\034\0\0\0\034' && head -c 15680 /dev/urandom; } >"data/$1-images-idx3-ubyte"
    printf '\0\0\010\001\0\0\0\024' >"data/$1-labels-idx1-ubyte"
    for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 0 1 2 3 4 5 6; do # shellcheck disable=SC2059
        printf "\\$(printf '%03o' $i)" >>"data/$1-labels-idx1-ubyte"
    done
}
mkdir data
idx train && idx t10k
thirteen="--op alpha --image-size 60 --classes 13 --data data --steps 2 --init ten"
# shellcheck disable=SC2086
refuses 'mlp_head.weight is 10 x 16 there and 13 x 16' mnist $thirteen --out thirteen
[ ! -e thirteen/model.safetensors ] || fail "a refused run left a model"
# shellcheck disable=SC2086
mnist $thirteen --init-partial --out thirteen || fail "other classes"
said 'mlp_head.weight is drawn anew'
"$program" eval thirteen --data data >out.txt 2>err.txt || fail "eval of 13 classes"

# A larger image: of the 13 x 13 offsets of a grid of 7 x 7, the 9 x 9 of 5 x 5 are there, and the class token's.
larger="--op alpha --image-size 84 --steps 2 --init ten"
# shellcheck disable=SC2086
refuses 'to_q2.unique_params is 84 x 16 x 16 there and 172 x 16 x 16' mnist $larger --out larger
# shellcheck disable=SC2086
refuses 'to_q2.unique_params is 84 x 16 x 16 there and 172 x 16 x 16' mnist $larger --dry-run
# shellcheck disable=SC2086
mnist $larger --init-partial --dry-run || fail "a dry run"
# shellcheck disable=SC2086
mnist $larger --init-partial --out larger || fail "a larger image"
said 'of the 172 offsets of each of 3 tables, 84 are copied and 88 drawn anew'
mnist --op attention --image-size 60 --steps 1 --out learned || fail "attention"
refuses 'pos_embedding is 1 x 26 x 16 there and 1 x 50 x 16' \
    mnist --op attention --image-size 84 --steps 1 --init learned --out learned-larger
mnist --op attention --image-size 84 --steps 1 --init learned --init-partial --out learned-larger || fail "positions"
said 'pos_embedding is drawn anew'
refuses '--op attention, but this run has --op alpha' mnist --op alpha --image-size 60 --init learned --out other
refuses '--init-partial' mnist --init-partial --out other
refuses 'nowhere' mnist --init nowhere --out other

# Longer sequences.
for op in translution alpha; do
    gpt --op $op --seq-len 16 --steps 2 --out "text-$op" || fail "gpt, $op"
    refuses 'unique_params is 16 x' gpt --op $op --seq-len 32 --steps 2 --init "text-$op" --out "long-$op"
    gpt --op $op --seq-len 32 --steps 2 --init "text-$op" --init-partial --out "long-$op" || fail "longer, $op"
    said 'of the 32 offsets of each of 3 tables, 16 are copied and 16 drawn anew'
done

# Interrupted and given again as it was, with --resume: the checkpoint is taken, not the file.
mnist --op alpha --image-size 60 --steps 6 --init ten --resume --out whole || fail "the whole run"
mnist --op alpha --image-size 60 --steps 6 --init ten --resume --stop-after 3 --out parts || fail "its first half"
mnist --op alpha --image-size 60 --steps 6 --init ten --resume --out parts || fail "its second half"
said 'resuming parts after step 3'
cmp whole/model.safetensors parts/model.safetensors || fail "the resumed run is another"
echo "fine-tuning: other classes, larger images, longer sequences"
