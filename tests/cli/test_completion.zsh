# The completion against the program's own --help.   test_completion.zsh PROGRAM COMPLETION
# What the functions of zsh's completion would show is collected instead.
program=$1
typeset -A offered
_describe() { local entry; [[ $1 == -o ]] && shift; for entry in ${(P)2}; do offered[${entry%%:*}]=${entry#*:}; done }
compadd() { local entry; shift; for entry in $@; do offered[$entry]=word; done }
_files() { offered[files]=$#; }
_message() { offered[message]=$1; }
functions[complete_now]=$(<$2)

complete_words() { # sets offered for: translution WORDS...
    words=($program "$@")
    CURRENT=$#words
    PREFIX=$words[CURRENT]
    offered=()
    complete_now
}
expect() { # WORD must be offered
    [[ -n ${offered[$1]-} ]] && return
    print -u2 "FAILED: '$1' is not offered behind: $words[2,-1] (offered: ${(k)offered})"
    exit 1
}

complete_words ""
for word in $($program --help | sed -n 's/^  translution \([a-z]*\).*/\1/p'); do expect $word; done
complete_words bench ""
expect gemm
complete_words train ""
expect mnist
$program --help | sed -n 's/^  translution \(bench [a-z]*\|[a-z]*\).*/\1/p' | while read -r line; do
    command=(${=line})
    [[ $command[1] == train ]] && command[2]=mnist
    complete_words $command --
    count=0
    for flag in $($program $command --help | grep -o '^  --[^ ]*'); do
        expect $flag
        (( count += 1 ))
    done
    (( count >= 3 )) || { print -u2 "FAILED: no flags of $command"; exit 1 }
done
complete_words train mnist --op al
expect alpha
complete_words train mnist --op lo
expect lor
complete_words train mnist --seed ""
[[ "${(k)offered}" == message ]] || { print -u2 "FAILED: something is offered for a number: ${(k)offered}"; exit 1 }
complete_words train mnist --out ""
expect files
print "completion: all good"
