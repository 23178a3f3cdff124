#!/bin/sh
# Every case in support/known_driver_faults.txt is one of a test: renamed, it would excuse nothing, and go unnoticed until a driver
# with the fault is tried.
#   check_fault_list.sh SOURCE_DIR
set -u
cd "$1/tests" || exit 1
faults=0 seen=0
while read -r test case; do
    file=$(find . -name "test_$test.c")
    if [ -z "$file" ]; then
        echo "support/known_driver_faults.txt: there is no test $test"
        faults=1
    elif ! grep -qE "cmocka_unit_test[a-z_]*\\($case\\b|BOTH_PATHS\\(${case%_[cg]pu}\\)" "$file"; then
        echo "support/known_driver_faults.txt: $test has no case $case"
        faults=1
    fi
    seen=$((seen + 1))
done <<LIST
$(grep -vE '^#|\|' support/known_driver_faults.txt)
LIST
[ "$seen" -gt 10 ] || { echo "few cases found in support/known_driver_faults.txt: the check looks in the wrong place"; exit 1; }
exit $faults
