"""Joint, alternating and hierarchical training side by side, on a simulated shop and on Census-Income, official split.

python schedules.py [--seeds 1,2,3,4,5] [--rows 300000] [--jobs 2]; run by `make schedules` behind `make census`. Test metrics over seeds, and the seconds of
training (steps alone, one thread) until the epoch that is kept. Where a batch is one task's, epochs and patience are as many times longer as there are tasks,
so that all schedules take as many steps of a task.
"""

import argparse
import concurrent.futures
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

import census

ROOT = Path(__file__).resolve().parents[2]
EPOCHS, PATIENCE = 15, 3
# Name, setting, and whether a batch is one task's.
SCHEDULES = [
    ("joint", "joint", False),
    ("alternating, every batch", "{type: alternating, turns: batch}", False),
    ("alternating, every 5 steps", "{type: alternating, turns: {steps: 5}}", True),
    ("alternating, every epoch", "{type: alternating, turns: epoch}", True),
]


class Problem:
    """An experiment without model and training, and what is measured."""

    def __init__(self, name, text, trunk, batch, tasks, low):
        self.name, self.text, self.trunk, self.batch, self.tasks, self.low = name, text, trunk, batch, tasks, low

    def experiments(self):
        layers = f"layers: {self.trunk}"
        high = [task for task, _ in self.tasks if task not in self.low]
        flat = f"{{tower: [16], sharing: {{type: shared_bottom, {layers}}}}}"
        attach = ", ".join(f"{task}: 1" for task in self.low)
        deep = f"{{tower: [16], sharing: {{type: shared_bottom, {layers}, attach: {{{attach}}}}}}}"
        levels = f"[[{', '.join(self.low)}], [{', '.join(high)}]]"
        for name, schedule, alone in SCHEDULES:
            yield name, flat, schedule, len(self.tasks) if alone else 1
        # A turn is an epoch: the lower head one layer up, and what is shared held near what the turn found.
        yield "hierarchical", deep, f"{{type: hierarchical, levels: {levels}, regularization: 0.01}}", 2

    def experiment(self, model, schedule, times):
        training = f"{{epochs: {EPOCHS * times}, patience: {PATIENCE * (1 if 'epoch' in schedule or 'hierarchical' in schedule else times)}, batch: {self.batch}, schedule: {schedule}}}"
        return f"{self.text}model: {model}\ntraining: {training}\n"


def without(text, *keys):
    """The text without some of its top-level sections."""
    kept, skipping = [], False
    for line in text.split("\n"):
        if line and not line[0].isspace():
            skipping = line.split(":")[0] in keys
        if not skipping:
            kept.append(line)
    return "\n".join(kept).rstrip("\n") + "\n"


def problems(folder, rows):
    log = folder / "shop.csv"
    subprocess.run([ROOT / ".build/release/mtl-bench", "log", log, "--rows", str(rows)], check=True, capture_output=True)
    shop = without(Path(f"{log}.yaml").read_text(), "split", "model", "training") + "split: {validation: 0.1, test: 0.2}\n"
    yield Problem("A simulated shop", shop, "[64, 32]", 1024, [("click", "AUC"), ("purchase", "AUC"), ("spend", "RMSE")], ["click"])
    text = without(census.initial(folder), "model", "training")
    yield Problem("Census-Income", text, "[128, 64]", 1024, [("income", "AUC"), ("marital_status", "AUC")], ["marital_status"])


def measure(problem, folder, prepared, name, model, schedule, times, seeds):
    path = folder / f"{problem.tasks[0][0]}-{name.replace(' ', '_').replace(',', '')}.yaml"
    path.write_text(problem.experiment(model, schedule, times))
    output = census.run("train", path, "--prepared", prepared, "--seeds", seeds, "--threads", "1", "--json")
    events = [json.loads(line) for line in output.splitlines()]
    tests = next(event for event in events if event["event"] == "result")["test_metrics"]
    cells = []
    for task, metric in problem.tasks:
        values = [run[task][metric] for run in tests]
        cells.append(f"{statistics.mean(values):.4f} ± {statistics.pstdev(values):.4f}")
    seconds, epochs = [], []
    for event in events:
        if event["event"] == "seed":
            epochs.append(event["best_epoch"])
            seconds += [one["training_seconds"] for one in events
                        if one["event"] == "epoch" and (one["seed"], one["epoch"]) == (event["seed"], event["best_epoch"])]
    return f"| {name} | {' | '.join(cells)} | {statistics.mean(epochs):.1f} | {statistics.mean(seconds):.1f} |"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--rows", type=int, default=300_000, help="of the simulated shop")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, one thread each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for problem in problems(folder, options.rows):
            prepared = folder / f"{problem.tasks[0][0]}.prepared"
            experiments = list(problem.experiments())
            first = folder / "first.yaml"
            first.write_text(problem.experiment(*experiments[0][1:]))
            census.run("describe", first, "--prepared", prepared)
            print(f"\n{problem.name}:\n\n| schedule | {' | '.join(f'{task}, {metric}' for task, metric in problem.tasks)} | best epoch | seconds to it |")
            print(f"| --- |{' ---: |' * (len(problem.tasks) + 2)}", flush=True)
            with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                rows = [pool.submit(measure, problem, folder, prepared, *one, options.seeds) for one in experiments]
                for row in rows:
                    print(row.result(), flush=True)


if __name__ == "__main__":
    main()
