# shellcheck shell=bash
# Sourced by tools/fault_table: faults of runs that several ranks share. Adds rows to its table.
#   rank_kills: kill -9 so many times, and as often where ranks share matrices by offset out; a rank is stopped a fifth as often, with
#   fewer than five not at all, as that waits
# shellcheck source=tests/support/ranks.sh
. "$tools/../tests/support/ranks.sh"
limit=30 # seconds until ranks give up one that hangs: long enough for the start of four on two loaded cores
sizes=(2 4)

# ranks N OPTIONS...: in the background; the ranks' process numbers in pid-0, ..., that of mpirun in `launcher`
ranks() {
    local n=$1
    shift
    rm -f pid-*
    started "$n" "$PROGRAM" train mnist "${model[@]}" --steps "$steps" --checkpoint-every "$every" --keep 3 --grad-slices 4 \
        --rank-timeout $limit "$@" >out.txt 2>err.txt &
    launcher=$!
}
# hit SIGNAL RANK MILLISECONDS: at a random moment, up to so many after it began; false where it is gone already, or mpirun is
hit() {
    until [ -s "pid-$2" ]; do
        kill -0 "$launcher" 2>/dev/null || return 1
        sleep 0.05
    done
    local moment=$(((RANDOM * 32768 + RANDOM) % $3))
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
    kill -"$1" "$(cat "pid-$2")" 2>/dev/null
}
gone() { # every rank, within ten seconds
    local turn file
    for ((turn = 0; turn < 100; turn++)); do
        for file in pid-*; do
            ended "${file#pid-}" || { sleep 0.1 && continue 2; }
        done
        return 0
    done
    return 1
}
# Waits for mpirun, at most two minutes: `code`. One that goes on when all ranks are gone is counted in `stuck`: Open MPI's does so, now
# and then, when a rank is killed before it has noted that rank's process. One that goes on with a rank is a fault of the program
stuck=0
await() {
    local turn
    for ((turn = 0; turn < 1200; turn++)); do
        kill -0 "$launcher" 2>/dev/null || break
        sleep 0.1
    done
    if kill -0 "$launcher" 2>/dev/null; then
        if gone; then stuck=$((stuck + 1)); else problem "ranks go on for two minutes"; fi
        kill -9 "$launcher"
    fi
    wait "$launcher" 2>/dev/null
    code=$?
}

steps=20 every=1
"$PROGRAM" train mnist "${model[@]}" --steps $steps --grad-slices 4 --out ranks-whole >out.txt 2>err.txt || problem "of four slices"
shared=(--offset-ranks 2) # 2 ranks: one group; 4: two of them, the same bits
began=$(date +%s%N)
ranks 2 "${shared[@]}" --out shared-whole
await
[ $code -eq 0 ] || problem "an undisturbed run with the matrices shared out"
whole_run=$((($(date +%s%N) - began) / 1000000)) # ms: kills come within a run, as later ones would find it gone

# ---- kill -9
# kill_ranks WHOLE WORDS OPTIONS...: WHOLE is the undisturbed run of these options
kill_ranks() {
    local whole=$1 words=$2 tried=0 good=0 runs=0 left=0 n
    shift 2
    stuck=0
    while [ "$tried" -lt "$rank_kills" ]; do
        rm -rf killed
        n=${sizes[runs % 2]} code=1
        while [ $code -ne 0 ]; do
            ranks "$n" --resume --out killed "$@"
            if [ "$tried" -lt "$rank_kills" ]; then
                if hit KILL $((RANDOM % n)) $whole_run; then tried=$((tried + 1)); fi
            fi
            await
            gone || { left=$((left + 1)) && problem "a rank is left over"; }
        done
        runs=$((runs + 1))
        if same killed "$whole"; then good=$((good + 1)); else problem "run $runs of ranks differs"; fi
    done
    note "kill -9 of a random one of 2 or 4 ranks$words at a random moment (a checkpoint every step)" "$tried kills, $runs runs" "$good runs" \
        "the others end; each run, resumed until its end, has the bytes of the undisturbed one; a rank was left over $left times, mpirun alone $stuck times"
}
kill_ranks ranks-whole ""
kill_ranks shared-whole " with --offset-ranks 2" "${shared[@]}"

# ---- a rank that hangs
# stop_ranks WORDS OPTIONS...
stop_ranks() {
    local words=$1 tried=0 good=0 n victim
    shift
    while [ "$tried" -lt $((rank_kills / 5)) ]; do
        rm -rf stopped
        n=${sizes[tried % 2]} victim=$((RANDOM % n))
        steps=100000 ranks "$n" --schedule constant --eval-every 7 --out stopped "$@"
        hit STOP $victim 10000 || problem "rank $victim of $n is gone"
        tried=$((tried + 1))
        await
        if [ $code -eq 1 ] && gone && grep -Eq "nothing is heard of rank $victim:|MPI does not (start|end) within" err.txt; then
            good=$((good + 1))
        else problem "rank $victim of $n$words stopped: exit code $code"; fi
    done
    note "SIGSTOP to a random one of 2 or 4 ranks$words at a random moment" $tried $good \
        "after --rank-timeout the others name it, or, where MPI was just starting, say so; exit code 1, and no process stays"
}
if [ "$rank_kills" -ge 5 ]; then
    stop_ranks ""
    stop_ranks " with --offset-ranks 2" "${shared[@]}"
fi

# ---- full disk
if [ "$(id -u)" -eq 0 ] && mkdir -p "$disk" && mount -t tmpfs -o size=16k tmpfs "$disk" 2>/dev/null; then
    tried=0 good=0
    for size in 16 64 128 200 300 400; do
        umount "$disk"
        mount -t tmpfs -o size=${size}k tmpfs "$disk"
        tried=$((tried + 1))
        ranks 2 --out "$disk/run" --resume
        await
        rm -rf moved
        mkdir moved
        cp -r "$disk/run/." moved/ 2>/dev/null
        if [ $code -eq 1 ] && gone && sentence && grep -q 'No space left' err.txt && ranks 2 --out moved --resume && await &&
            [ $code -eq 0 ] && same moved ranks-whole; then
            good=$((good + 1))
        else problem "ranks, disk of ${size}k: exit code $code"; fi
    done
    umount "$disk"
    note "disk full in rank 0's folder (tmpfs of 16 to 400 KiB)" $tried $good \
        "one error message and exit code 1, and all ranks end; moved to a larger disk the run resumes and ends with the same bytes"
else
    note "disk full in rank 0's folder" 0 0 "not tried: needs root, for a small tmpfs"
fi

# ---- ranks that differ
refused() { # WHAT SENTENCE PROGRAM OPTIONS...: the second rank's
    local what=$1 wanted=$2 other=$3
    shift 3
    rm -rf apart
    tried=$((tried + 1))
    apart "$PROGRAM" train mnist "${model[@]}" --steps 3 --out apart : \
        "$other" train mnist "${model[@]}" --steps 3 --out apart "$@" >out.txt 2>err.txt
    code=$?
    if [ $code -eq 2 ] && grep -q "$wanted" err.txt && [ ! -e apart/metrics.jsonl ]; then good=$((good + 1)); else problem "$what: exit code $code"; fi
}
tried=0 good=0
version=$("$PROGRAM" --version | sed 's/.* //')
next=$(echo "$version" | sed 's/.$/x/')
mkdir -p other
for file in translution translution_mpi.so; do
    sed "s/${version//./\\.}/$next/g" "$(dirname "$PROGRAM")/$file" >other/$file
done
chmod +x other/translution
refused "another version" "the program's version is $next in rank 1 and $version in rank 0" other/translution
refused "another learning rate" "lr is 0.5 in rank 1" "$PROGRAM" --lr 0.5
refused "another operation" "op is attention in rank 1" "$PROGRAM" --op attention
refused "another number of steps" "stop-after is 2 in rank 1" "$PROGRAM" --stop-after 2
refused "only one resumes" "resume is given in rank 1" "$PROGRAM" --resume
note "two ranks of different versions, settings, or of which one resumes" $tried $good "what differs is named, exit code 2, nothing is written"
