#!/bin/sh
# No floating-point number becomes text, or is read from it, by functions that follow the process's locale: core/number.h has
# those that do not. In the library that holds for all text; the program never chooses a locale, so what it prints is safe.
#   check_numbers.sh SOURCE_DIR
set -u
cd "$1" || exit 1
faults=$(
    grep -nE '\b(strto(d|f|ld)|atof|setlocale) *\(' -r src --include='*.[ch]' | grep -v '^src/core/number\.c:'
    # Whole statements, as a call may go over several lines. snprintf's and fprintf's alone: tli_fail and tli_log_write are safe.
    find src include -name '*.[ch]' ! -path 'src/cli/*' ! -path src/core/number.c -exec awk '
        FNR == 1 { statement = ""; first = 1 }
        statement == "" { first = FNR }
        { statement = statement " " $0 }
        /;/ {
            if (statement ~ /[^_a-z](v?s?n?printf|fprintf|f?scanf|sscanf) *\(/ && statement ~ /%[-+ #0]*[0-9*]*(\.[0-9*]*)?(l|L)?[aefgAEFG]/)
                print FILENAME ":" first ":" statement
            statement = ""
        }' {} +
)
[ -z "$faults" ] && exit 0
echo "$faults"
echo "these follow the locale of the process: use tli_format, tli_print, tli_parse_double or tli_parse_float (core/number.h)"
exit 1
