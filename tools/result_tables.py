"""The table of an experiment's results, mean and standard deviation beside the paper's figures, and whether the order is the
paper's; used by tools/reproduce.py.

A result is an object of: experiment, budget, data, flags (of every run),
runs: [{row, variant, seed, params, steps, step_ms, loss, ..., device, version, test_samples}], what `translution train` printed of
each, the program's version and how many samples its test was of, where that is known. Older results have the last three once, for
all runs.
"""
import math, statistics

SURE = 0.05  # a difference whose p is below is called significant
UNTESTED = "one seed: no test of significance"


def t_tail(t, freedom):
    """P(T > t) of Student's distribution, by Simpson's rule."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    # x = tan(a) sqrt(freedom) turns the density's tail into an integral of cos^(freedom - 1) over a finite range
    low, high, pieces = math.atan(t / math.sqrt(freedom)), math.pi / 2, 2000
    step = (high - low) / pieces
    # cos of the upper end may come out below 0 by rounding
    ordinate = [max(0.0, math.cos(low + i * step)) ** (freedom - 1) for i in range(pieces + 1)]
    total = ordinate[0] + ordinate[-1] + 4 * sum(ordinate[1:-1:2]) + 2 * sum(ordinate[2:-1:2])
    return min(1.0, scale * math.sqrt(freedom) * total * step / 3)


def welch(worse, better):
    """One-sided p of Welch's t-test that the mean of `better` is not above that of `worse`; None where neither varies."""
    parts = [statistics.variance(sample) / len(sample) for sample in (worse, better)]
    difference, spread = statistics.mean(better) - statistics.mean(worse), sum(parts)
    if spread == 0:
        return None
    freedom = spread ** 2 / sum(part ** 2 / (len(sample) - 1) for part, sample in zip(parts, (worse, better)))
    return t_tail(difference / math.sqrt(spread), freedom)


def two_proportions(worse, better, worse_samples, better_samples):
    """One-sided p of the z-test that `better` percent of its samples is not more than `worse` percent of the others."""
    pooled = (worse * worse_samples + better * better_samples) / (worse_samples + better_samples) / 100
    spread = math.sqrt(pooled * (1 - pooled) * (1 / worse_samples + 1 / better_samples))
    if spread == 0:
        return 1.0
    return 1 - statistics.NormalDist().cdf((better - worse) / 100 / spread)


def runs_of(result, row, column):
    """The runs of the row that are done and have the column's number."""
    return [run for run in result["runs"]
            if run["row"] == row and run["variant"] == column["variant"] and run.get(column["value"]) is not None]


def values(result, row, column):
    return [run[column["value"]] for run in runs_of(result, row, column)]


def told(result, run, key):
    """What the run says of itself, or an older result of all runs; None where neither does."""
    return run.get(key, result.get(key))


def decimals(sets):
    """How many a column shows, of which `sets` are the rows' numbers: those that were recorded, at most 2, and 2 of means."""
    if any(len(found) > 1 for found in sets):
        return 2
    return max((len(f"{value:.2f}".rstrip("0").partition(".")[2]) for found in sets for value in found), default=0)


def cell(found, paper, digits):
    if not found:
        return "-"
    text = f"{statistics.mean(found):.{digits}f}"
    if len(found) > 1:
        text += f" ± {statistics.stdev(found):.2f}"
    return text if paper is None else f"{text} ({paper:.2f})"


def aligned(lines):
    """A Markdown table of rows of cells, of which the first is the head; columns but the first to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines = [lines[0], ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]] + lines[1:]
    return "".join("| " + " | ".join([line[0].ljust(widths[0])] + [text.rjust(w) for text, w in zip(line[1:], widths[1:])]) + " |\n"
                   for line in lines)


def step_test(result, column, sign, worse, better):
    """The test that fits the runs of two rows, in words, and its p: None without a test, or where it cannot be computed."""
    runs = [runs_of(result, row, column) for row in (worse, better)]
    numbers = [[sign * run[column["value"]] for run in found] for found in runs]
    if min(map(len, runs)) > 1:
        return "Welch's t-test, one-sided, over seeds", welch(*numbers)
    samples = [told(result, found[0], "test_samples") for found in runs]
    if max(map(len, runs)) > 1 or sign < 0 or None in samples:
        return UNTESTED, None
    counted = samples[0] if samples[0] == samples[1] else f"{samples[0]} and {samples[1]}"
    return (f"one seed: two-proportion z-test, one-sided, the {counted} test samples treated as independent; it says nothing of other seeds",
            two_proportions(numbers[0][0], numbers[1][0], *samples))


def verdict(holds, steps):
    """`steps`: test and p of each."""
    chances = [p for test, p in steps]
    if not holds:
        return "another"
    if any(p is not None and p >= SURE for p in chances):
        return f"the same, but not significant at {SURE}"
    if None not in chances or all(test == UNTESTED for test, p in steps):
        return "the same"
    return "the same, but not every step is tested"


def chance_text(p):
    return "not computable" if p is None else "p < 1e-4" if p < 1e-4 else f"p = {p:.2g}"


def order_line(experiment, result):
    """Whether the rows come in the paper's order, and how sure that is."""
    order = experiment["order"]
    column = next(c for c in experiment["columns"] if c["title"] == order["column"])
    titles = {row["name"]: row["title"] for row in experiment["rows"]}
    rows = [name for name in order["rows"] if values(result, name, column)]
    if len(rows) < 2:
        return f"The paper's order of {order['column']}: not tested, for fewer than two of its rows have been run.\n"
    sign = 1 if order["better"] == "higher" else -1
    means = [sign * statistics.mean(values(result, name, column)) for name in rows]
    holds = all(low < high for low, high in zip(means, means[1:]))
    pairs = list(zip(rows, rows[1:]))
    steps = [step_test(result, column, sign, *pair) for pair in pairs]
    parts = []  # of each test the steps that it was made of
    for test in dict.fromkeys(test for test, p in steps):
        made_of = [f"{titles[a]} < {titles[b]}" + ("" if test == UNTESTED else f": {chance_text(p)}")
                   for (a, b), (of, p) in zip(pairs, steps) if of == test]
        # that none of the steps is tested needs no list of them
        parts.append(test if test == UNTESTED and len(made_of) == len(steps) else f"{test}: {'; '.join(made_of)}")
    text = (f"The paper's order of {order['column']}, from worst to best: {' < '.join(titles[name] for name in rows)}. "
            f"Here: {verdict(holds, steps)} ({'; '.join(parts)}).")
    if any(p is not None for test, p in steps):
        text += " p: the chance of such a lead of the second over the first, or a larger one, if the two were equally good."
    return text + "\n"


def made_by(result):
    """The settings behind a table, a line."""
    flags = " ".join(f"--{key} {value}" for key, value in result["flags"].items())
    seeds = sorted({run["seed"] for run in result["runs"]})
    devices, versions = (list(dict.fromkeys(told(result, run, key) or f"{key} unknown" for run in result["runs"]))
                         for key in ("device", "version"))
    return (f"Data: {result['data']}; seeds: {', '.join(map(str, seeds))}; every run with `{flags}`; {', '.join(devices)}; "
            f"translution {', '.join(versions)}.\n")


def content(experiment, result):
    """A result's table as rows of cells, of which the first is the head, and the paragraphs below it."""
    columns = [c for c in experiment["columns"] if any(values(result, row["name"], c) for row in experiment["rows"])]
    digits = [decimals([values(result, row["name"], c) for row in experiment["rows"]]) for c in columns]
    lines = [[""] + ["parameters"] + [c["title"] for c in columns]]
    for row in experiment["rows"]:
        runs = [run for run in result["runs"] if run["row"] == row["name"]]
        if runs:
            lines.append([row["title"], f"{runs[0]['params']:,}"]
                         + [cell(values(result, row["name"], c), row.get("paper", {}).get(c["title"]), n) for c, n in zip(columns, digits)])
    notes = [experiment["unit"]] + [c["note"] for c in columns if "note" in c]
    if any("paper" in row for row in experiment["rows"]):
        notes.append("in brackets what the paper reports of its full-sized runs")
    note = "; ".join(notes) + ".\n"
    return lines, (note, order_line(experiment, result), made_by(result))


def table(experiment, result):
    """The Markdown text of a result."""
    lines, paragraphs = content(experiment, result)
    return "\n".join((aligned(lines), *paragraphs))


def tab_separated(experiment, result):
    """The same as `translution report --table` takes it."""
    lines, paragraphs = content(experiment, result)
    return "".join("\t".join(line) + "\n" for line in lines) + "\n" + "".join(paragraphs).replace("`", "")
