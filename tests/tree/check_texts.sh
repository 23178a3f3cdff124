#!/bin/sh
# Strings go to cJSON through core/json_text.h, which makes UTF-8 of any bytes; the headers of safetensors look after their own.
#   check_texts.sh SOURCE_DIR
set -u
cd "$1" || exit 1
faults=$(grep -nE 'cJSON_(AddStringToObject|CreateString|CreateStringArray|CreateStringReference)' -r src --include='*.[ch]' |
    grep -vE '^src/(core/json_text|data/safetensors_write)\.c:')
[ -z "$faults" ] && exit 0
echo "$faults"
echo "these write bytes that may be no UTF-8: use tli_json_add_text or tli_json_text_array (core/json_text.h)"
exit 1
