"""Experiments: experiments/NAME.json, and the runs of `translution train` that each consists of; used by tools/reproduce.py.

An experiment is an object of
    title      what it is, a line
    unit       what its numbers are, which is printed below the table
    task       of `translution train`
    flags      what every run gets: {"batch-size": 32, ...}, flags without their dashes
    budgets    {"3m": flags, ...}: flags of a budget, on top of those
    evaluations    {"3m": 4, ...}: how often a budget's runs are evaluated, evenly over their steps, for the curves of the report
    variants   {"static": flags, ...}: each row is trained once for each
    rows       [{"name", "title", "flags", "paper": {column: figure}, "budgets": [...]}]: a line of the table each; `paper`
               and `budgets` (those that train the row; without it all) may be left out
    columns    [{"title", "variant", "value", "note"}]: a number of the result of that variant's run; `note`, which may be left out,
               is printed below a table that has the column
    order      {"column", "better": "higher" or "lower", "rows": [worst, ..., best]}: the paper's order
"""
import json, os

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "experiments")
KEYS = {"title": str, "unit": str, "task": str, "flags": dict, "budgets": dict, "evaluations": dict, "variants": dict,
        "rows": list, "columns": list, "order": dict}


class Fault(Exception):
    """What is wrong with what the user gave, in one sentence."""


def names():
    return sorted(name[:-5] for name in os.listdir(FOLDER) if name.endswith(".json"))


def check(experiment, where):
    """Every reference inside of the experiment leads somewhere."""
    for key, kind in KEYS.items():
        if not isinstance(experiment.get(key), kind):
            raise Fault(f"{where}: `{key}` is missing or not a JSON {'string' if kind is str else kind.__name__}")
    rows = [row["name"] for row in experiment["rows"]]
    columns = [column["title"] for column in experiment["columns"]]
    order = experiment["order"]
    for text, found, known in (
            [(f"the variant of column {c['title']}", c["variant"], experiment["variants"]) for c in experiment["columns"]]
            + [(f"a budget of row {r['name']}", b, experiment["budgets"]) for r in experiment["rows"] for b in r.get("budgets", [])]
            + [(f"a figure of the paper in row {r['name']}", p, columns) for r in experiment["rows"] for p in r.get("paper", {})]
            + [("a budget of the evaluations", b, experiment["budgets"]) for b in experiment["evaluations"]]
            + [("a budget", b, experiment["evaluations"]) for b in experiment["budgets"]]
            + [("a row of the order", name, rows) for name in order["rows"]]
            + [("the order's column", order["column"], columns), ("`better`", order["better"], ["higher", "lower"])]):
        if found not in known:
            raise Fault(f"{where}: {text} is {found}, which is none of {', '.join(known)}")
    if len(set(rows)) < len(rows):
        raise Fault(f"{where}: two rows have the same name")


def read(name):
    if name not in names():
        raise Fault(f"there is no experiment {name}: give one of {', '.join(names())} or all")
    where = os.path.join(FOLDER, name + ".json")
    with open(where, encoding="utf-8") as file:
        try:
            experiment = json.load(file)
        except ValueError as error:
            raise Fault(f"{where} is not JSON: {error}") from None
    check(experiment, where)
    return experiment


def with_evaluations(flags, count):
    """The flags with `eval-every`, unless they have it, so that a run is evaluated `count` times, the last time at its end."""
    try:
        steps = int(flags["steps"])
    except ValueError:
        raise Fault(f"--steps {flags['steps']}: give a whole number") from None
    return {"eval-every": max(1, -(-steps // count)), **flags}


def runs(experiment, budget, seeds, more):
    """The runs of a budget, those of the first seed first: {"name", "kind", "row", "variant", "seed", "flags"}; those of one kind
    differ by the seed alone. The flags in `more` win over all."""
    if budget not in experiment["budgets"]:
        raise Fault(f"there is no budget {budget}: give one of {', '.join(experiment['budgets'])}")
    return [{"name": f"{row['name']}-{variant}-{seed}", "kind": f"{row['name']}-{variant}",
             "row": row["name"], "variant": variant, "seed": seed,
             "flags": with_evaluations({**experiment["flags"], **experiment["budgets"][budget], **flags, **row["flags"], "seed": seed, **more},
                                       experiment["evaluations"][budget])}
            for seed in range(seeds) for row in experiment["rows"] if budget in row.get("budgets", [budget])
            for variant, flags in experiment["variants"].items()]
