#!/usr/bin/env python3
"""Sends the history of a run to Weights & Biases or MLflow.

    pip install wandb     &&  Examples/send_history.py runs/monday --to wandb --project shop
    pip install mlflow    &&  Examples/send_history.py runs/monday --to mlflow --project shop
    Examples/send_history.py runs/monday --to print

Reads `history.jsonl` and `experiment.json` of the folder that `mtl train --run` keeps; a run of its own per seed.
"""

import argparse
import json
from pathlib import Path


def flat(value, place=""):
    """Settings by one name each, as training.learning_rate."""
    if isinstance(value, dict):
        return {k: v for name, inner in value.items() for k, v in flat(inner, f"{place}{name}.").items()}
    if isinstance(value, list):
        return {k: v for index, inner in enumerate(value) for k, v in flat(inner, f"{place}{index}.").items()}
    return {place.rstrip("."): value}


def scalars(epoch):
    found = {"watched_loss": epoch["watched_loss"], "epoch": epoch["epoch"]}
    for part in ("training", "validation"):
        found |= {f"{part}/{task} loss": loss for task, loss in epoch.get(part, {}).items()}
    for task, metrics in epoch.get("metrics", {}).items():
        found |= {f"validation/{task} {name}": value for name, value in metrics.items()}
    # Numbers that JSON has no word for are texts.
    return {name: float(value) for name, value in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of the run")
    parser.add_argument("--to", choices=["wandb", "mlflow", "print"], required=True)
    parser.add_argument("--project", default="mtl")
    options = parser.parse_args()
    settings = flat(json.loads((options.run / "experiment.json").read_text()))
    epochs = [json.loads(line) for line in (options.run / "history.jsonl").read_text().splitlines()]
    for seed in sorted({epoch["seed"] for epoch in epochs}):
        name = f"{options.run.name}, seed {seed}"
        mine = [(epoch["steps"], scalars(epoch)) for epoch in epochs if epoch["seed"] == seed]
        if options.to == "wandb":
            import wandb

            with wandb.init(project=options.project, name=name, config=settings) as run:
                for step, values in mine:
                    run.log(values, step=step)
        elif options.to == "mlflow":
            import mlflow

            mlflow.set_experiment(options.project)
            with mlflow.start_run(run_name=name):
                mlflow.log_params({key: str(value)[:500] for key, value in settings.items()})
                for step, values in mine:
                    # Its names have no signs but a few.
                    mlflow.log_metrics({key.replace(",", " "): value for key, value in values.items()}, step=step)
        else:
            for step, values in mine:
                print(name, step, json.dumps(values))


if __name__ == "__main__":
    main()
