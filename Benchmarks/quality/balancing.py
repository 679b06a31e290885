"""Ways to weigh two tasks against each other: on Census-Income, official split, and one model with a dial beside a model for each weight.

python balancing.py [--only census|dial] [--methods NAME …] [--seeds 1,2,3,4,5] [--jobs 2]; run by `make balancing` behind `make census`. Tables in Markdown.

Census: a shared bottom as `mtl init` proposes it. The tuned weight is that of five for the second task whose models are best on the watched rows (mean of both
tasks' AUC there); Δm is the mean relative change of the tasks' test AUC, in thousandths, seed by seed, and its standard error. The dial: the world of
`mtl-bench worlds` where tasks conflict, with a shared layer of 16 units; the area above (.5, .5) that the points (AUC, AUC) of five preferences dominate.
"""

import argparse
import concurrent.futures
import json
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

import census

ROOT = Path(__file__).resolve().parents[2]
METHODS = ["uw", "dwa", "gradnorm", "famo", "stch", "imtl_g", "db_mtl", "mgda", "fairgrad", "cagrad", "nash_mtl", "aligned_mtl", "upgrad", "pcgrad"]
WEIGHTS = [0.25, 0.5, 1, 2, 4]
SHARES = [0.1, 0.3, 0.5, 0.7, 0.9]


def train(path, text, prepared, seeds, tasks, *more):
    """Per seed the tasks' AUC on the test rows and, at the epoch that is kept, on the watched ones; seconds of the processor a seed."""
    path.write_text(text)
    output, seconds = census.run("train", path, "--prepared", prepared, "--seeds", seeds, "--threads", "1", "--json", *more)
    events = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    epochs = {(event["seed"], event["epoch"]): event["metrics"] for event in events if event["event"] == "epoch" and "metrics" in event}
    kept = {event["seed"]: event["best_epoch"] for event in events if event["event"] == "seed"}
    tests = next(event for event in events if event["event"] == "result")["test_metrics"]
    own = [int(seed) for seed in seeds.split(",")]
    test = [[metrics[task]["AUC"] for task in tasks] for metrics in tests]
    watched = [[epochs[seed, kept[seed]][task]["AUC"] for task in tasks] for seed in own]
    return test, watched, seconds / len(own)


def change(values, reference):
    """Δm in thousandths, with its standard error."""
    each = [1000 * statistics.mean(a / b - 1 for a, b in zip(one, other)) for one, other in zip(values, reference)]
    error = statistics.stdev(each) / len(each) ** 0.5 if len(each) > 1 else float("nan")
    return f"{statistics.mean(each):+.2f} ± {error:.2f}"


def second_weight(text, weight):
    """The text with a weight of the second task."""
    found, count = re.subn(r"(- \{name: marital_status,[^\n]*type: binary)", rf"\1, weight: {weight}", text)
    if count != 1:
        raise SystemExit("mtl init's proposal is not what this script changes")
    return found


def on_census(folder, seeds, jobs, methods):
    base = census.initial(folder)
    shared = base.replace(census.BASE_MODEL, "model: {trunk: [128, 64], tower: [16]}\n")
    prepared = folder / "prepared"
    (folder / "first.yaml").write_text(base)
    census.run("describe", folder / "first.yaml", "--prepared", prepared)
    twins = base.replace(census.BASE_MODEL, "model: {tower: [16], sharing: {type: separate, layers: [128, 64]}}\n")
    twins = twins.replace("training:\n", "training:\n  stop: each_task\n")
    texts = {f"weight {weight:g}": second_weight(shared, weight) for weight in WEIGHTS} | {"single-task twins": twins}
    texts |= {f"`{name}`": shared.replace("training:\n", f"training:\n  balancing: {{type: {name}}}\n") for name in methods}

    def one(item):
        number, (name, text) = item
        return name, train(folder / f"model{number}.yaml", text, prepared, seeds, census.TASKS)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        found = dict(pool.map(one, enumerate(texts.items())))
    tuned = max((f"weight {weight:g}" for weight in WEIGHTS), key=lambda name: statistics.mean(sum(one) for one in found[name][1]))
    print(f"Tuned: {tuned}.\n\n| | income, AUC | never married, AUC | Δm from tuned, ‰ | from twins, ‰ | seconds |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, (test, _, seconds) in found.items():
        means = [statistics.mean(column) for column in zip(*test)]
        print(f"| {name} | {means[0]:.4f} | {means[1]:.4f} | {change(test, found[tuned][0])} | {change(test, found['single-task twins'][0])} | {seconds:.0f} |", flush=True)


def dominated(points):
    """The area above (.5, .5) that points of two AUCs dominate."""
    area, height = 0.0, 0.5
    for x, y in sorted(points, reverse=True):
        if y > height and x > 0.5:
            area, height = area + (x - 0.5) * (y - height), y
    return area


def with_a_dial(folder, seeds, jobs):
    subprocess.run([ROOT / ".build/release/mtl-bench", "worlds", "--write", folder, "--only", "tasks conflict"], check=True, capture_output=True)
    base = (folder / "tasks_conflict.yaml").read_text()
    tasks = ["first", "second"]
    prepared = folder / "prepared"
    model, layers = re.search(r"^model:.*$", base, re.M)[0], "trunk: [16], tower: [16]"
    (folder / "first.yaml").write_text(base)
    census.run("describe", folder / "first.yaml", "--prepared", prepared)

    def weighted(item):
        share, seed = item
        text = base.replace(model, f"model: {{{layers}}}")
        for task, weight in zip(tasks, (2 * share, 2 - 2 * share)):
            text = text.replace(f"{{name: {task}, type: binary}}", f"{{name: {task}, type: binary, weight: {weight:g}}}")
        test, _, seconds = train(folder / f"w{share}-{seed}.yaml", text, prepared, seed, tasks)
        return test[0], seconds

    def dial(seed):
        text = base.replace(model, f"model: {{{layers}, preference: {{first: 1, second: 1}}}}").replace("training: {", "training: {balancing: cosmos, ")
        file = folder / f"dial-{seed}.safetensors"
        _, _, seconds = train(folder / f"dial-{seed}.yaml", text, prepared, seed, tasks, "--model", file)
        points = []
        for share in SHARES:
            output, _ = census.run("evaluate", file, folder / "tasks_conflict-test.csv", "--preference", f"first={share},second={1 - share:.1f}")
            points.append([float(re.search(rf"^{task} +\d+ +AUC +([\d.]+)", output, re.M)[1]) for task in tasks])
        return points, seconds

    seeds = seeds.split(",")
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        single = list(pool.map(weighted, [(share, seed) for seed in seeds for share in SHARES]))
        dials = list(pool.map(dial, seeds))
    of_weights = [[point for point, _ in single[place * len(SHARES) : (place + 1) * len(SHARES)]] for place in range(len(seeds))]
    print("| share of the first task | five models: first | second | one dial: first | second |\n| --- | ---: | ---: | ---: | ---: |")
    for place, share in enumerate(SHARES):
        cells = [statistics.mean(points[place][task] for points in side) for side in (of_weights, [points for points, _ in dials]) for task in (0, 1)]
        print(f"| {share} | " + " | ".join(f"{cell:.4f}" for cell in cells) + " |")
    areas = [[dominated(points) for points in side] for side in (of_weights, [points for points, _ in dials])]
    differences = [b - a for a, b in zip(*areas)]
    error = statistics.stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else float("nan")
    print(
        f"\nArea: {statistics.mean(areas[0]):.4f} of five models, {statistics.mean(areas[1]):.4f} of one dial, the difference {statistics.mean(differences):+.4f} ± {error:.4f}; "
        f"processor's seconds: {statistics.mean(seconds for _, seconds in single) * len(SHARES):.0f} of five, {statistics.mean(seconds for _, seconds in dials):.0f} of one."
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--only", choices=["census", "dial"])
    parser.add_argument("--methods", nargs="*", default=METHODS)
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, one thread each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if options.only != "census":
            with_a_dial(Path(name), options.seeds, options.jobs)
            print()
    with tempfile.TemporaryDirectory() as name:
        if options.only != "dial":
            on_census(Path(name), options.seeds, options.jobs, options.methods)


if __name__ == "__main__":
    main()
