#!/bin/sh
# tools/reproduce: the experiments' flags are those of the program; killed anywhere and begun again it gives the same table; what
# is wrong is said in a sentence before anything is trained; docs/results.md is what its result files give.
#   test_reproduce.sh PROGRAM SOURCE_DIR
set -eu
program=$1
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
fail() {
    echo "FAILED: $1" >&2
    cat "$work/out" "$work/err" >&2 || true
    exit 1
}
program=$(realpath "$program")
small="--limit-train 64 --limit-test 32 --batch-size 8 --dim 16 --heads 1 --head-dim 16 --depth 1"
reproduce() { # FOLDER STEPS [OPTION...]: a run of the experiment mnist at its smallest
    folder=$1 steps=$2
    shift 2
    # shellcheck disable=SC2086
    tools/reproduce mnist --program "$program" --out "$work/$folder" "$@" -- $small --steps "$steps" >"$work/out" 2>"$work/err"
}

# Statistics, by tables of Student's distribution; markup of a table; the flags of every experiment
PYTHONPATH=tools python3 - "$program" <<'END' || fail "the modules of tools/reproduce"
import subprocess, sys
import experiments, result_tables as tables
for t, freedom in ((6.314, 1), (2.920, 2), (2.132, 4), (1.812, 10)):
    assert abs(tables.t_tail(t, freedom) - 0.05) < 2e-4, (t, freedom)
assert abs(tables.t_tail(0, 3) - 0.5) < 1e-6 and abs(tables.t_tail(-2.132, 4) - 0.95) < 2e-4
# equal spreads: t = 3 / sqrt(2 / 3), 4 degrees of freedom
assert abs(tables.welch([9, 10, 11], [12, 13, 14]) - 0.0107) < 2e-4
assert tables.welch([1, 1], [2, 2]) is None and tables.welch([2, 2], [2, 2]) is None
assert abs(tables.two_proportions(10, 12, 1000, 1000) - 0.0766) < 2e-3 and tables.two_proportions(0, 0, 10, 10) == 1
# pooled 11 / 150, standard error 0.04514
assert abs(tables.two_proportions(10, 6, 50, 100) - 0.8122) < 2e-3
e = experiments.read("mnist")
runs = [{"row": row, "variant": "static", "seed": seed, "params": 1000, "top1_dynamic": top1 + seed}
        for row, top1 in (("attention", 10), ("alpha", 20), ("translution", 30)) for seed in (0, 1, 2)]
result = {"experiment": "mnist", "data": "synthetic", "flags": {"steps": 4}, "device": "d", "version": "1", "test_samples": 100, "runs": runs}
text = tables.table(e, result)
assert "| 11.00 ± 1.00 (18.18) |" in text and "static→static" not in text and "1,000" in text, text
assert "Here: the same (Welch's t-test" in text and "p = " in text, text
result["runs"] = [dict(run, top1_dynamic=40 - run["top1_dynamic"]) for run in runs if run["seed"] == 0]
assert "Here: another (one seed: two-proportion z-test, one-sided, the 100 test samples treated as independent" in tables.table(e, result)
assert "d; translution 1.\n" in tables.table(e, result)
# what runs say of themselves counts before what the result says of all
result["runs"] = [dict(run, test_samples=50, device="d" + run["row"][:2], version="2") for run in result["runs"]]
text = tables.table(e, result)
assert "the 50 test samples treated" in text and "dat, dal, dtr; translution 2.\n" in text, text
del result["device"], result["version"], result["test_samples"]
assert "the 50 test samples treated" in tables.table(e, result)
def line(attention, alpha, translution, experiment=e, **more):
    """What is said of the order of rows with these numbers, a seed each."""
    of = {"attention": attention, "alpha": alpha, "translution": translution}
    column = next(c for c in experiment["columns"] if c["title"] == experiment["order"]["column"])
    return tables.order_line(experiment, {"runs": [{"row": row, "variant": column["variant"], "seed": seed, column["value"]: number, **more}
                                                   for row in of for seed, number in enumerate(of[row])]})
up = "attention, learned positions < alpha, relenc 8", "alpha, relenc 8 < translution"
text = line([10, 11, 12], [20, 21, 22], [30, 31, 33])
assert f"Here: the same (Welch's t-test, one-sided, over seeds: {up[0]}: p = 0.00013; {up[1]}: p = 0.0" in text, text
assert "). p: the chance of such a lead of the second over the first, or a larger one, if the two were equally good.\n" in text, text
assert "Here: the same, but not significant at 0.05 (Welch's" in line([10, 11, 12], [20, 21, 22], [21, 22, 23])
assert f"{up[0]}: p < 1e-4; " in line([10, 10.1, 10.2], [90, 90.1, 90.2], [91, 99])
assert f"{up[0]}: not computable; {up[1]}: p" in line([10, 10], [20, 20], [30, 31])
assert "Here: the same, but not every step is tested (Welch's" in line([10, 10], [20, 20], [30, 30.1])
# seeds that some rows lack
text = line([10, 11, 12], [20, 21, 22], [30], test_samples=100)
assert f"the same, but not every step is tested (Welch's t-test, one-sided, over seeds: {up[0]}: p = 0.00013; " \
    f"one seed: no test of significance: {up[1]})." in text, text
text = line([10, 11], [20], [80], test_samples=100)
assert f"(one seed: no test of significance: {up[0]}; one seed: two-proportion z-test, one-sided, the 100 test samples" in text, text
assert "Here: the same (one seed: no test of significance).\n" in line([10], [20], [30]), line([10], [20], [30])
assert "Here: the same, but not significant at 0.05 (one seed: two-proportion" in line([10], [12], [80], test_samples=100)
assert "Here: the same (one seed: two-proportion" in line([10], [40], [80], test_samples=100)
assert "Here: another (one seed: no test of significance).\n" in line([10], [9], [80])
# of perplexities, for which lower is better, there are no proportions
assert "Here: the same (one seed: no test of significance).\n" in line([90], [80], [70], experiments.read("text"), test_samples=100)
result["runs"] = result["runs"][:1]
assert "fewer than two" in tables.table(e, result)
# a note for a column that is there; decimals as recorded, of means two
t = experiments.read("text")
result = {"experiment": "text", "data": "d", "flags": {}, "runs": [
    {"row": row, "variant": "gpt", "seed": 0, "params": 1, "perplexity": number} for row, number in (("attention", 892), ("alpha", 693))]}
text = tables.table(t, result)
assert "| 892 (60.40) |" in text and "training loss" not in text, text
result["runs"][0].update(perplexity=892.5, loss=6.7654)
text = tables.table(t, result)
assert "| 892.5 (60.40) |" in text and " 693.0 (57.97) |" in text and " 6.77 |" in text, text
assert "tokens; training loss: mean of the last 20 steps; in brackets" in text, text
result["runs"].append(dict(result["runs"][0], seed=1))
assert "| 892.50 ± 0.00 (60.40) |" in tables.table(t, result) and " 693.00 (57.97) |" in tables.table(t, result)
for name in experiments.names():
    e = experiments.read(name)
    for budget in e["budgets"]:
        for run in experiments.runs(e, budget, 1, {}):
            flags = [word for key, value in run["flags"].items() for word in ("--" + key, str(value))]
            done = subprocess.run([sys.argv[1], "train", e["task"], "--dry-run", *flags], capture_output=True, text=True)
            assert done.returncode == 0, (name, budget, run["name"], done.stderr)
            steps, every = run["flags"]["steps"], run["flags"]["eval-every"]
            assert -(-steps // every) == e["evaluations"][budget], (name, budget)
assert all(run["flags"]["eval-every"] == every for more, every in (({"steps": "40"}, 10), ({"steps": "3"}, 1), ({"eval-every": 7}, 7))
           for run in experiments.runs(e, "3m", 1, more))
e["order"]["rows"] = ["nothing"]
try:
    experiments.check(e, "file")
    sys.exit("an order of rows that are not there was taken")
except experiments.Fault as fault:
    assert "a row of the order is nothing" in str(fault), fault
END

# Bad input: exit code 2, one sentence, nothing trained
refused() { # PATTERN ARGUMENT...
    pattern=$1
    shift
    code=0
    tools/reproduce "$@" >"$work/out" 2>"$work/err" || code=$?
    [ "$code" -eq 2 ] || fail "reproduce $* ended with $code"
    grep -q "$pattern" "$work/err" || fail "reproduce $* does not say: $pattern"
    [ ! -s "$work/out" ] || fail "reproduce $* wrote to standard output"
}
refused 'no experiment nothing: give one of images, images-64, mnist, ' nothing
refused 'no budget 9h: give one of 3m, 2h, full' mnist --budget 9h
refused 'give 1 or more' mnist --seeds 0
refused 'there is no such folder' mnist --data "$work/none"
refused 'one experiment: leave it out with all' all --out "$work/all"
refused 'one experiment: leave it out with all' all --only alpha-static
refused 'the runs are attention-static, attention-dynamic, alpha-4-static, ' mnist --only alpha
refused 'given as --FLAG VALUE' mnist -- --steps
refused 'steps many: give a whole number' mnist -- --steps many
refused 'is not translution' mnist --program echo --out "$work/echo"
refused 'nothing-like-it: there is no such program' mnist --program nothing-like-it

# Killed when so many runs are done, again and again, and stopped by a signal that lets runs save
# (the program by its name in the PATH: the report is made in another folder)
mkdir "$work/bin"
ln -s "$program" "$work/bin/translution"
PATH="$work/bin:$PATH" reproduce whole 24 --seeds 2 --program translution || fail "a whole run"
grep -q ' ± ' "$work/whole/table.md" || fail "no standard deviation"
[ "$(grep -c '"test_samples": 32' "$work/whole/result.json")" -eq 12 ] || fail "runs without the number of test samples"
[ "$(grep -c '"version": "[0-9]' "$work/whole/result.json")" -eq 12 ] || fail "runs without the program's version"
if command -v gnuplot >/dev/null; then
    grep -q "has it as table.md, the first seed's runs as report.html," "$work/out" || fail "no report"
    grep -q '6\. translution-dynamic-0' "$work/whole/report.html" || fail "a run is not in the report"
    grep -q '(98\.48)' "$work/whole/report.html" || fail "the paper's figures are not in the report"
    grep -q 's order of static→dynamic, from worst to best' "$work/whole/report.html" || fail "the order is not in the report"
    grep -q 'Mean attention weight of the class token' "$work/whole/report.html" || fail "no maps of attention in the report"
fi
[ "$(find "$work/whole" -name attention.safetensors | wc -l)" -eq 6 ] || fail "maps of other runs than the first seed's"
end_after() { # RUNS SIGNAL CODE
    # shellcheck disable=SC2086
    tools/reproduce mnist --program "$program" --out "$work/killed" --seeds 2 -- $small --steps 24 >"$work/out" 2>"$work/err" &
    while [ "$(find "$work/killed" -name '*-[01].json' 2>/dev/null | wc -l)" -lt "$1" ]; do
        kill -0 $! 2>/dev/null || fail "it ended before $1 runs were done"
        sleep 0.05
    done
    code=0
    kill -s "$2" $! || fail "it ended before a SIG$2 after $1 runs"
    wait $! || code=$?
    [ "$code" -eq "$3" ] || fail "by SIG$2 after $1 runs it ended with $code"
}
for runs in 1 2 4 6; do end_after $runs KILL 137; done
end_after 8 TERM 143
reproduce killed 24 --seeds 2 || fail "it does not go on"
cmp "$work/whole/table.md" "$work/killed/table.md" || fail "another table after kill -9"

# Killed in the middle of a run, by a signal that no run survives: told as that, and the same command goes on
cat >"$work/bin/watched" <<END
#!/bin/sh
echo \$\$ >"$work/pid"
exec "$program" "\$@"
END
cat >"$work/bin/crashing" <<'END'
#!/bin/sh
ulimit -c 0
[ "$1" != train ] || kill -s SEGV $$
echo translution 0
END
chmod +x "$work/bin/watched" "$work/bin/crashing"
long_run() { # FOLDER PROGRAM
    # shellcheck disable=SC2086
    tools/reproduce mnist --program "$2" --out "$work/$1" --only attention-static -- $small --steps 3000 --checkpoint-every 250 \
        >"$work/out" 2>"$work/err"
}
long_run long "$program" || fail "a long run"
long_run cut "$work/bin/watched" &
cutter=$!
while [ ! -d "$work/cut/attention-static-0/checkpoints/500" ]; do
    kill -0 "$cutter" 2>/dev/null || fail "it ended before step 500"
    sleep 0.05
done
kill -s KILL "$(cat "$work/pid")" || fail "the run ended before it could be killed"
code=0
wait "$cutter" || code=$?
[ "$code" -eq 1 ] && grep -q 'attention-static-0 was ended by SIGKILL; the same command goes on' "$work/err" || fail "a run was killed: $code"
[ ! -e "$work/cut/attention-static-0.json" ] || fail "a run that was killed is taken as done"
long_run cut "$program" || fail "it does not go on with a run that was killed"
cmp "$work/long/table.md" "$work/cut/table.md" || fail "another table after kill -9 of a run"
code=0
long_run crashed "$work/bin/crashing" || code=$?
[ "$code" -eq 1 ] && grep -q 'attention-static-0 was ended by SIGSEGV' "$work/err" || fail "a run crashed: $code"

# Two devices share the runs; other settings and a second one at work in the folder are refused
reproduce shared 24 --seeds 2 --device 0:0 --device 0:0 || fail "two devices"
cmp "$work/whole/table.md" "$work/shared/table.md" || fail "another table by two devices"
reproduce shared 24 --only attention-static --only alpha-4-static || fail "two of the runs"
grep -q '0 to be trained' "$work/err" || fail "runs that are done were trained again"
if ! grep -q '^| alpha' "$work/shared/table.md" || grep -q '^| translution\|dynamic→dynamic' "$work/shared/table.md"; then
    fail "the table is not of the runs that were chosen"
fi
# Maps that cannot be made are told; those that are there stay
rm "$work/shared/attention-static-0/attention.safetensors"
printf cut >"$work/shared/attention-static-0/model.safetensors"
maps=$(stat -c %Y.%i "$work/shared/alpha-4-static-0/attention.safetensors")
reproduce shared 24 --only attention-static --only alpha-4-static || fail "without a map"
grep -q 'no maps of the attention of attention-static-0' "$work/err" || fail "a map that failed is not told"
[ "$(stat -c %Y.%i "$work/shared/alpha-4-static-0/attention.safetensors")" = "$maps" ] || fail "a map was made again"
code=0
reproduce whole 25 || code=$?
[ "$code" -eq 2 ] && grep -q 'holds attention-static-0 with other settings' "$work/err" || fail "other settings were taken"
python3 -c 'import fcntl, sys, time
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(60)' "$work/whole/reproduce.lock" >"$work/holder" &
holder=$!
while [ ! -s "$work/holder" ]; do sleep 0.1; done
code=0
reproduce whole 24 --seeds 2 || code=$?
kill "$holder"
[ "$code" -eq 2 ] && grep -q 'another reproduce is at work' "$work/err" || fail "two at work in one folder"

# A run that fails is named, with the program's own sentence
code=0
reproduce failing 24 --device nothing-like-it || code=$?
[ "$code" -eq 1 ] && grep -q 'attention-static-0 ended with 2' "$work/err" || fail "a run that failed ended it with $code"

PYTHONPATH=tools python3 -c 'import sys, reproduce
text = open(reproduce.PAGE, encoding="utf-8").read()
assert text.count("<!-- docs/results/") == text.count("<!-- end -->") >= 1
sys.exit(reproduce.page(text) != text)' >"$work/out" 2>"$work/err" || fail "docs/results.md is not what its result files give: tools/reproduce --page"
echo "reproduce: all good"
