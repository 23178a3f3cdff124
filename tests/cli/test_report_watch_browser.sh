#!/bin/sh
# The page of `report --watch` in a browser: it shows what has changed, and leaves the reader where he is.
#   test_report_watch_browser.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/skip.sh"
. "$(dirname "$0")/../support/program.sh"
. "$(dirname "$0")/../support/watch.sh"
browser=$(command -v chromium || command -v google-chrome) || skip "no browser" "install chromium"

# open URL: its console on err.txt
open() {
    HOME=$work timeout 180 "$browser" --headless --no-sandbox --disable-gpu --enable-logging=stderr --user-data-dir="$work/profile" \
        --window-size=700,500 --dump-dom "$1" >out.txt 2>err.txt || fail "the browser ends with $?"
}

write_run one 900
watch one
open "$url/"
grep -q '</html>' out.txt || fail "the browser shows no page"
! grep CONSOLE err.txt || fail "something is on the console"

# The page through a proxy that adds a script, by which a reader opens a table, scrolls, and waits for what the run does next.
cat >check.js <<'END'
const opened = () => document.querySelector("figure details");
const region = () => opened().querySelector(".scroll");
const steps = () => document.querySelector("#runs ~ div td").textContent;
const settled = () => new Promise(done => setTimeout(done, 500));
(async () => {
    opened().open = true;
    await settled();
    region().scrollTop = 40;
    region().focus();
    scrollTo(0, 400);
    await settled();
    const place = scrollY, before = steps();
    await fetch("/grow");
    for (let i = 0; i < 120 && steps() === before; i++) await settled();
    const kept = [opened().open, region().scrollTop === 40, document.activeElement === region(), scrollY === place && place > 0];
    console.log(`${before} became ${steps()}: ${kept}`);
    await fetch("/vanish");
    for (let i = 0; i < 120 && !document.querySelector("#live").textContent; i++) await settled();
    console.log(document.querySelector("#live").textContent);
    await fetch("/end");
})();
END
cat >proxy.py <<'END'
import http.server, os, sys, threading, urllib.request, urllib.error
url, end, vanished = sys.argv[1], threading.Event(), threading.Event()
class Proxy(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words): pass
    def answer(self, code, kind, body, tag=None):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if tag: self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.path == "/check.js": return self.answer(200, "text/javascript", open("check.js", "rb").read())
        if self.path == "/slow.js": end.wait(150) # the browser ends when all has been loaded
        if self.path == "/end": end.set()
        if self.path == "/vanish": vanished.set()
        if self.path == "/grow": open("one/metrics.jsonl", "a").write('{"step":901,"loss":0.5}\n')
        if self.path not in ("/", "/live.js"): return self.answer(200, "text/javascript", b"")
        if vanished.is_set(): return self.answer(500, "text/plain", b"no page")
        with urllib.request.urlopen(url + self.path) as got:
            body = got.read().replace(b"</head>", b"<script src=/check.js defer></script><script src=/slow.js async></script></head>")
            self.answer(200, got.headers["Content-Type"], body, got.headers["ETag"])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print("http://127.0.0.1:%d" % server.server_address[1], flush=True)
sys.stdin.read()
END
mkfifo stop
python3 proxy.py "$url" <stop >proxy.txt 2>err-proxy.txt &
exec 3>stop
for _ in $(seq 100); do [ -s proxy.txt ] || sleep 0.1; done
open "$(cat proxy.txt)/"
exec 3>&-
said '900 became 901: true,true,true,true'
said 'This page is not refreshed any more: no page'
unwatch TERM 143
