#!/bin/sh
# Messages of the library name fields in backquotes, never flags, which only the program has: cli/field_names.h puts flags in their
# place. Help texts and examples of tasks are the program's; so are commands in backquotes, `translution devices --self-test`.
#   check_message_fields.sh SOURCE_DIR
set -u
cd "$1" || exit 1
faults=$(grep -nE '"[^"]*(^|[^a-z`-])--[a-z][^"]*"' -r src --include='*.c' |
    grep -vE '^src/(cli/|core/choices\.c)|\.(help|example|data_help) =|`translution [^`]*--|strchr\(')
[ -z "$faults" ] && exit 0
echo "$faults"
echo 'these name flags in the library: name the field, `training.batch_size` (see src/cli/field_names.h)'
exit 1
