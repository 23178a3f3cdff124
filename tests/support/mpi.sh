# shellcheck shell=sh
# Sourced by tests that start several ranks.
. "$(dirname "$0")/../support/skip.sh"
. "$(dirname "$0")/../support/ranks.sh"

# need_mpi MODULE: skips where ranks cannot be started or MODULE, translution_mpi.so, was not built. TRANSLUTION_MPI_MODULE names
# another module
need_mpi() {
    mpi="libopenmpi-dev and openmpi-bin (tools/install-deps)"
    [ -z "${TRANSLUTION_MPI_MODULE-}" ] || mpi="mpich and libmpich-dev (Debian has both beside Open MPI)"
    [ -e "${TRANSLUTION_MPI_MODULE:-$1}" ] || skip "${TRANSLUTION_MPI_MODULE:-translution_mpi.so} was not built" "$mpi"
    command -v "${MPIRUN:-mpirun}" >/dev/null || skip "no ${MPIRUN:-mpirun}" "$mpi"
    mpirun --version 2>/dev/null | grep -qE 'Open MPI|HYDRA' || skip "mpirun is neither Open MPI's nor MPICH's" "$mpi"
}

# need_module MODULE: the same for a program that MODULE does not lie beside
need_module() {
    need_mpi "$1"
    export TRANSLUTION_MPI_MODULE="${TRANSLUTION_MPI_MODULE:-$1}"
}

# alone ARGUMENTS...: what several ranks do, by one process; same RUN RUN: they have the same weights; state RUN: the optimizer's
# shellcheck disable=SC2086,SC2048 # lists of arguments are meant to split
alone() { "$program" train $* >out.txt 2>err.txt; }
same() { cmp "$1/model.safetensors" "$2/model.safetensors" || fail "$1 and $2 differ"; }
# compile ARGUMENTS...: has one process build the kernels of such a run. Ranks that begin together on an empty cache each build all of them
# shellcheck disable=SC2048
compile() {
    alone $* --stop-after 1 --out compiled || fail "no kernels for $*"
    rm -rf compiled
}
# sent_as_planned RANKS ARGUMENTS...: by --profile in err.txt rank 0 has sent what --dry-run says
# shellcheck disable=SC2086,SC2048
sent_as_planned() {
    count=$1
    shift
    "$program" train $* --dry-run --ranks "$count" >plan.txt 2>/dev/null || fail "no plan"
    awk -v planned="$(sed -n 's/.*"sent_bytes":\([0-9]*\).*/\1/p' plan.txt)" \
        '/^(sums of gradients|weights|logits and outputs) /{sent += 1e6 * $(NF - 1)}
        END {exit !(planned > 5e5 && sent > planned - 2000 && sent < planned + 2000)}' err.txt || fail "other bytes than planned"
}
state() { echo "$1/checkpoints/$(ls "$1/checkpoints")/state.safetensors"; }
# wait_until SECONDS FAULT COMMAND...: until COMMAND succeeds; fails with FAULT after so many
wait_until() {
    turns=$(($1 * 10)) fault=$2
    shift 2
    until "$@"; do
        turns=$((turns - 1))
        [ $turns -gt 0 ] || fail "$fault"
        sleep 0.1
    done
}
# has_step N RUN: its metrics have a line of step N
has_step() { grep -q "\"step\":$1," "$2/metrics.jsonl" 2>/dev/null; }
