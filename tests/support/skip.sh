# shellcheck shell=sh
# Sourced by shell tests that cannot run everywhere.

# skip WHY WHAT: ends the test as one that was skipped; tools/test collects these lines
skip() {
    echo "skip: $1; to run it: $2"
    exit 77
}
