# shellcheck shell=sh
# Sourced by tests that run the program from outside, with it as their first argument: `program`, and `work`, a folder of their
# own that they begin in and that goes when they end. What a run prints is meant for out.txt and err.txt there.
program=$1
work=$(mktemp -d)
at_exit() { :; } # a test may have its own
trap 'at_exit; rm -rf "$work"' EXIT
cd "$work" || exit 1

# fail WORDS: ends the test, and shows what the last runs printed
fail() {
    echo "FAILED: $*" >&2
    for printed in out.txt err.txt err-*; do
        [ ! -f "$printed" ] || cat "$printed" >&2
    done
    exit 1
}

# said WORDS: the last run's stderr has them
said() { grep -q -- "$1" err.txt || fail "no '$1' on stderr"; }
