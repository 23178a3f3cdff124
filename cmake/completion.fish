# Fish completion for translution. Commands, flags and their values are read from the program's own --help, so there is nothing
# here to keep up to date.

# Lines FLAG, VALUE (or nothing) and help, behind tabs, of a command's --help.
function __translution_flags
    env COLUMNS=999 $argv --help 2>/dev/null | awk '
        text == "" && flag != "" && /^    / { sub(/^ +/, ""); text = $0 }
        /^  --/ {
            if (flag != "") print flag "\t" value "\t" text
            flag = $1; value = ""; text = substr($0, 4 + length($1))
            if (text ~ /^[^ ]/) { value = text; sub(/ .*/, "", value); sub(/^[^ ]+/, "", text) }
            sub(/^ +/, "", text)
        }
        END { if (flag != "") print flag "\t" value "\t" text }'
end

function __translution
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l program $words[1]
    set -l command $words[1..2]
    if test (count $words) -eq 1
        env COLUMNS=999 $program --help 2>/dev/null | sed -n 's/^  translution \([a-z]*\) .*   *\([^ ].*\)$/\1\t\2/p' | awk -F '\t' '!seen[$1]++'
        printf '%s\n' --help --version
        return
    end
    if contains -- $words[2] train bench
        if test (count $words) -eq 2; and not string match -q -- '-*' "$word"
            # The second word: one of the list behind the first in the usage, as in `train mnist|vit [options]`.
            $program $words[2] --help 2>/dev/null | sed -n 's/^usage: translution [a-z]* \([a-z|]*\).*/\1/p' | string split '|'
            return
        end
        set command $words[1..3]
    end
    set -l before $words[-1]
    if string match -q -- '--*' $before
        # What the flag before takes: a choice of words, a path, something else, or nothing.
        set -l value (__translution_flags $command | awk -F '\t' -v flag=$before '$1 == flag { print $2 }')
        switch "$value"
            case '*|*'
                string split '|' $value
                return
            case DIR
                __fish_complete_directories "$word"
                return
            case 'FILE*'
                __fish_complete_path "$word"
                return
            case '?*'
                return
        end
    end
    if string match -q -- '-*' "$word"
        __translution_flags $command | awk -F '\t' '{ print $1 "\t" $3 }'
    else
        __fish_complete_path "$word"
    end
end

complete -c translution -f -a '(__translution)'
