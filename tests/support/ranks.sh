# shellcheck shell=sh
# Sourced by what starts several ranks by mpirun: tests (mpi.sh) and tools/fault_table. Ranks may be root's, and more than there are cores.
# Open MPI 4 and 5 have different names for it.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
    PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe OMPI_MCA_btl_vader_single_copy_mechanism=none

# mpirun ARGUMENTS...: that of MPIRUN, or the one that is found. It works in the current folder: several of Open MPI's that begin or end at
# once fail where one makes or removes /tmp/ompi.HOST.UID while another does.
mpirun() { TMPDIR=$PWD command "${MPIRUN:-mpirun}" "$@"; }

# apart COMMAND... : COMMAND...: two ranks, each with a command of its own. Some versions of Open MPI's mpirun crash when they are
# given two commands, so that each rank takes its own from one list.
# shellcheck disable=SC2016 # the rank's own shell expands them
apart() {
    first=0 left=$#
    while [ $left -gt 0 ]; do # every word to the end, but for the colon
        left=$((left - 1))
        if [ "$1" = : ]; then words=$first; else set -- "$@" "$1"; fi
        first=$((first + 1))
        shift
    done
    mpirun -n 2 sh -c 'words=$1
        shift
        if [ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 1 ]; then
            shift "$words"
            exec "$@"
        fi
        behind=$(($# - words))
        while [ "$words" -gt 0 ]; do # the first command to the end
            set -- "$@" "$1"
            shift
            words=$((words - 1))
        done
        shift "$behind"
        exec "$@"' sh "$words" "$@"
}

# started N PROGRAM ARGUMENTS... &: N ranks, whose process numbers are in pid-0, pid-1, ...; $! is that of mpirun
# shellcheck disable=SC2016 # the rank's own shell expands them
started() {
    count=$1
    shift
    TMPDIR=$PWD exec "${MPIRUN:-mpirun}" -n "$count" sh -c 'echo $$ >pid-${OMPI_COMM_WORLD_RANK:-$PMI_RANK}; exec "$@"' sh "$@"
}

# gave CODE: whether `code` is what mpirun ends with when a rank ended all with CODE; MPICH's may end as another rank, which it killed (9)
# or which missed the one that said `Abort(CODE)`
gave() {
    [ "$code" = "$1" ] && return
    mpirun --version 2>/dev/null | grep -q HYDRA && { [ "$code" = 9 ] || grep -qs "^Abort($1) on node" err.txt; }
}

# ended RANK: whether its process is gone, or nobody has asked how it ended
ended() {
    case $(sed 's/.*) //' "/proc/$(cat "pid-$1")/stat" 2>/dev/null) in
    "" | Z*) return 0 ;;
    *) return 1 ;;
    esac
}
