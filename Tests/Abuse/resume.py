#!/usr/bin/env python3
"""Kills runs at random moments and resumes them: what they learn must be that of an undisturbed run, bit for bit.

    Tests/Abuse/resume.py [--mtl .build/release/mtl] [--bench .build/release/mtl-bench] [--kills 3] [--rows 20000] [--seed 1]
                          [SCHEDULE ...]

For every schedule one run is left alone; then others of the same experiment are killed with SIGKILL at random moments, while
rows are prepared, while training, while checkpoints and models are written, and resumed with another number of threads, until
they come to their end. The models must be equal in every byte. A few runs are stopped by SIGTERM instead, which must end with
143 and a checkpoint. Prints what was tried, and ends with 1 where anything was wrong.

Python's standard library only.
"""

import argparse
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# A schedule, and the settings of the data that go with it.
SCHEDULES = {
    "joint": "schedule: joint",
    "alternating": "schedule: {type: alternating, turns: {steps: 3}, order: shuffled}",
    "hierarchical": "schedule: {type: hierarchical, levels: [[click], [purchase, spend]], turns: epoch, regularization: 0.01}",
    "each_task": "schedule: joint\n  stop: each_task\n  keep: all",
    "refit": "schedule: joint\n  refit: true",
    "balanced": "schedule: joint\n  balancing: famo",
    "norms": "schedule: joint\n  balancing: {type: gradnorm, learning_rate: 0.1}",
    "risks": "schedule: joint\n  balancing: {type: excess_mtl, step_size: 0.1}",
    "turns": "schedule: {type: alternating, turns: {steps: 3}, order: shuffled}\n  balancing: uw",
    "blocks": "schedule: {type: alternating, trains: blocks}\n  balancing: {type: cagrad, smoothing: 0.5}",
    "conflicts": "schedule: joint\n  balancing: {type: cagrad, smoothing: 0.5}",
    "sources": "schedule: {type: alternating, turns: {steps: 2}, order: shuffled}",
}
DATA = {"sources": "source: {log}, task_sources: [{{source: {other}, labels: [spend], batch: 48}}]"}

EXPERIMENT = """
data: {{{data}}}
schema:
  features:
    - {{name: shop_id, type: categorical, dimension: 8}}
    - {{name: category, type: categorical, dimension: 8}}
    - {{name: number_1, type: numeric}}
    - {{name: number_2, type: numeric}}
  labels:
    - {{name: click, type: binary}}
    - {{name: purchase, type: binary}}
    - {{name: spend, type: regression, weight: 0.1}}
  scenario: country
split: {{validation: 0.2, test: 0.1}}
model:
  dropout: 0.2
  sharing: {{type: scenario_towers, layers: [64, 32]}}
training:
  epochs: {epochs}
  patience: {patience}
  batch: 64
  seeds: [1, 2]
  averaging: 0.99
  rate_schedule: {{type: cosine, floor: 0.1, warmup: 50}}
  table_optimizer: {{type: row_adagrad, learning_rate: 0.02}}
  {schedule}
"""


class Trial:
    def __init__(self, options, folder, schedule):
        self.mtl = options.mtl
        self.folder = folder
        self.experiment = folder / "experiment.yaml"
        data = DATA.get(schedule, "source: {log}").format(log=folder.parent / "log.csv", other=folder.parent / "other.csv")
        self.experiment.write_text(
            EXPERIMENT.format(
                data=data, epochs=options.epochs, schedule=SCHEDULES[schedule],
                # Tasks of their own are to stop before the last epoch.
                patience=1 if schedule == "each_task" else options.epochs,
            )
        )

    def command(self, name, threads):
        return [
            self.mtl, "train", self.experiment, "--run", self.folder / name, "--prepared",
            self.folder / f"{name}.prepared", "--checkpoint-every", "40steps", "--threads", str(threads), "--resume",
        ]

    def model(self, name):
        return (self.folder / name / "model.safetensors").read_bytes()

    def whole(self, name, threads):
        begin = time.monotonic()
        done = subprocess.run(self.command(name, threads), capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"the undisturbed run ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return time.monotonic() - begin

    def without_room(self, name):
        """A run for whose checkpoints there is no room says so and goes on; what is wrong, or None."""
        limit = int(1.2 * len(self.model("whole")))
        command = self.command(name, 2)
        command[command.index("--prepared") + 1] = self.folder / "whole.prepared"
        done = subprocess.run(
            command, capture_output=True, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        if done.returncode != 0:
            return f"ended with {done.returncode} without room for checkpoints: {done.stdout[-300:]}{done.stderr[-300:]}"
        if "training goes on" not in done.stdout:
            return f"does not say that there is no room for a checkpoint: {done.stdout[-500:]}"
        return None

    def disturbed(self, name, random_, seconds, gently):
        """Ends the run again and again; what is wrong, or None, and how often it was ended."""
        ended = 0
        for attempt in range(40):
            process = subprocess.Popen(
                self.command(name, random_.choice([1, 2, 3])), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            # Later attempts live longer, so that the run comes to its end.
            patience = random_.uniform(0, seconds * (0.5 + attempt / 4))
            try:
                output, _ = process.communicate(timeout=patience)
                if process.returncode != 0:
                    return f"ended with {process.returncode}: {output[-500:]}", ended
                return None, ended
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGTERM if gently else signal.SIGKILL)
                output, _ = process.communicate()
                if gently and process.returncode not in (0, 143, -signal.SIGTERM):
                    return f"ended with {process.returncode} by SIGTERM: {output[-500:]}", ended
                if gently and process.returncode == 143 and "--resume" not in output:
                    return f"does not say how to go on: {output[-500:]}", ended
                if gently and process.returncode == 0:
                    return None, ended
                ended += 1
        return "does not come to its end", ended


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mtl", type=Path, default=ROOT / ".build/release/mtl")
    parser.add_argument("--bench", type=Path, default=ROOT / ".build/release/mtl-bench")
    parser.add_argument("--kills", type=int, default=3, help="kills per schedule, at least")
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("schedules", nargs="*", choices=[[], *SCHEDULES], default=[])
    options = parser.parse_args()
    random_ = random.Random(options.seed)
    wrong = 0
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        subprocess.run(
            [options.bench, "log", root / "log.csv", "--rows", str(options.rows)], check=True, stdout=subprocess.DEVNULL
        )
        with open(root / "log.csv") as log, open(root / "other.csv", "w") as other:
            other.writelines(line for number, line in enumerate(log) if number % 3 == 0)
        for schedule in options.schedules or SCHEDULES:
            folder = root / schedule
            folder.mkdir()
            trial = Trial(options, folder, schedule)
            seconds = trial.whole("whole", 2)
            expected = trial.model("whole")
            history = (folder / "whole" / "history.jsonl").read_text()
            if schedule == "each_task" and '"stopped_tasks":["' not in history:
                wrong += 1
                print(f"{schedule}: no task stopped, so nothing was tried of it", file=sys.stderr)
            # A model of several members is larger than any checkpoint: there is always room.
            fault = None if schedule == "each_task" else trial.without_room("narrow")
            if fault is None and schedule != "each_task" and trial.model("narrow") != expected:
                fault = "learned something else where there was no room for checkpoints"
            if fault:
                wrong += 1
                print(f"{schedule}, narrow: {fault}", file=sys.stderr)
            counts = {"SIGKILL": [0, 0, 0], "SIGTERM": [0, 0, 0]}
            number = 0
            while counts["SIGKILL"][1] < options.kills:
                number += 1
                name = f"run{number}"
                gently = number % 4 == 1
                fault, ended = trial.disturbed(name, random_, seconds, gently)
                if fault is None and trial.model(name) != expected:
                    fault = "learned something else than the undisturbed run"
                count = counts["SIGTERM" if gently else "SIGKILL"]
                count[0] += 1
                count[1] += ended
                if fault:
                    count[2] += 1
                    wrong += 1
                    print(f"{schedule}, {name}: {fault}", file=sys.stderr)
                shutil.rmtree(folder / name, ignore_errors=True)
                shutil.rmtree(folder / f"{name}.prepared", ignore_errors=True)
            for kind, (runs, ended, faults) in counts.items():
                print(f"{schedule:<14} {kind}: runs {runs:>3}  ended {ended:>3} times  wrong {faults}", flush=True)
    print(f"wrong {wrong}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
