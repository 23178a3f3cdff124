# shellcheck shell=sh
# Sourced by tests that start several ranks.
. "$(dirname "$0")/../support/skip.sh"

# mpirun ARGUMENTS...: that of MPIRUN, or the one that is found
mpirun() { command "${MPIRUN:-mpirun}" "$@"; }

# need_mpi MODULE: skips where ranks cannot be started or MODULE, translution_mpi.so, was not built; else prepares mpirun for
# them, as root and with more ranks than cores. TRANSLUTION_MPI_MODULE names another module
need_mpi() {
    mpi="libopenmpi-dev and openmpi-bin (tools/install-deps)"
    [ -z "${TRANSLUTION_MPI_MODULE-}" ] || mpi="mpich and libmpich-dev (Debian has both beside Open MPI)"
    [ -e "${TRANSLUTION_MPI_MODULE:-$1}" ] || skip "${TRANSLUTION_MPI_MODULE:-translution_mpi.so} was not built" "$mpi"
    command -v "${MPIRUN:-mpirun}" >/dev/null || skip "no ${MPIRUN:-mpirun}" "$mpi"
    mpirun --version 2>/dev/null | grep -qE 'Open MPI|HYDRA' || skip "mpirun is neither Open MPI's nor MPICH's" "$mpi"
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
        OMPI_MCA_btl_vader_single_copy_mechanism=none
}

# started N PROGRAM ARGUMENTS...: N ranks, whose process numbers are in pid-0, pid-1, ...
# shellcheck disable=SC2016 # the rank's own shell expands them
started() {
    count=$1
    shift
    mpirun -n "$count" sh -c 'echo $$ >pid-${OMPI_COMM_WORLD_RANK:-$PMI_RANK}; exec "$@"' sh "$@"
}

# gave CODE: whether `code` is what mpirun ends with when a rank ended all with CODE; MPICH's may end as a rank that it killed
gave() { [ "$code" = "$1" ] || { [ "$code" = 9 ] && mpirun --version 2>/dev/null | grep -q HYDRA; }; }

# ended RANK: whether its process is gone, or nobody has asked how it ended
ended() {
    case $(sed 's/.*) //' "/proc/$(cat "pid-$1")/stat" 2>/dev/null) in
    "" | Z*) return 0 ;;
    *) return 1 ;;
    esac
}
