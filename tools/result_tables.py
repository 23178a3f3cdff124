"""The table of an experiment's results, mean and standard deviation beside the paper's figures, and whether the order is the
paper's; used by tools/reproduce.py.

A result is an object of: experiment, budget, data, flags (of every run),
runs: [{row, variant, seed, params, steps, step_ms, loss, ..., device, version, test_samples}], what `translution train` printed of
each, the program's version and how many samples its test was of, where that is known. Older results have the last three once, for
all runs.
"""
import math, statistics


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
    """One-sided p of Welch's t-test that the mean of `better` is not above that of `worse`."""
    parts = [statistics.variance(sample) / len(sample) for sample in (worse, better)]
    difference, spread = statistics.mean(better) - statistics.mean(worse), sum(parts)
    if spread == 0:
        return 0.0 if difference > 0 else 1.0
    freedom = spread ** 2 / sum(part ** 2 / (len(sample) - 1) for part, sample in zip(parts, (worse, better)))
    return t_tail(difference / math.sqrt(spread), freedom)


def two_proportions(worse, better, samples):
    """One-sided p of the z-test that `better` percent of the samples is not more than `worse` percent of as many."""
    pooled = (worse + better) / 200
    spread = math.sqrt(2 * pooled * (1 - pooled) / samples)
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


def cell(found, paper):
    if not found:
        return "-"
    text = f"{statistics.mean(found):.2f}"
    if len(found) > 1:
        text += f" ± {statistics.stdev(found):.2f}"
    return text if paper is None else f"{text} ({paper:.2f})"


def aligned(lines):
    """A Markdown table of rows of cells, of which the first is the head; columns but the first to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines = [lines[0], ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]] + lines[1:]
    return "".join("| " + " | ".join([line[0].ljust(widths[0])] + [text.rjust(w) for text, w in zip(line[1:], widths[1:])]) + " |\n"
                   for line in lines)


def order_line(experiment, result):
    """Whether the rows come in the paper's order, and how sure that is."""
    order = experiment["order"]
    column = next(c for c in experiment["columns"] if c["title"] == order["column"])
    titles = {row["name"]: row["title"] for row in experiment["rows"]}
    rows = [name for name in order["rows"] if values(result, name, column)]
    if len(rows) < 2:
        return f"The paper's order of {order['column']}: not tested, for fewer than two of its rows have been run.\n"
    sign = 1 if order["better"] == "higher" else -1
    sets = {name: [sign * value for value in values(result, name, column)] for name in rows}
    pairs = list(zip(rows, rows[1:]))
    holds = all(statistics.mean(sets[a]) < statistics.mean(sets[b]) for a, b in pairs)
    if all(len(found) > 1 for found in sets.values()):
        test = "Welch's t-test, one-sided, over seeds"
        chances = [welch(sets[a], sets[b]) for a, b in pairs]
    elif sign > 0 and all(told(result, run, "test_samples") for name in rows for run in runs_of(result, name, column)):
        samples = told(result, runs_of(result, rows[0], column)[0], "test_samples")
        test = f"two-proportion z-test, one-sided, over the {samples} test samples; one seed says nothing of others"
        chances = [two_proportions(sets[a][0], sets[b][0], samples) for a, b in pairs]
    else:
        test, chances = "no test of significance: one seed", []
    sure = "; ".join(f"{titles[a]} < {titles[b]}: p = {p:.2g}" for (a, b), p in zip(pairs, chances))
    text = f"The paper's order of {order['column']}, from worst to best: {' < '.join(titles[name] for name in rows)}. "
    return text + f"Here: {'the same' if holds else 'another'} ({test}{': ' + sure if sure else ''}).\n"


def made_by(result):
    """The settings behind a table, a line."""
    flags = " ".join(f"--{key} {value}" for key, value in result["flags"].items())
    seeds = sorted({run["seed"] for run in result["runs"]})
    devices, versions = (list(dict.fromkeys(told(result, run, key) or f"{key} unknown" for run in result["runs"]))
                         for key in ("device", "version"))
    return (f"Data: {result['data']}; seeds: {', '.join(map(str, seeds))}; every run with `{flags}`; {', '.join(devices)}; "
            f"translution {', '.join(versions)}.\n")


def table(experiment, result):
    """The Markdown text of a result."""
    columns = [c for c in experiment["columns"] if any(values(result, row["name"], c) for row in experiment["rows"])]
    lines = [[""] + ["parameters"] + [c["title"] for c in columns]]
    for row in experiment["rows"]:
        runs = [run for run in result["runs"] if run["row"] == row["name"]]
        if runs:
            lines.append([row["title"], f"{runs[0]['params']:,}"]
                         + [cell(values(result, row["name"], c), row.get("paper", {}).get(c["title"])) for c in columns])
    figures = any("paper" in row for row in experiment["rows"])
    note = f"{experiment['unit']}{'; in brackets what the paper reports of its full-sized runs' if figures else ''}.\n"
    return "\n".join((aligned(lines), note, order_line(experiment, result), made_by(result)))
