# The completion against the program's own --help.   test_completion.fish PROGRAM COMPLETION
set -gx PATH (path dirname (path resolve $argv[1])) $PATH
source $argv[2]

function expect # LINE WORD: the word must be offered behind the line
    set -l offered (complete -C "$argv[1]" | string split -f 1 \t)
    contains -- $argv[2] $offered; and return
    echo "FAILED: '$argv[2]' is not offered behind: $argv[1] (offered: $offered)" >&2
    exit 1
end

for word in (translution --help | sed -n 's/^  translution \([a-z]*\).*/\1/p')
    expect "translution " $word
end
expect "translution bench " gemm
expect "translution train " mnist
for command in (translution --help | sed -n 's/^  translution \(bench [a-z]*\|[a-z]*\).*/\1/p' | sed 's/^train$/train mnist/')
    set -l flags (translution (string split ' ' $command) --help | string match -rg '^  (--[^ ]*)')
    test (count $flags) -ge 3; or begin; echo "FAILED: no flags of $command" >&2; exit 1; end
    for flag in $flags
        expect "translution $command --" $flag
    end
end
expect "translution train mnist --op al" alpha
expect "translution train mnist --op lo" lor
# For a number nothing is offered but, by later shells, files.
if complete -C "translution train mnist --seed " | string match -q -- '-*'
    echo "FAILED: flags are offered for a number" >&2
    exit 1
end
cd /
expect "translution train mnist --out us" usr/
echo "completion: all good"
