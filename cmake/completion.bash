# Bash completion for translution. Commands, flags and their values are read from the program's own --help, so there is
# nothing here to keep up to date.

# Lines of `translution --help` that show a command: its words, without the arguments behind them.
_translution_commands() {
    COLUMNS=999 "$1" --help 2>/dev/null | sed -n 's/^  translution \([a-z]*\)\( [a-z]*\)\?.*/\1\2/p'
}

# Lines `--flag VALUE` of a command's --help.
_translution_flags() {
    COLUMNS=999 "$@" --help 2>/dev/null | sed -n 's/^  \(--[^ ]*\)\( [^ ]\+\)\?.*/\1\2/p'
}

_translution() {
    local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local command=("${COMP_WORDS[0]}" "${COMP_WORDS[1]-}") values
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$(_translution_commands "$program" | cut -d' ' -f1 | sort -u) --help --version" -- "$word")
        return
    fi
    if [[ ${COMP_WORDS[1]} == train || ${COMP_WORDS[1]} == bench ]]; then
        if ((COMP_CWORD == 2)) && [[ $word != -* ]]; then
            # The second word: one of the list behind the first in the usage, as in `train mnist|vit [options]`.
            values=$("$program" "${COMP_WORDS[1]}" --help 2>/dev/null | sed -n 's/^usage: translution [a-z]* \([a-z|]*\).*/\1/p')
            mapfile -t COMPREPLY < <(compgen -W "${values//|/ }" -- "$word")
            return
        fi
        command+=("${COMP_WORDS[2]}")
    fi
    if [[ $before == --* ]]; then
        # What the flag before takes: a choice of words, a path, something else, or nothing.
        values=$(_translution_flags "${command[@]}" | sed -n "s/^$before //p" | head -n 1)
        case $values in
        *'|'*) mapfile -t COMPREPLY < <(compgen -W "${values//|/ }" -- "$word"); return ;;
        DIR | FILE*) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        ?*) return ;;
        esac
    fi
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_translution_flags "${command[@]}" | cut -d' ' -f1)" -- "$word")
    else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -F _translution translution
