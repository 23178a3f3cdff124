#!/bin/sh
# Ranks without root's rights, where tests run with them, as in CI: of the user nobody, in a home of its own, with the caches of
# kernels in it. They wait for each other, and train what one process does.
#   test_ranks_as_user.sh MODULE PROGRAM RANK_WAITS
set -eu
tests=$(cd "$(dirname "$0")/.." && pwd)
. "$tests/support/mpi.sh"
need_mpi "$1"
[ "$(id -u)" -eq 0 ] || skip "the tests of ranks run without root's rights anyway" "run them as root"
command -v setpriv >/dev/null || skip "no setpriv" "install util-linux"
export POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable # kernels are compiled anew in this home, so in a fifth of the time
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
chown 65534:65534 "$home"
as_user() {
    setpriv --reuid=65534 --regid=65534 --clear-groups \
        env -u POCL_CACHE_DIR -u XDG_CACHE_HOME -u TRANSLUTION_CACHE_DIR HOME="$home" TMPDIR="$home" "$@"
}
as_user sh -c 'cd "$1" && [ -x "$2" ]' sh "$tests" "$2" || skip "the user nobody cannot run $2" "build in a folder that everybody may enter"
as_user "$tests/comm/test_rank_waits.sh" "$3" "$1"
cd "$home"
small="mnist --op attention --dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 8 --limit-train 16 --limit-test 8 --steps 2"
# shellcheck disable=SC2086 # a word an argument
as_user "$2" train $small --grad-slices 2 --out one # and builds the kernels, which both ranks would do
# shellcheck disable=SC2086
as_user mpirun -n 2 "$2" train $small --out two
cmp one/model.safetensors two/model.safetensors
