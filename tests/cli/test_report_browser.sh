#!/bin/sh
# The page of `report` in a browser: nothing on its console, every curve of every picture drawn, no wider than the screen.
#   test_report_browser.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/skip.sh"
command -v gnuplot >/dev/null || skip "no gnuplot, which draws the curves" "install gnuplot-nox"
browser=$(command -v chromium || command -v google-chrome) || skip "no browser" "install chromium"
. "$(dirname "$0")/../support/program.sh"

# open NAME WIDTH: the page's elements on out.txt, as they are once it has been drawn; its console on err.txt
open() {
    HOME=$work timeout 120 "$browser" --headless --no-sandbox --disable-gpu --enable-logging=stderr --user-data-dir="$work/profile" \
        --window-size="$2,900" --dump-dom "file://$work/$1" >out.txt 2>err.txt || fail "the browser ends with $?"
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
