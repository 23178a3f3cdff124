#!/bin/sh
# Every case in support/known_driver_faults.txt is one of a test: renamed, it would excuse nothing, and go unnoticed until a driver
# with the fault is tried.
#   check_fault_list.sh SOURCE_DIR
set -u
cd "$1/tests" || exit 1
faults=0
[ -f support/known_driver_faults.txt ] || { echo "no support/known_driver_faults.txt: the check looks in the wrong place"; exit 1; }
while read -r test case; do
    [ -n "$test" ] || continue # the list may be empty
    file=$(find . -name "test_$test.c")
    if [ -z "$file" ]; then
        echo "support/known_driver_faults.txt: there is no test $test"
        faults=1
    elif ! grep -qE "cmocka_unit_test[a-z_]*\\($case\\b|BOTH_PATHS\\(${case%_[cg]pu}\\)" "$file"; then
        echo "support/known_driver_faults.txt: $test has no case $case"
        faults=1
    fi
done <<LIST
$(grep -vE '^#|\|' support/known_driver_faults.txt)
LIST
exit $faults
