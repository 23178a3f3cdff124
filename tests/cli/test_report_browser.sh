#!/bin/sh
# The page of `report` in a browser: nothing on its console, every curve of every picture drawn, no wider than the screen.
#   test_report_browser.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/skip.sh"
command -v gnuplot >/dev/null || skip "no gnuplot, which draws the curves" "install gnuplot-nox"
browser=$(command -v chromium || command -v google-chrome) || skip "no browser" "install chromium"
. "$(dirname "$0")/../support/program.sh"

# open NAME WIDTH [FLAG]: the page's elements on out.txt, as they are once it has been drawn; its console on err.txt
open() {
    HOME=$work timeout 120 "$browser" --headless --no-sandbox --disable-gpu --enable-logging=stderr --user-data-dir="$work/profile" \
        --window-size="$2,900" ${3:+"$3"} --dump-dom "file://$work/$1" >out.txt 2>err.txt || fail "the browser ends with $?"
}

for run in one two "<b>three&'"; do # the last is a name in a table, and no markup
    awk 'BEGIN { for (i = 1; i <= 2000; i++) {
        printf "{\"step\":%d,\"loss\":%g,\"lr\":%g,\"images_per_second\":%d}\n", i, 100 / i + i % 7, 1 - i / 2000, 900 + i % 5
        if (i % 100 == 0) printf "{\"step\":%d,\"test\":\"static\",\"loss\":%g,\"top1\":%g}\n", i, 50 / i + 1, i / 20 } }' >"$run"
done
"$program" report one two "<b>three&'" --out page.html >out.txt 2>err.txt || fail "report"

for width in 500 1400; do
    open page.html $width
    grep -q '</html>' out.txt || fail "the browser shows no page"
    ! grep CONSOLE err.txt || fail "something is on the console"
done

# A copy that may run a script, which looks at the picture that the browser has made.
sed 's/<meta http-equiv[^>]*>//' page.html >copy.html
cat >>copy.html <<'END'
<script>
const figures = [...document.querySelectorAll("figure")];
const size = curve => { const box = curve.getBBox(); return box.width * box.height; };
const drawn = figures.filter(figure => {
    const runs = [...figure.querySelectorAll("li .sample")].map(sample => sample.classList[1]);
    const shown = run => [...figure.querySelectorAll(`.plot g.${run}`)].some(curve => size(curve) > 100);
    return figure.querySelector(".plot svg").getBoundingClientRect().width > 300 && runs.length == 3 && runs.every(shown);
});
const colors = new Set([...document.querySelectorAll(".plot g[class^=run] path")].map(path => getComputedStyle(path).stroke));
const narrow = document.documentElement.scrollWidth <= innerWidth;
console.log(`${drawn.length} of ${figures.length} drawn in ${colors.size} colors, ${narrow ? "as wide as" : "wider than"} the screen`);
</script>
END
for width in 500 1400; do
    open copy.html $width
    said '5 of 5 drawn in 3 colors, as wide as the screen'
done

# -- runs that have been trained, and all that a page can have of them
for run in near clip; do
    [ $run = near ] && flag="--window 1" || flag="--offset-sharing clip:2"
    # shellcheck disable=SC2086 # a flag and its value
    "$program" train mnist --quiet --op alpha $flag --dim 16 --depth 2 --heads 2 --head-dim 8 --batch-size 16 --limit-train 64 \
        --limit-test 48 --steps 4 --eval-every 2 --out $run >out.txt 2>err.txt || fail "train"
done
"$program" eval near --quiet --attention-maps near/attention.safetensors >out.txt 2>err.txt || fail "eval"
printf 'op\ttop-1, %%\n%s\t%s\n\nA note.\n' "$(printf '%0300d' 0)" "$(printf '%0300d' 1)" >own.tsv # words longer than a screen
"$program" report near clip --table own.tsv --out page.html >out.txt 2>err.txt || fail "report"
sed 's/<meta http-equiv[^>]*>//' page.html >copy.html
cat >>copy.html <<'END'
<script>
for (const folded of document.querySelectorAll("details")) folded.open = true;
const all = [...document.querySelectorAll("figure, table")];
const drawn = all.filter(part => { const box = part.getBoundingClientRect(); return box.width > 50 && box.height > 20; });
const count = (parts, name) => parts.filter(part => part.localName == name).length;
const shades = color => color.match(/\d+/g).map(Number);
const paper = shades(getComputedStyle(document.body).backgroundColor), ink = shades(getComputedStyle(document.querySelector("td")).color);
const scheme = paper.every(part => part > 200) && ink.every(part => part < 100) ? "light" :
    paper.every(part => part < 60) && ink.every(part => part > 200) ? "dark" : "unreadable";
const root = document.documentElement;
console.log(`at ${innerWidth}: ${count(drawn, "figure")} of ${count(all, "figure")} figures, ${count(drawn, "table")} of ` +
    `${count(all, "table")} tables, ${scheme}, ${root.scrollWidth <= root.clientWidth ? "no wider than" : "wider than"} the screen`);
</script>
END
# a window is wider than a telephone, but a frame need not be
echo '<iframe src=copy.html width=360 height=800 style="border:0"></iframe>' >telephone.html
# 5 curves with a table each; of each run 2 blocks of 3 maps, each with a table of the class token's offsets behind it; of the first run,
# for 2 heads, attention by offset, with such a table, and the class token's in 2 blocks; 2 tables of confusion counts, 2 of runs, 2 of
# settings, and the user's
what='23 of 23 figures, 44 of 44 tables'
for scheme in light dark; do
    [ $scheme = dark ] && flag=--blink-settings=preferredColorScheme=0 || flag=""
    open page.html 1400 "$flag"
    ! grep CONSOLE err.txt || fail "something is on the console of a page in $scheme"
    open copy.html 1400 "$flag"
    said "at 1400: $what, $scheme, no wider than the screen"
    open telephone.html 500 "$flag"
    said "at 360: $what, $scheme, no wider than the screen"
done
