#!/bin/sh
# The tests of ranks without root's rights, where tests run with them, as in CI: by the user nobody, in a home of its own, with the caches
# of kernels in it.
#   test_ranks_as_user.sh MODULE PROGRAM RANK_WAITS RANK_MEMORY
set -eu
tests=$(cd "$(dirname "$0")/.." && pwd)
. "$tests/support/skip.sh"
[ "$(id -u)" -eq 0 ] || skip "the tests of ranks run without root's rights anyway" "run them as root"
command -v setpriv >/dev/null || skip "no setpriv" "install util-linux"
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
chown 65534:65534 "$home"
as_user() {
    setpriv --reuid=65534 --regid=65534 --clear-groups \
        env -u POCL_CACHE_DIR -u XDG_CACHE_HOME -u TRANSLUTION_CACHE_DIR HOME="$home" TMPDIR="$home" "$@"
}
as_user sh -c 'cd "$1" && [ -x "$2" ]' sh "$tests" "$2" || skip "the user nobody cannot run $2" "build in a folder that everybody may enter"
as_user "$tests/comm/test_rank_waits.sh" "$3" "$1"
as_user "$tests/cli/test_ranks.sh" "$2" "$4"
as_user "$tests/cli/test_rank_hangs.sh" "$2"
