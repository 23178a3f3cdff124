#!/bin/sh
# tools/fetch-data against a server on this machine: sums, resuming, servers that cannot resume, no network, and the
# order of Tiny ImageNet's folders. The real files are too large and too far away, so that a copy of the script gets
# the sums of small ones. Skipped without curl, python3 and unzip.
#   test_fetch.sh SOURCE_DIR
set -eu
source=$1
. "$source/tests/support/skip.sh"
for tool in curl python3 unzip md5sum; do
    command -v $tool >/dev/null 2>&1 || skip "no $tool" "install $tool"
done
work=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "FAILED: $*"
    cat log 2>/dev/null || true
    exit 1
}

# -- the files, in MNIST's names, and the script with their sums
mkdir -p site/mnist site/fashion-mnist site/tiny-imagenet
cp "$source/tools/fetch-data" fetch && cp "$source/tools/help.sh" .
put() { # SET FILE BYTES PUBLISHED-SUM
    head -c "$3" /dev/urandom >"site/$1/$2"
    sed -i "s/$4/$(md5sum <"site/$1/$2" | cut -d ' ' -f 1)/" fetch
}
put mnist train-images-idx3-ubyte.gz 300000 f68b3c2dcbeaaa9fbdd348bbdeb94873
put mnist train-labels-idx1-ubyte.gz 2000 d53e105ee54ea40749a09fcbcd1e9432
put mnist t10k-images-idx3-ubyte.gz 3000 9fb629c4189551a2d022fa330f9573f3
put mnist t10k-labels-idx1-ubyte.gz 1000 ec29112dd5afa0611ce80d1b7f02629c
cp site/mnist/* site/fashion-mnist
for pair in 8d4fb7e6c68d591d4c3dfef9ec88bf0d:train-images-idx3-ubyte.gz 25c81989df183df01b3e8a0aad5dffbe:train-labels-idx1-ubyte.gz \
    bef4ecab320f06d8554ea6380940ec79:t10k-images-idx3-ubyte.gz bb300cfdad3c16e7a12a480ee83cd310:t10k-labels-idx1-ubyte.gz; do
    sed -i "s/${pair%%:*}/$(md5sum <"site/mnist/${pair#*:}" | cut -d ' ' -f 1)/" fetch
done
python3 - <<'PYTHON'
import zipfile
with zipfile.ZipFile('site/tiny-imagenet/tiny-imagenet-200.zip', 'w') as z:
    root = 'tiny-imagenet-200/'
    for c in ('n01', 'n02'):
        for i in range(3):
            z.writestr(f'{root}train/{c}/images/{c}_{i}.JPEG', f'{c} {i}')
    for i, c in enumerate(('n02', 'n01', 'n02')):
        z.writestr(f'{root}val/images/val_{i}.JPEG', c)
    z.writestr(root + 'val/val_annotations.txt', ''.join(f'val_{i}.JPEG\t{c}\t0\t0\t9\t9\n' for i, c in enumerate(('n02', 'n01', 'n02'))))
PYTHON
sed -i "s/90528d7ca1a48142e341f4ef8d21d0de/$(md5sum <site/tiny-imagenet/tiny-imagenet-200.zip | cut -d ' ' -f 1)/" fetch

# -- a server that says which bytes it sent, and, in the folder "plain", knows no ranges
cat >server.py <<'PYTHON'
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = 'site' + self.path.replace('/plain', '').replace('/slow', '')
        if not os.path.isfile(path):
            return self.send_error(404)
        data, start, asked = open(path, 'rb').read(), 0, self.headers.get('Range')
        if asked and '/plain' not in self.path:
            start = int(asked.split('=')[1].split('-')[0])
            if start >= len(data):
                return self.send_error(416)
            self.send_response(206)
            self.send_header('Content-Range', f'bytes {start}-{len(data) - 1}/{len(data)}')
        else:
            self.send_response(200)
        self.send_header('Content-Length', str(len(data) - start))
        self.end_headers()
        if '/slow' in self.path and len(data) - start > 100000: # as long as it takes to show some progress
            for at in range(start, len(data), 60000):
                self.wfile.write(data[at:at + 60000])
                self.wfile.flush()
                time.sleep(0.5)
        else:
            self.wfile.write(data[start:])
        with open('sent', 'a') as log:
            log.write(f'{self.path} {start}\n')
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
open('port.tmp', 'w').write(str(server.server_port))
os.rename('port.tmp', 'port')
server.serve_forever()
PYTHON
python3 server.py &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -f port ] && break
    sleep 0.2
done
[ -f port ] || fail "the server does not start"
url=http://127.0.0.1:$(cat port)
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY TRANSLUTION_GPT2_URL || true
export no_proxy='*'

# -- all files; then none again
TRANSLUTION_MIRROR=$url sh fetch mnist got >log 2>&1 || fail "mnist"
for file in site/mnist/*; do cmp "$file" "got/$(basename "$file")" || fail "$file differs"; done
: >sent
TRANSLUTION_MIRROR=$url sh fetch mnist got >log 2>&1 || fail "mnist again"
[ ! -s sent ] || fail "what was there is fetched again"
grep -q "train-images-idx3-ubyte.gz is there" log || fail "it does not say what is there"
TRANSLUTION_MIRROR=$url sh fetch fashion-mnist fashion >log 2>&1 || fail "fashion-mnist"
cmp site/fashion-mnist/t10k-labels-idx1-ubyte.gz fashion/t10k-labels-idx1-ubyte.gz || fail "fashion-mnist differs"

# -- a download that broke off goes on where it ended
rm got/train-images-idx3-ubyte.gz
head -c 123456 site/mnist/train-images-idx3-ubyte.gz >got/train-images-idx3-ubyte.gz.part
: >sent
TRANSLUTION_MIRROR=$url sh fetch mnist got >log 2>&1 || fail "going on"
grep -q "train-images-idx3-ubyte.gz 123456" sent || fail "it does not go on at byte 123456: $(cat sent)"
cmp site/mnist/train-images-idx3-ubyte.gz got/train-images-idx3-ubyte.gz || fail "the parts do not fit"
# -- from a server without ranges it begins anew
rm got/train-images-idx3-ubyte.gz
head -c 123456 site/mnist/train-images-idx3-ubyte.gz >got/train-images-idx3-ubyte.gz.part
TRANSLUTION_MIRROR=$url/plain sh fetch mnist got >log 2>&1 || fail "beginning anew"
cmp site/mnist/train-images-idx3-ubyte.gz got/train-images-idx3-ubyte.gz || fail "beginning anew differs"
# -- complete but not yet renamed
mv got/train-images-idx3-ubyte.gz got/train-images-idx3-ubyte.gz.part
: >sent
TRANSLUTION_MIRROR=$url sh fetch mnist got >log 2>&1 || fail "a complete part"
[ ! -s sent ] || fail "a complete part is fetched again"

# -- on a terminal: one line with a bar that fits; elsewhere none
cat >terminal.py <<'PYTHON'
import fcntl, os, pty, re, struct, sys, termios
columns, command = int(sys.argv[1]), sys.argv[2:]
pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack('4H', 24, columns, 0, 0))
    os.execvp(command[0], command)
seen = b''
while True:
    try:
        data = os.read(master, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
lines = [line for line in re.split('[\r\n]+', seen.decode()) if re.search(r' %|left', line)]
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
if code != 0 or not lines or max(map(len, lines)) >= columns or not any(re.search(r'\[=*>? *\]  .*\d %', line) for line in lines):
    sys.exit(f'exit code {code}, {columns} columns: {seen!r}')
PYTHON
for columns in 40 80; do
    rm got/train-images-idx3-ubyte.gz
    TRANSLUTION_MIRROR=$url/slow python3 terminal.py $columns sh fetch mnist got >log 2>&1 || fail "progress on a terminal"
    cmp site/mnist/train-images-idx3-ubyte.gz got/train-images-idx3-ubyte.gz || fail "fetched with progress it differs"
done
rm got/train-images-idx3-ubyte.gz
TRANSLUTION_MIRROR=$url sh fetch mnist got >log 2>&1 || fail "mnist without a terminal"
if grep -q '%' log; then fail "a bar where there is no terminal"; fi
[ -z "$(find got -name '*.headers')" ] || fail "headers are left behind"

# -- another file than the published one is refused and not kept
cp site/mnist/t10k-labels-idx1-ubyte.gz kept
echo x >>site/mnist/t10k-labels-idx1-ubyte.gz
rm got/t10k-labels-idx1-ubyte.gz
if TRANSLUTION_MIRROR=$url sh fetch mnist got >log 2>&1; then fail "a wrong sum is accepted"; fi
grep -q "t10k-labels-idx1-ubyte.gz is not the expected file" log || fail "a wrong sum is not named"
[ ! -e got/t10k-labels-idx1-ubyte.gz ] && [ ! -e got/t10k-labels-idx1-ubyte.gz.part ] || fail "a wrong file is kept"
mv kept site/mnist/t10k-labels-idx1-ubyte.gz
# -- a file that is not there
mv site/mnist/t10k-labels-idx1-ubyte.gz away
if TRANSLUTION_MIRROR=$url sh fetch mnist got >log 2>&1; then fail "404 is accepted"; fi
grep -q "cannot download $url/mnist/t10k-labels-idx1-ubyte.gz" log || fail "404 is not named"

# -- Tiny ImageNet: val by classes
TRANSLUTION_MIRROR=$url sh fetch tiny-imagenet tiny >log 2>&1 || fail "tiny-imagenet"
[ "$(cd tiny && find . -type f | LC_ALL=C sort | tr '\n' ' ')" = "./train/n01/images/n01_0.JPEG ./train/n01/images/n01_1.JPEG \
./train/n01/images/n01_2.JPEG ./train/n02/images/n02_0.JPEG ./train/n02/images/n02_1.JPEG ./train/n02/images/n02_2.JPEG \
./val/n01/val_1.JPEG ./val/n02/val_0.JPEG ./val/n02/val_2.JPEG ./val/val_annotations.txt " ] || fail "$(find tiny)"
: >sent
TRANSLUTION_MIRROR=$url sh fetch tiny-imagenet tiny >log 2>&1 || fail "tiny-imagenet again"
[ ! -s sent ] || fail "tiny-imagenet is fetched again"

# -- without a network: one clear sentence, and what came is kept
kill "$server"
wait "$server" 2>/dev/null || true
server=""
mkdir off
head -c 5000 site/mnist/train-images-idx3-ubyte.gz >off/train-images-idx3-ubyte.gz.part
code=0
TRANSLUTION_MIRROR=$url sh fetch mnist off >log 2>&1 || code=$?
[ $code -eq 1 ] || fail "exit code $code without a network"
grep -q "is there a network" log || fail "no clear sentence without a network"
[ "$(wc -c <off/train-images-idx3-ubyte.gz.part)" -eq 5000 ] || fail "what came is lost"

# -- usage
code=0
sh fetch nothing >log 2>&1 || code=$?
[ $code -eq 2 ] && grep -q tiny-imagenet log || fail "usage"
sh fetch --help | grep -q fashion-mnist || fail "help"
echo "all good"
