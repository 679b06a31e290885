"""Census-Income, official split, household and marital columns left out: `mtl` over several seeds beside LightGBM, in one run, as a table in Markdown.

python census_boosting.py [--seeds 1,2,3,4,5] [--only NAME …]; run by `make census-boosting` behind `make census`. One model of ours learns both tasks, from what
`mtl init` proposes or with the changes named; LightGBM learns one model per task, up to 1,000 trees, early stopping on a tenth of the training rows that the
seed chooses. Each has both cores; seconds are those of training and predicting for both tasks, reading and preparing left out.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import lightgbm
import pandas
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

import table_sets
import tables

sys.path.insert(0, str(tables.ROOT / "scripts"))
from prepare_census import COLUMNS  # noqa: E402

TASKS = ["income", "never_married"]
VARIANTS = {
    "mtl, as proposed": {},
    "mtl, larger": {"model.trunk": [256, 128], "model.dropout": 0.3, "training.learning_rate": 0.001, "training.epochs": 20},
    "mtl, larger, 8 members": {
        "model.trunk": [256, 128], "model.dropout": 0.3, "model.ensemble": 8, "training.learning_rate": 0.001, "training.epochs": 20},
}


def census():
    def read(part):
        frame = pandas.read_csv(tables.ROOT / f"data/census/raw_{part}.csv", header=None, names=COLUMNS, skipinitialspace=True)
        frame["never_married"] = (frame.marital_status == "Never married").astype(int)
        income = (frame.income == "50000+.").astype(int)
        frame = frame.drop(columns=["income", "marital_status", "instance_weight", "household_detail", "household_summary"])
        return frame.assign(income=income)
    return table_sets.TableSet("census", read("train"), read("test"), TASKS)


def boosting(table, seed):
    """AUC per task, and seconds of both."""
    train, test = tables.as_categories(table)
    scores, seconds = {}, 0
    for task in table.tasks:
        labels = table.train[task]
        kept, held = train_test_split(range(len(train)), test_size=0.1, random_state=seed, stratify=labels)
        rows, watched = train.iloc[kept], train.iloc[held]
        begin = time.perf_counter()
        model = lightgbm.LGBMClassifier(n_estimators=1000, verbose=-1, random_state=seed)
        model.fit(rows, labels.iloc[kept], eval_set=[(watched, labels.iloc[held])], callbacks=[lightgbm.early_stopping(50, verbose=False)])
        predicted = model.predict_proba(test)[:, 1]
        seconds += time.perf_counter() - begin
        scores[task] = roc_auc_score(table.test[task], predicted)
    return scores, seconds


def row(name, scores, seconds):
    cells = [f"{statistics.mean(s[task] for s in scores):.4f} ± {statistics.pstdev(s[task] for s in scores):.4f}" for task in TASKS]
    print(f"| {name} | {' | '.join(cells)} | {statistics.mean(seconds):.0f} |", flush=True)


def main():
    names = [*VARIANTS, "LightGBM"]
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--only", nargs="+", default=names, choices=names)
    parser.add_argument("--mtl", type=Path, default=tables.ROOT / ".build/release/mtl")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    table = census()
    print("| model | income, AUC | never married, AUC | seconds of a seed |")
    print("| --- | ---: | ---: | ---: |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            if name == "LightGBM":
                runs = [boosting(table, seed) for seed in seeds]
            else:
                # One seed after the other, so that each run's seconds are its own.
                runs = []
                for seed in seeds:
                    scores, seconds, _ = tables.ours(options.mtl, table, Path(folder), name, VARIANTS[name], str(seed), threads=2)
                    runs.append(({task: score[0] for task, score in scores.items()}, seconds))
            row(name, [run[0] for run in runs], [run[1] for run in runs])


if __name__ == "__main__":
    main()
