#!/bin/sh
# What the program's commands can do, another program can: they know the library by its public header alone. Beside it they
# include src/cli, and src/core, which holds no more than status, text, progress and the like; bench and tune look inside.
#   check_command_includes.sh SOURCE_DIR
set -u
cd "$1/src" || exit 1
commands='devices eval generate info predict tokenize train'
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
faults=0
for command in $commands; do
    echo "cli/cmd_$command.c" > "$work/todo"
    : > "$work/seen"
    : > "$work/wrong"
    while [ -s "$work/todo" ]; do # headers of headers, too
        while read -r file; do
            sed -n 's,^ *# *include "\([^"]*\)".*,\1,p' "$file" | while read -r header; do
                case $header in
                translution/translution.h) ;;
                cli/* | core/*) echo "$header" ;;
                *) echo "src/$file includes $header" >> "$work/wrong" ;;
                esac
            done
        done < "$work/todo" | sort -u > "$work/next"
        sort -u "$work/seen" "$work/todo" > "$work/all"
        mv "$work/all" "$work/seen"
        comm -23 "$work/next" "$work/seen" > "$work/todo"
    done
    [ "$(wc -l < "$work/seen")" -ge 4 ] || { echo "few includes of cmd_$command.c found: the check looks in the wrong place"; exit 1; }
    [ ! -s "$work/wrong" ] && continue
    echo "$command looks into the library:"
    sort -u "$work/wrong"
    faults=1
done
exit $faults
