#!/bin/sh
# tools/known_faults on outputs of ctest, with a list of its own: a listed failure that the remedy cures is known, everything else is a failure.
#   test_known_faults.sh SOURCE_DIR
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/tools" "$work/tests/support" && cp "$1/tools/known_faults" "$1/tools/help.sh" "$work/tools/" || exit 1
cd "$work" || exit 1
faults=tools/known_faults
cat >tests/support/known_driver_faults.txt <<'LIST'
# A comment
pocl|7.1|POCL_WORK_GROUP_METHOD=cbs|it loses a value
clip broken_gpu
softmax all_gpu
mesa|22.3|X=y|its groups are small
softmax all
LIST
fail() {
    echo "test_known_faults: $1" >&2
    cat out >&2
    exit 1
}
judge() { "$faults" judge pocl 7.1 "$@" >out 2>&1; }

[ "$("$faults" remedy pocl 7.1)" = POCL_WORK_GROUP_METHOD=cbs ] || fail "the remedy for PoCL 7.1"
[ -z "$("$faults" remedy pocl 3.1)" ] || fail "a remedy where none is listed"

passed='1/9 Test  #1: gelu .............................   Passed    1.00 sec'
known="2/9 Test #62: softmax_width_8 ..................***Failed    0.85 sec
[  FAILED  ] all_gpu
[==========] tests: 1 test(s) run.
[  FAILED  ] tests: 1 test(s), listed below:
[  FAILED  ] all_gpu"
other="3/9 Test #63: softmax ..........................***Failed    0.85 sec
[  FAILED  ] all"
killed="4/9 Test #64: cli ..............................Subprocess killed***Exception:   9.10 sec
[       OK ] all_gpu"
skipped="5/9 Test #65: oclgrind .........................***Skipped   0.02 sec"
print() { printf '%s\n' "$@"; }

print "$passed" "$known" "$skipped" >first
print "$passed" >again
judge first again || fail "a known failure that is cured"
grep -q '^known: .*; passed with POCL_WORK_GROUP_METHOD=cbs: softmax_width_8 all_gpu$' out || fail "the known failure is not named"
grep -q '^listed as known, did not fail: .*softmax' out && fail "what failed is said not to have failed"
grep -q '^listed as known, did not fail: clip broken_gpu$' out || fail "what did not fail is not said"
! judge first first || fail "a known failure that is not cured"
! judge first || fail "a known failure that was not tried again"
for bad in "$other" "$killed"; do
    print "$known" "$bad" "$passed" >first
    ! judge first again || fail "another failure: $bad"
done
grep -q '^failed: cli \*$' out || fail "the test that was killed is not named"
print "$known" >first
! "$faults" judge pocl 3.1 first again >out || fail "a known failure of another version"
print "$passed" "$skipped" >first
"$faults" judge pocl 3.1 first >out || fail "no failure"
[ ! -s out ] || fail "something is said where nothing failed"
