# shellcheck shell=sh
# Sourced behind program.sh by tests of `report --watch`: skips them where it cannot run, and ends what they start.
for tool in curl python3; do
    command -v $tool >/dev/null || skip "no $tool" "install $tool"
done
command -v gnuplot >/dev/null || skip "no gnuplot, which draws the curves" "install gnuplot-nox"

# write_run NAME STEPS: metrics of a run
write_run() {
    mkdir -p "$1"
    awk -v steps="$2" 'BEGIN { for (i = 1; i <= steps; i++) {
        printf "{\"step\":%d,\"loss\":%g,\"lr\":%g,\"images_per_second\":%d}\n", i, 100 / i + i % 7, 1 - i / 2000, 900 + i % 5
        if (i % 100 == 0) printf "{\"step\":%d,\"test\":\"static\",\"loss\":%g,\"top1\":%g}\n", i, 50 / i + 1, i / 20 } }' >"$1/metrics.jsonl"
}

# watch RUN...: serves them; url: where, without the last /
server=""
watch() {
    rm -f url.txt err-watch.txt # those of an earlier one would be taken for the new one's until the background empties them
    # in the background of a script SIGINT is ignored
    env --default-signal=INT "$program" report "$@" --watch --listen "${address:-127.0.0.1:0}" >url.txt 2>err-watch.txt &
    server=$!
    for _ in $(seq 600); do
        [ ! -s url.txt ] || break
        kill -0 $server 2>/dev/null || break
        sleep 0.1
    done
    if grep -q 'built without libmicrohttpd' err-watch.txt; then
        grep -q 'libmicrohttpd-dev) and build again' err-watch.txt || fail "does not say what to do"
        wait $server && fail "exit code 0" || [ $? = 2 ] || fail "another exit code than 2"
        server=""
        skip "this build has no libmicrohttpd" "install libmicrohttpd-dev and build again"
    fi
    [ -s url.txt ] || fail "does not serve"
    url=$(sed 's,/$,,' url.txt)
}

# unwatch SIGNAL CODE
unwatch() {
    kill -s "$1" $server
    code=0
    wait $server || code=$?
    server=""
    [ $code = "$2" ] || fail "ends with $code by SIG$1"
}
at_exit() { [ -z "$server" ] || kill $server 2>/dev/null || :; }
