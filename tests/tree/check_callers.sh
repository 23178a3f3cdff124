#!/bin/sh
# A local function of a test that can fail is followed by its #define with FROM_HERE or VALUE_FROM_HERE (tests/support/test.h), so that
# a failure in it also names the line of the test that called it.
#   check_callers.sh SOURCE_DIR
set -u
cd "$1/tests" || exit 1
find . -name '*.[ch]' ! -path './support/*.c' ! -path './fuzz/*' | sort | xargs awk '
    function finish() {
        called = split(text, parts, "[^a-z0-9_]" name "\\(") - 1 # its definition among them
        if (fails && !is_test && (called > 1 || file ~ /\.h$/)) pending = name
        name = ""
    }
    FNR == 1 { # the calls of a function are counted in its whole file
        file = FILENAME; text = ""
        while ((getline line < file) > 0) text = text "\n" line
        close(file)
    }
    pending != "" {
        checked++
        if (index($0, "#define " pending "(...)") != 1) { print file ":" FNR ": " pending " lacks its #define with FROM_HERE or VALUE_FROM_HERE"; faults = 1 }
        pending = ""
    }
    name == "" && /^static (inline )?[a-z][a-zA-Z_0-9 ]*[ *]+[a-z_0-9]+\(/ {
        name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
        fails = 0; is_test = name ~ /_at$/; open = 0
    }
    name != "" && !open && (/void \*\*/ || /int line/ || /;$/) { is_test = 1 }
    name != "" && /^\{/ { open = 1 }
    name != "" && open && /(^|[^a-z_A-Z])(assert_[a-z_]+|fail|fail_msg|fail_at|OK|MUST)\(/ { fails = 1 }
    name != "" && (/^\}/ || (!open && /;$/)) { finish() }
    END {
        if (checked < 200) { print "few local functions found: the check looks in the wrong place"; faults = 1 }
        exit faults
    }'
