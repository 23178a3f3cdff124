#!/bin/sh
# `report --watch`: what is served and to whom, while runs are written and vanish.
#   test_report_watch.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/skip.sh"
. "$(dirname "$0")/../support/program.sh"
. "$(dirname "$0")/../support/watch.sh"

# get CODE CURL-WORDS... PATH: the answer on out.txt, its head on head.txt
get() {
    want=$1
    shift
    for path in "$@"; do :; done
    code=$(curl -s --max-time 60 --path-as-is -o out.txt -D head.txt -w '%{http_code}' "$@") || [ "$code" != 000 ] || fail "no answer to $*"
    [ "$code" = "$want" ] || fail "$code instead of $want for $*"
}
has() { grep -qi -- "$1" head.txt || fail "no '$1' in the head: $(cat head.txt)"; }
tag() { sed -n 's/^etag: *"\(.*\)".*/\1/Ip' head.txt; }
shows() { grep -q -- "$1" out.txt || fail "the page has no '$1'"; }
# until_shows TEXT: a page is made anew after some seconds, more on a busy machine
until_shows() {
    end=$(($(date +%s) + 60))
    until get 200 "$url/" && grep -q -- "$1" out.txt; do
        [ "$(date +%s)" -lt $end ] || fail "the page has no '$1' after a minute"
        sleep 1
    done
}

write_run one 500
write_run two 700
find one two -type f -exec cksum {} + >before.txt
printf "op\\tloss\nalpha\\t0.75\n" >own.tsv
watch one two --table own.tsv
grep -q "^http://127.0.0.1:[0-9]*/$" url.txt || fail "prints $(cat url.txt)"

# -- what is served
get 200 "$url/"
has '^content-type: text/html; charset=utf-8'
has '^x-content-type-options: nosniff'
shows '<td>700</td>'
shows '<td>0.75</td>'
shows '</html>'
bytes=$(wc -c <out.txt)
first=$(tag)
[ -n "$first" ] || fail "no ETag"
get 200 "$url/?step=1"
get 304 -H "If-None-Match: \"$first\"" "$url/"
[ "$(tag)" = "$first" ] || fail "another ETag for the same page"
get 200 -H 'If-None-Match: "other"' "$url/"
get 200 -I "$url/"
has "^content-length: $bytes"
get 200 "$url/live.js"
has '^content-type: text/javascript'

# -- what is not
for path in /one /one/metrics.jsonl /metrics.jsonl /../one/metrics.jsonl /%2e%2e/one/metrics.jsonl //one "/$work/one/metrics.jsonl" \
    /live.js/ /live.jsx /index.html /etc/passwd '/..%2f..%2fetc%2fpasswd' '/%3Cscript%3E'; do
    get 404 "$url$path"
    ! grep -q -e step -e script out.txt || fail "$path shows something"
done
for method in POST PUT DELETE PATCH OPTIONS TRACE HELLO; do
    get 405 -X $method "$url/"
    has '^allow: GET, HEAD'
done
head -c 200000 /dev/zero | tr '\0' x >large.txt
get 405 --data-binary @large.txt "$url/"
get 405 -T large.txt "$url/live.js"
get 421 -H 'Host: attacker.example' "$url/"
get 421 -H 'Host: localhost.attacker.example:80' "$url/"
get 200 -H 'Host: localhost:1234' "$url/"
get 200 -H 'Host: [::1]' "$url/"
get 431 -H "X: $(head -c 60000 large.txt)" "$url/"
python3 - "$url" <<'END' || fail "answers to what is no HTTP, or too many at once"
import socket, sys, time
port = int(sys.argv[1].rsplit(":", 1)[1])
def connect():
    s = socket.create_connection(("127.0.0.1", port), 60)
    s.settimeout(60)
    return s
raw = connect()
raw.sendall(b"\0\1\2 no HTTP\r\n\r\n")
said = raw.recv(100)
assert said == b"" or b" 4" in said or b" 5" in said, said
idle = [connect() for _ in range(40)]      # more than are taken at a time
for s in idle:
    s.sendall(b"GET / HTTP/1.1\r\n")       # and no end
def late():                                # refused, or answered once idle ones have been dropped
    try:
        s = connect()
        s.sendall(b"GET /live.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return b" 200 " in s.recv(100)
    except ConnectionError:
        time.sleep(1)
        return False
end = time.time() + 50
while not late():
    assert time.time() < end
END

# -- a run that is being written
get 200 "$url/" # newer than any change so far
first=$(tag)
printf '{"step":501,"loss":0.5}\n{"step":502,"lo' >>one/metrics.jsonl
until_shows '<td>501</td><td>0</td><td>1</td>'
[ "$(tag)" != "$first" ] || fail "the same ETag for another page"
first=$(tag) began=$(date +%s)
printf 'ss":0.25}\n' >>one/metrics.jsonl
get 200 "$url/"
[ "$(tag)" = "$first" ] || [ $(($(date +%s) - began)) -ge 4 ] || fail "made anew at once"
until_shows '<td>502</td><td>0</td><td>0</td>'

# -- a run that vanishes, and comes back
mv two gone
until_shows '<p class="fault">2. the metrics two cannot be read: No such file'
shows '<td>502</td>'
mv gone two
until_shows '<td>700</td>'
! grep -q 'class="fault"' out.txt || fail "a fault that has passed"

# -- a table of one's own that changes, and is broken for a while
printf 'op\tloss\nalpha\t0.625\n' >own.tsv
until_shows '<td>0.625</td>'
printf 'op\tloss\nalpha\n' >own.tsv
until_shows '<p class="fault">line 2 of the table own.tsv has 1 cell where'
shows '<td>502</td>'
printf 'op\tloss\nalpha\t0.5\n' >own.tsv
until_shows '<td>0.5</td>'

# -- the port is taken
code=0
timeout 60 "$program" report one --watch --listen "${url#http://}" >out.txt 2>err.txt || code=$?
[ $code = 2 ] || fail "exit code $code where the port is taken"
said "another program listens at ${url#http://}: choose another port by --listen ADDRESS:PORT"
[ "$(wc -l <err.txt)" = 1 ] || fail "more than one sentence"
unwatch TERM 143
[ "$(ls one two)" = "$(printf 'one:\nmetrics.jsonl\n\ntwo:\nmetrics.jsonl')" ] || fail "wrote into a run: $(ls one two)"
grep -q "$(cksum two/metrics.jsonl)" before.txt || fail "wrote a file of a run"

# -- other addresses
watch one --quiet
[ ! -s err-watch.txt ] || fail "says something: $(cat err-watch.txt)"
unwatch INT 130
address='0.0.0.0:0'
watch one
grep -q 'can be read by everybody' err-watch.txt || fail "no note that others can read it"
get 200 -H 'Host: this-machine.example' "http://127.0.0.1:${url##*:}/"
unwatch HUP 129
if [ -s /proc/net/if_inet6 ]; then
    for address in '[::1]:0' '::1'; do
        watch one
        get 200 -g "$url/"
        unwatch TERM 143
    done
fi

# -- mistakes
# refused SENTENCE WORDS...
refused() {
    sentence=$1
    shift
    code=0
    timeout 60 "$program" report "$@" >out.txt 2>err.txt || code=$?
    [ $code = 2 ] || fail "exit code $code for $*"
    grep -qF -e "$sentence" err.txt || fail "no '$sentence' on stderr"
}
for wrong in example.org 127.0.0.1:http 127.0.0.1:70000 127.0.0.1:-1 '[::1' :80 '[]:80' 1.2.3.4.5:80; do
    refused "--listen $wrong is no address: write one such as 127.0.0.1:8080" one --watch --listen "$wrong"
done
refused 'the page cannot be served at 192.0.2.1:0: Cannot assign' one --watch --listen 192.0.2.1:0
refused '--watch serves the page instead of writing it' one --watch --out page.html
refused '--listen means nothing here: it says where --watch' one --out page.html --listen 127.0.0.1:0
refused 'the table nowhere cannot be read: No such file' one --watch --table nowhere --listen 127.0.0.1:0
refused 'the metrics nowhere cannot be read' nowhere --watch --listen 127.0.0.1:0
code=0
PATH=/nowhere "$(command -v timeout)" 60 "$program" report one --watch --listen 127.0.0.1:0 >out.txt 2>err.txt || code=$?
[ $code = 1 ] || fail "exit code $code without gnuplot"
said 'gnuplot, which is not installed'
