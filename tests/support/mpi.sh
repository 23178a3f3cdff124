# shellcheck shell=sh
# Sourced by tests that start several ranks.
. "$(dirname "$0")/../support/skip.sh"

# need_mpi MODULE: skips where ranks cannot be started or MODULE, translution_mpi.so, was not built; else prepares mpirun for
# them, as root and with more ranks than cores
need_mpi() {
    mpi="libopenmpi-dev and openmpi-bin (tools/install-deps)"
    [ -e "$1" ] || skip "translution_mpi.so was not built" "$mpi"
    command -v mpirun >/dev/null || skip "no mpirun" "$mpi"
    mpirun --version 2>/dev/null | grep -q 'Open MPI' || skip "mpirun is not Open MPI's, whose options this test gives" "$mpi"
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
        OMPI_MCA_btl_vader_single_copy_mechanism=none
}

# started N PROGRAM ARGUMENTS...: N ranks, whose process numbers are in pid-0, pid-1, ...
# shellcheck disable=SC2016 # the rank's own shell expands them
started() {
    count=$1
    shift
    mpirun -n "$count" sh -c 'echo $$ >pid-$OMPI_COMM_WORLD_RANK; exec "$@"' sh "$@"
}

# ended RANK: whether its process is gone, or nobody has asked how it ended
ended() {
    case $(sed 's/.*) //' "/proc/$(cat "pid-$1")/stat" 2>/dev/null) in
    "" | Z*) return 0 ;;
    *) return 1 ;;
    esac
}
