# The completion against the program's own --help.   test_completion.bash PROGRAM COMPLETION
program=$1
source "$2"
compopt() { :; } # outside of a real completion there is nothing to set

complete_words() { # sets COMPREPLY for: translution WORDS...
    COMP_WORDS=("$program" "$@")
    COMP_CWORD=$#
    _translution
}
expect() { # WORD must be offered
    local word
    for word in "${COMPREPLY[@]}"; do [[ $word == "$1" ]] && return; done
    echo "FAILED: '$1' is not offered behind: ${COMP_WORDS[*]:1} (offered: ${COMPREPLY[*]})" >&2
    exit 1
}

complete_words ""
for word in $("$program" --help | sed -n 's/^  translution \([a-z]*\).*/\1/p'); do expect "$word"; done
complete_words tr
expect train
complete_words bench ""
expect gemm
expect step
complete_words train ""
expect mnist
while read -r -a command; do
    [[ ${command[0]} == train ]] && command[1]=mnist
    complete_words "${command[@]}" --
    count=0
    for flag in $("$program" "${command[@]}" --help | grep -o '^  --[^ ]*'); do
        expect "$flag"
        ((count += 1))
    done
    ((count >= 3)) || { echo "FAILED: no flags of ${command[*]}" >&2; exit 1; }
done < <("$program" --help | sed -n 's/^  translution \(bench [a-z]*\|[a-z]*\).*/\1/p')
complete_words train mnist --op al
expect alpha
complete_words train mnist --op lo
expect lor
complete_words train mnist --seed ""
[[ ${#COMPREPLY[@]} == 0 ]] || { echo "FAILED: something is offered for a number" >&2; exit 1; }
echo "completion: all good"
