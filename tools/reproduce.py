#!/usr/bin/env python3
"""Trains the paper's experiments and prints their tables; tools/reproduce calls it and has its manual."""
import argparse, collections, fcntl, json, os, re, shutil, signal, subprocess, sys, threading

import experiments, result_tables

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(ROOT, "docs", "results.md")
KEPT = ("params", "steps", "step_ms", "loss", "top1", "top5", "top1_static", "top1_dynamic", "perplexity",
        "device", "version", "test_samples")
TIMED = 3  # steps of a run that are trained to tell how long it will take
START_SECONDS = 2  # what a run takes beside its steps
MAPPED = 256  # test images that attention is averaged over
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # at these a run saves and ends; it dies of others
Fault = experiments.Fault


class Failed(Exception):
    """What failed while running, in one sentence."""


class Stopped(Exception):
    """A signal stopped a run, or this program; the exit code of that."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def write_json(path, value):
    """Whole or not at all, whenever the process ends."""
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".part", path)


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def signal_of(code):
    """The signal that ended a process, by its exit code as Python or a shell gives it; None where none did."""
    try:
        return signal.Signals(-code if code < 0 else code - 128)
    except ValueError:
        return None


def lock(path, message):
    """Takes the file's lock, which the open file keeps, also in a process that inherits it; waits for it with a message, or
    without one is refused."""
    file = open(path, "a", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if message is None:
            raise Fault(f"another reproduce is at work in {os.path.dirname(path)}: wait for it, or give another --out") from None
        say(message)
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def settings(flags):
    """Flags that change what is trained, as text: how often a run is evaluated does not."""
    return {key: str(value) for key, value in flags.items() if key != "eval-every"}


class Runner:
    """The runs of an experiment in a folder: OUT/plan.json, OUT/NAME/ (the run's own), OUT/NAME.json (its result), OUT/NAME.lock
    (locked while the run is trained)."""

    def __init__(self, program, task, folder, devices):
        self.program, self.version = program, version_of(program)
        self.task, self.folder, self.devices = task, folder, devices
        self.children, self.ending = set(), None  # runs that go on; why all have to end
        self.guard = threading.Lock()  # of what the devices' threads share

    def file(self, run):
        return os.path.join(self.folder, run["name"] + ".json")

    def done(self, run):
        return os.path.exists(self.file(run))

    def train(self, run, device, more=()):
        """Begins the run or goes on with it; its result."""
        out = os.path.join(self.folder, run["name"])
        command = [self.program, "train", self.task, "--out", out, "--resume", *more]
        for key, value in run["flags"].items():
            command += ["--" + key, str(value)]
        command += ["--device", device] if device else []
        command += ["--quiet"] if len(self.devices) > 1 or more else []  # progress lines of several runs would mix
        # the run has it, too, and may outlive the reproduce that began it
        with lock(out + ".lock", f"waiting for the process that still trains {run['name']}") as held:
            # in a session of its own: signals of the terminal reach it once, by end()
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True,
                                     pass_fds=[held.fileno()])
        self.children.add(child)
        if self.ending:
            child.terminate()
        output = child.communicate()[0].splitlines()
        self.children.discard(child)
        ended_by = signal_of(child.returncode)
        if ended_by in STOPPING:
            raise Stopped(128 + ended_by)
        if ended_by:
            raise Failed(f"{run['name']} was ended by {ended_by.name}; the same command goes on. The run's command was: {' '.join(command)}")
        if child.returncode != 0:
            raise Failed(f"{run['name']} ended with {child.returncode}; what it said stands above. The command was: {' '.join(command)}")
        result = {**json.loads(output[-1]), "version": self.version}
        samples = test_samples(out)
        return {**result, "test_samples": samples} if samples else result

    def call(self, command):
        """The exit code of a program beside the runs, and what it wrote as errors; end() ends it, too."""
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                 start_new_session=True)
        self.children.add(child)
        if self.ending:
            child.terminate()
        errors = child.communicate()[1]
        self.children.discard(child)
        return child.returncode, errors

    def plan(self, runs):
        """Seconds that each run will take, by the steps that were timed of the first of its kind; those are in OUT/plan.json."""
        path = os.path.join(self.folder, "plan.json")
        plan = read_json(path) if os.path.exists(path) else {"flags": {}, "step_ms": {}}
        for run in runs:
            if settings(plan["flags"].setdefault(run["name"], run["flags"])) != settings(run["flags"]):
                raise Fault(f"{self.folder} holds {run['name']} with other settings: give another --out")
        write_json(path, plan)
        for run in runs:
            if run["kind"] not in plan["step_ms"]:
                plan["step_ms"][run["kind"]] = self.train(run, self.devices[0], ["--stop-after", str(TIMED)])["step_ms"]
                write_json(path, plan)
        return {run["name"]: START_SECONDS + plan["step_ms"][run["kind"]] * int(run["flags"]["steps"]) / 1000 for run in runs}

    def end(self, why):
        """Every run saves and ends; the first reason is the one that is told."""
        self.ending = self.ending or why
        for child in list(self.children):
            child.terminate()

    def serve(self, queue, total, seconds, device):
        """One device's thread: trains what is left in the queue."""
        try:
            while not self.ending:
                with self.guard:
                    if not queue:
                        return
                    run = queue.popleft()
                    number = total - len(queue)
                say(f"\n[{number}/{total}] {run['name']}: about {duration(seconds[run['name']])}")
                write_json(self.file(run), self.train(run, device))
        except (Stopped, Failed, OSError, ValueError, IndexError) as error:
            self.end(error)

    def run_all(self, runs):
        """What is not done, shared out among the devices."""
        seconds = self.plan(runs)
        left = [run for run in runs if not self.done(run)]
        say(f"{len(runs)} runs, {len(left)} to be trained: about {duration(sum(seconds[run['name']] for run in left) / len(self.devices))},"
            f" and testing; it can be stopped, the same command goes on")
        queue = collections.deque(left)
        threads = [threading.Thread(target=self.serve, args=(queue, len(left), seconds, device)) for device in self.devices]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.ending:
            raise self.ending


def duration(seconds):
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def common_flags(runs):
    """The flags that every run has, but for those that a result names apart."""
    return {key: value for key, value in runs[0]["flags"].items()
            if key not in ("data", "seed") and all(run["flags"].get(key) == value for run in runs)}


def test_samples(out):
    """How many samples the run's last test was of, by its confusion counts; None where it has none, as text."""
    path = os.path.join(out, "confusion.tsv")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")[1:-1]
    return sum(int(count) for line in lines for count in line.split("\t")[1:])


def version_of(program):
    """"translution 1.2.3" as "1.2.3"."""
    words = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=False).stdout.split()
    if len(words) != 2 or words[0] != "translution":
        raise Fault(f"{program} is not translution: it does not answer --version as that does")
    return words[1]


def gather(name, budget, data, runner, runs):
    """The experiment's result object, from those of its runs."""
    results = [read_json(runner.file(run)) for run in runs]
    return {"experiment": name, "budget": budget, "data": os.path.basename(os.path.normpath(data)), "flags": common_flags(runs),
            "runs": [{"row": run["row"], "variant": run["variant"], "seed": run["seed"], **{k: r[k] for k in KEPT if r.get(k) is not None}}
                     for run, r in zip(runs, results)]}


def map_attention(runner, runs):
    """RUN/attention.safetensors of each run that has none, for the report; a failure is told and does not stop."""
    for run in runs:
        out = os.path.join(runner.folder, run["name"])
        maps = os.path.join(out, "attention.safetensors")
        if run["flags"].get("op") == "conv" or os.path.exists(maps):  # a convolution has no attention
            continue
        command = [runner.program, "eval", out, "--quiet", "--attention-maps", maps, "--limit-test", str(MAPPED)]
        command += ["--data", run["flags"]["data"]]
        command += ["--device", runner.devices[0]] if runner.devices[0] else []
        code, errors = runner.call(command)
        if runner.ending:
            raise runner.ending
        if code != 0:
            say(f"{errors.rstrip()}\nno maps of the attention of {run['name']}, by: {' '.join(command)}")


def report(runner, runs):
    """Whether OUT/report.html was made of these runs and OUT/table.tsv. Without gnuplot the program says what to install."""
    command = [runner.program, "report", *(run["name"] for run in runs), "--table", "table.tsv", "--out", "report.html"]
    return subprocess.run(command, cwd=runner.folder, stdout=subprocess.DEVNULL, check=False).returncode == 0


def chosen_runs(experiment, a, more):
    """All runs of the budget, or those of the kinds that --only names."""
    runs = experiments.runs(experiment, a.budget, a.seeds, more)
    kinds = list(dict.fromkeys(run["kind"] for run in runs))
    for kind in a.only:
        if kind not in kinds:
            raise Fault(f"--only {kind}: with --budget {a.budget} the runs are {', '.join(kinds)}")
    return [run for run in runs if not a.only or run["kind"] in a.only]


def reproduce(name, a, data, more):
    experiment = experiments.read(name)
    runs = chosen_runs(experiment, a, {"data": data, **more})
    folder = a.out or os.path.join("runs", f"{name}-{a.budget}" + ("" if data == "synthetic" else "-" + os.path.basename(os.path.normpath(data))))
    os.makedirs(folder, exist_ok=True)
    kept = lock(os.path.join(folder, "reproduce.lock"), None)
    runner = Runner(a.program, experiment["task"], folder, a.device or [None])
    for number in STOPPING:
        signal.signal(number, lambda number, frame: runner.end(Stopped(128 + number)))
    say(f"{experiment['title']}: into {folder}; a few steps of every run are timed first")
    runner.run_all(runs)
    result = gather(name, a.budget, data, runner, runs)
    write_json(os.path.join(folder, "result.json"), result)
    text = result_tables.table(experiment, result)
    for file_name, written in (("table.md", text), ("table.tsv", result_tables.tab_separated(experiment, result))):
        with open(os.path.join(folder, file_name), "w", encoding="utf-8") as file:
            file.write(written)
    first = [run for run in runs if run["seed"] == runs[0]["seed"]]
    if experiment["task"] != "gpt":
        map_attention(runner, first)
    pictures = ", the first seed's runs as report.html" if report(runner, first) else ""
    print(f"\n{experiment['title']}\n\n{text}\nThe folder {folder} has it as table.md{pictures}, and result.json and the runs behind it.", flush=True)
    kept.close()


def page(text):
    """The page with each table made again: what stands between <!-- docs/results/NAME.json --> and <!-- end -->."""
    def made(match):
        result = read_json(os.path.join(ROOT, match[1]))
        return f"<!-- {match[1]} -->\n\n{result_tables.table(experiments.read(result['experiment']), result)}\n<!-- end -->"
    return re.sub(r"<!-- (docs/results/\S+\.json) -->.*?<!-- end -->", made, text, flags=re.S)


def flags_behind(words):
    """--KEY VALUE ... as an object."""
    if len(words) % 2 or any(not word.startswith("--") for word in words[::2]):
        raise Fault(f"what stands behind -- is given as --FLAG VALUE: {' '.join(words)}")
    return {key[2:]: value for key, value in zip(words[::2], words[1::2])}


def data_of(name, given):
    """--data DIR is of every experiment, --data NAME=DIR of that one."""
    data = "synthetic"
    for word in given:
        of, equals, folder = word.partition("=")
        if equals and of in experiments.names():
            data = folder if of == name else data
        else:
            data = word
    if data != "synthetic" and not os.path.isdir(data):
        raise Fault(f"--data {data}: there is no such folder; leave it out to use what the program makes")
    return data


def parse(words):
    parser = argparse.ArgumentParser(prog="tools/reproduce", allow_abbrev=False, add_help=False)
    parser.add_argument("experiment")
    parser.add_argument("--budget", default="3m")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--device", action="append", default=[])
    parser.add_argument("--data", action="append", default=[])
    parser.add_argument("--out")
    parser.add_argument("--program")
    own, behind = (words[:words.index("--")], words[words.index("--") + 1:]) if "--" in words else (words, [])
    a = parser.parse_args(own)
    if a.seeds < 1:
        raise Fault(f"--seeds {a.seeds}: give 1 or more")
    return a, flags_behind(behind)


def main(words):
    if words == ["--page"]:
        with open(PAGE, encoding="utf-8") as file:
            text = page(file.read())
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(text)
        return
    a, more = parse(words)
    chosen = experiments.names() if a.experiment == "all" else [a.experiment]
    if a.out and len(chosen) > 1:
        raise Fault("--out is the folder of one experiment: leave it out with all")
    if a.only and len(chosen) > 1:
        raise Fault("--only names runs of one experiment: leave it out with all")
    # what is wrong is known before anything is built or trained
    for name in chosen:
        chosen_runs(experiments.read(name), a, {"data": data_of(name, a.data), **more})
    if a.program is not None:
        found = shutil.which(a.program)
        if found is None:
            raise Fault(f"--program {a.program}: there is no such program, as a file or in the PATH")
        a.program = os.path.abspath(found)  # the report is made in another folder
    else:
        built = subprocess.run([os.path.join(ROOT, "tools", "reproduce"), "--build"], stdout=subprocess.PIPE, text=True, check=False)
        if built.returncode != 0:
            raise Fault("the program could not be built; what failed stands above")
        a.program = os.path.join(ROOT, built.stdout.split()[-1])
    for name in chosen:
        reproduce(name, a, data_of(name, a.data), more)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Fault, Failed) as error:
        say(f"reproduce: {error}")
        sys.exit(1 if isinstance(error, Failed) else 2)
    except Stopped as stopped:
        say("reproduce: stopped; the same command goes on")
        sys.exit(stopped.args[0])
