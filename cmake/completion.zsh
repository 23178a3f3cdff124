#compdef translution
# Zsh completion for translution. Commands, flags and their values are read from the program's own --help, so there is nothing
# here to keep up to date.

# Lines FLAG, VALUE (or nothing) and help, behind tabs, of a command's --help.
_translution_flags() {
    COLUMNS=999 "$@" --help 2>/dev/null | awk '
        text == "" && flag != "" && /^    / { sub(/^ +/, ""); text = $0 }
        /^  --/ {
            if (flag != "") print flag "\t" value "\t" text
            flag = $1; value = ""; text = substr($0, 4 + length($1))
            if (text ~ /^[^ ]/) { value = text; sub(/ .*/, "", value); sub(/^[^ ]+/, "", text) }
            sub(/^ +/, "", text)
        }
        END { if (flag != "") print flag "\t" value "\t" text }'
}

_translution() {
    local program=$words[1] before=$words[CURRENT-1] line flag value
    local -a command lines choices fields
    command=($program $words[2])
    if (( CURRENT == 2 )); then
        choices=(${(f)"$(COLUMNS=999 $program --help 2>/dev/null | sed -n 's/^  translution \([a-z]*\) .*   *\([^ ].*\)$/\1:\2/p' |
            awk -F : '!seen[$1]++')"})
        choices+=('--help:what there is' '--version:the version')
        _describe command choices
        return
    fi
    if [[ $words[2] == (train|bench) ]]; then
        if (( CURRENT == 3 )) && [[ $PREFIX != -* ]]; then
            # The second word: one of the list behind the first in the usage, as in `train mnist|vit [options]`.
            value=$($program $words[2] --help 2>/dev/null | sed -n 's/^usage: translution [a-z]* \([a-z|]*\).*/\1/p')
            compadd -- ${(s:|:)value}
            return
        fi
        command+=($words[3])
    fi
    lines=(${(f)"$(_translution_flags $command)"})
    if [[ $before == --* ]]; then
        # What the flag before takes: a choice of words, a path, something else, or nothing.
        for line in $lines; do
            fields=("${(@ps:\t:)line}")
            [[ $fields[1] == $before ]] || continue
            case $fields[2] in
            *'|'*) compadd -- ${(s:|:)fields[2]}; return ;;
            DIR) _files -/; return ;;
            FILE*) _files; return ;;
            ?*) _message $fields[2]; return ;;
            esac
        done
    fi
    if [[ $PREFIX == -* ]]; then
        choices=()
        for line in $lines; do
            fields=("${(@ps:\t:)line}")
            choices+=("$fields[1]:$fields[3]")
        done
        _describe -o option choices
    else
        _files
    fi
}
_translution "$@"
