"""What `mtl init` and `mtl train` make of public tables as a new user has them, beside LightGBM, scikit-learn's boosting and its logistic regression.

python tables.py [--data FOLDER] [--only adult,bank] [--seeds 1,2,3] [--variants FILE] [--skip-peers]; run by `make tables`. Defaults of all, fixed.
Columns are the mean over the tasks of a set: AUC, log loss and expected calibration error (15 bins of equal numbers; ours of the model that
is kept of the seeds) on rows that nobody learned from. A file of variants (JSON: name → changes of the proposed
experiment, "model.dropout": 0.2, or "init": [arguments of mtl init]) compares settings of our own: docs/defaults.md is made of it.
"""

import argparse
import concurrent.futures
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lightgbm
import numpy
import pandas
import yaml
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import table_sets

ROOT = Path(__file__).resolve().parents[2]


def calibration_error(labels, predicted, bins=15):
    """The mean distance between a bin's mean prediction and its share of yes; equal predictions are in one bin, that of the middle of their rows."""
    frame = pandas.DataFrame({"label": numpy.asarray(labels, float), "predicted": numpy.asarray(predicted, float)})
    values = frame.groupby("predicted").label.agg(["size", "sum"]).reset_index()
    before = values["size"].cumsum() - values["size"]
    values["bin"] = numpy.minimum(bins - 1, ((before + values["size"] / 2) / len(frame) * bins).astype(int))
    values["total"] = values.predicted * values["size"]
    groups = values.groupby("bin")[["size", "sum", "total"]].sum()
    return float((groups["total"] - groups["sum"]).abs().sum() / len(frame))


# MARK: Peers


def columns_of(table):
    features = [column for column in table.train if column not in table.tasks]
    numbers = [c for c in features if pandas.api.types.is_numeric_dtype(table.train[c]) and c not in table.codes]
    return features, numbers, [c for c in features if c not in numbers]


def regression(table, task):
    _, numbers, words = columns_of(table)
    prepared = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        ("words", OneHotEncoder(handle_unknown="ignore"), words)])
    model = make_pipeline(prepared, LogisticRegression(C=1, max_iter=300))
    train, test = [frame.assign(**{c: frame[c].astype(str) for c in words}) for frame in (table.train, table.test)]
    return model.fit(train, train[task]).predict_proba(test)[:, 1]


def as_categories(table):
    features, _, words = columns_of(table)
    train, test = table.train[features].copy(), table.test[features].copy()
    for column in words:
        values = sorted(train[column].dropna().astype(str).unique())
        for frame in (train, test):
            known = frame[column].astype(str).where(frame[column].notna())
            frame[column] = pandas.Categorical(known, categories=values)
    clean = {column: "".join(c if c.isalnum() else "_" for c in column) for column in features}
    return train.rename(columns=clean), test.rename(columns=clean)


def boosting(table, task):
    train, test = as_categories(table)
    labels = table.train[task]
    kept, held = train_test_split(range(len(train)), test_size=0.1, random_state=1, stratify=labels)
    model = lightgbm.LGBMClassifier(n_estimators=1000, verbose=-1)
    model.fit(
        train.iloc[kept], labels.iloc[kept], eval_set=[(train.iloc[held], labels.iloc[held])], callbacks=[lightgbm.early_stopping(50, verbose=False)])
    return model.predict_proba(test)[:, 1]


def scikit_boosting(table, task):
    train, test = as_categories(table)
    # It holds 255 values of a column.
    wide = [c for c in train if isinstance(train[c].dtype, pandas.CategoricalDtype) and len(train[c].cat.categories) > 250]
    for frame in (train, test):
        for column in wide:
            frame[column] = frame[column].cat.codes
    return HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=1).fit(train, table.train[task]).predict_proba(test)[:, 1]


PEERS = {"LightGBM": boosting, "scikit-learn boosting": scikit_boosting, "logistic regression": regression}


def peer(table, method):
    begin = time.perf_counter()
    scores = {}
    for task in table.tasks:
        predicted = method(table, task)
        scores[task] = (roc_auc_score(table.test[task], predicted), log_loss(table.test[task], predicted), calibration_error(table.test[task], predicted))
    return scores, time.perf_counter() - begin


# MARK: Ours


def changed(experiment, changes):
    for place, value in changes.items():
        *path, last = place.split(".")
        node = experiment
        for name in path:
            node = node.setdefault(name, {})
        if value is None:
            node.pop(last, None)
        else:
            node[last] = value
    return experiment


def ours(mtl, table, folder, name, variant, seeds, threads=1):
    """Per task the mean over seeds of AUC and log loss, the calibration error of the kept model and the deviation of AUC; the seconds of a seed."""
    safe = "".join(c if c.isalnum() else "_" for c in f"{table.name}-{name}")
    files = {}
    for part, frame in (("train", table.train), ("test", table.test)):
        files[part] = folder / f"{table.name.replace(' ', '_').replace(',', '')}_{part}.csv"
        if not files[part].exists():
            frame.to_csv(files[part], index=False)
    path = folder / f"{safe}.yaml"
    labels = [argument for task in table.tasks for argument in ("--label", task)]
    variant = dict(variant)
    arguments = variant.pop("init", [])

    def run(*command):
        done = subprocess.run([mtl, *map(str, command)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{table.name}, {name}: {done.stderr[-300:]}")
        return done.stdout

    run("init", files["train"], "--test", files["test"], *labels, *arguments, "--output", path)
    experiment = yaml.safe_load(path.read_text())
    filters = variant.pop("features", None)
    if filters:
        features = experiment["schema"]["features"]
        experiment["schema"]["features"] = eval(filters)(features, table)  # noqa: S307: a file of one's own
    path.write_text(yaml.safe_dump(changed(experiment, variant), sort_keys=False))
    model, predictions = folder / f"{safe}.safetensors", folder / f"{safe}.predictions.csv"
    output = run("train", path, "--prepared", folder / f"{safe}.prepared", "--model", model, "--seeds", seeds, "--threads", threads, "--json")
    run("predict", model, files["test"], "--output", predictions)
    predicted = pandas.read_csv(predictions)
    events = [json.loads(line) for line in output.splitlines()]
    runs = next(event for event in events if event["event"] == "result")["test_metrics"]
    seconds = statistics.mean(event["training_seconds"] for event in events if event["event"] == "seed")
    epochs = statistics.mean(event["best_epoch"] or 0 for event in events if event["event"] == "seed")
    scores = {}
    for task in table.tasks:
        def of(metric):
            return [run[task][metric] for run in runs if run[task].get(metric) is not None]
        error = calibration_error(table.test[task], predicted[task])
        scores[task] = (statistics.mean(of("AUC")), statistics.mean(of("log loss")), error, statistics.pstdev(of("AUC")))
    return scores, seconds, epochs


def mean(scores, place):
    return statistics.mean(score[place] for score in scores.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=table_sets.default_folder())
    parser.add_argument("--only", default=",".join(table_sets.BY_NAME))
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--variants", type=Path)
    parser.add_argument("--skip-peers", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--mtl", type=Path, default=ROOT / ".build/release/mtl")
    options = parser.parse_args()
    variants = json.loads(options.variants.read_text()) if options.variants else {"mtl": {}}
    peers = {} if options.skip_peers else PEERS
    names = [*variants, *peers]
    totals = {name: [] for name in names}
    print("| set | " + " | ".join(names) + " |")
    print("| --- |" + " ---: |" * len(names), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        for short in options.only.split(","):
            table = table_sets.BY_NAME[short](options.data)
            results = {}
            with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                jobs = {name: pool.submit(ours, options.mtl, table, Path(temporary), name, variant, options.seeds) for name, variant in variants.items()}
                results = {name: job.result() for name, job in jobs.items()}
            for name, method in peers.items():
                results[name] = peer(table, method)
            cells = []
            for name in names:
                scores = results[name][0]
                totals[name].append([mean(scores, place) for place in range(3)])
                cells.append(", ".join(f"{value:.4f}" for value in totals[name][-1]))
                print(f"{table.name}, {name}: {results[name][1:]} {({t: tuple(round(float(v), 4) for v in s) for t, s in scores.items()})}", file=sys.stderr)
            print(f"| {table.name} | " + " | ".join(cells) + " |", flush=True)
    ranks = numpy.argsort(numpy.argsort([[-scores[0] for scores in totals[name]] for name in names], axis=0), axis=0) + 1
    print("| mean | " + " | ".join(", ".join(f"{statistics.mean(scores[place] for scores in totals[n]):.4f}" for place in range(3)) for n in names) + " |")
    print("| mean rank by AUC | " + " | ".join(f"{rank:.2f}" for rank in ranks.mean(axis=1)) + " |")


if __name__ == "__main__":
    main()
