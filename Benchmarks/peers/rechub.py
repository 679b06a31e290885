"""Census-Income with every category as an embedding of 8: `mtl train` beside torch-rechub's own models and trainer, in turn.

python rechub.py [--rounds N]; run by `make peers-rechub` behind `make census`. Sizes are those of torch-rechub's own Census example.
Both train with Adam 1e-3. Of torch-rechub's models, BatchNorm and Dropout are taken out, so that both compute the same function, and
its trainer gets batches that are cut already; our time holds putting batches together too. ESMM takes the two labels as click and
order: its speed, not its sense, is asked here.
"""

import argparse
import contextlib
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from census import CATEGORICAL, NUMERIC, ROOT, experiment

MODELS = {
    "shared bottom": "{trunk: [117], tower: [8]}",
    "MMoE": "{tower: [8], sharing: {type: mmoe, experts: 8, layers: [16]}}",
    "PLE": "{tower: [8], sharing: {type: ple, levels: [{own: 2, shared: 1, layers: [16]}]}}",
    "AITM": "{tower: [8], sharing: {type: aitm, layers: [32, 16], parents: {never_married: income}}}",
    "ESMM": "{tower: [16, 8], sharing: {type: esmm, layers: [], parents: {never_married: income}}}",
}


def torch_model(name, features):
    from torch_rechub.models.multi_task import AITM, ESMM, MMOE, PLE, SharedBottom

    kinds = ["classification"] * 2
    towers = [{"dims": [8]}] * 2
    if name == "shared bottom":
        return SharedBottom(features, kinds, {"dims": [117]}, towers)
    if name == "MMoE":
        return MMOE(features, kinds, 8, {"dims": [16]}, towers)
    if name == "PLE":
        return PLE(features, kinds, 1, 2, 1, {"dims": [16]}, towers)
    if name == "AITM":
        return AITM(features, 2, {"dims": [32, 16]}, towers)
    # Sparse features only: its towers' width is counted from them.
    sparse = features[len(NUMERIC) :]
    return ESMM(sparse[:20], sparse[20:], {"dims": [16, 8]}, {"dims": [16, 8]})


def torch_rows_per_second(name, batch, threads, seconds=3):
    import csv

    import torch
    from prepare_census import COLUMNS
    from torch_rechub.basic.features import DenseFeature, SparseFeature
    from torch_rechub.trainers import MTLTrainer

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    with open(ROOT / "data/census/raw_train.csv", newline="", encoding="utf-8") as file:
        columns = dict(zip(COLUMNS, zip(*csv.reader(file, skipinitialspace=True))))
    x, features = {}, []
    for column in NUMERIC:
        values = torch.tensor([float(cell) for cell in columns[column]])
        x[column] = (values - values.mean()) / values.std()
        features.append(DenseFeature(column))
    for column in CATEGORICAL:
        index = {value: place for place, value in enumerate(sorted(set(columns[column])))}
        x[column] = torch.tensor([index[cell] for cell in columns[column]])
        features.append(SparseFeature(column, vocab_size=len(index), embed_dim=8))
    income = torch.tensor([float(cell == "50000+.") for cell in columns["income"]])
    single = torch.tensor([float(cell == "Never married") for cell in columns["marital_status"]])
    y = torch.stack([income * single, income, income * single] if name == "ESMM" else [income, single], 1)

    model = torch_model(name, features)
    for module in model.modules():
        if isinstance(module, torch.nn.Sequential):
            for place, layer in enumerate(module):
                if isinstance(layer, (torch.nn.BatchNorm1d, torch.nn.Dropout)):
                    module[place] = torch.nn.Identity()
    trainer = MTLTrainer(
        model, ["classification"] * y.shape[1], optimizer_params={"lr": 1e-3, "weight_decay": 0}, n_epoch=1)
    order = torch.randperm(len(y))
    batches = []
    for start in range(0, len(order) - batch + 1, batch):
        rows = order[start : start + batch]
        batches.append(({column: values[rows] for column, values in x.items()}, y[rows]))
    with contextlib.redirect_stdout(io.StringIO()), open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        trainer.train_one_epoch(batches[:20])
        some = batches[: max(8, min(len(batches), 60_000 // batch))]
        best, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            begin = time.perf_counter()
            trainer.train_one_epoch(some)
            best = max(best, len(some) * batch / (time.perf_counter() - begin))
    return best


def our_rows_per_second(path, prepared, threads):
    output = subprocess.run(
        [ROOT / ".build/release/mtl", "train", path, "--prepared", prepared, "--threads", str(threads), "--epochs", "3"],
        check=True, capture_output=True, text=True,
    ).stdout
    found = re.search(r"([\d.]+) ([kM]) rows/s, ([\d.]+) % of the time", output)
    # The time that steps waited for rows counts too.
    return float(found[1]) * {"k": 1e3, "M": 1e6}[found[2]] * (1 - float(found[3]) / 100)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batches", type=int, nargs="+", default=[256, 1024, 4096])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--torch", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.torch:
        print(json.dumps(torch_rows_per_second(options.torch[0], int(options.torch[1]), int(options.torch[2]))))
        return
    print("| model | batch | threads | ours, rows/s | torch-rechub, rows/s | ours / torch-rechub |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.models:
            for batch in options.batches:
                text = experiment().replace("model: {trunk: [128, 64]}", f"model: {MODELS[name]}")
                path = Path(folder) / "census.yaml"
                path.write_text(text.replace("batch: 1024", f"batch: {batch}"))
                for threads in options.threads:
                    ours, theirs = [], []
                    for _ in range(options.rounds):
                        ours.append(our_rows_per_second(path, Path(folder) / "prepared", threads))
                        theirs.append(
                            json.loads(
                                subprocess.run(
                                    [sys.executable, __file__, "--torch", name, str(batch), str(threads)],
                                    check=True, capture_output=True, text=True,
                                ).stdout))
                    ratios = [a / b for a, b in zip(ours, theirs)]
                    print(
                        f"| {name} | {batch} | {threads} | {statistics.median(ours):,.0f} | {statistics.median(theirs):,.0f} | "
                        f"{statistics.median(ratios):.1f} ({min(ratios):.1f}..{max(ratios):.1f}) |", flush=True)


if __name__ == "__main__":
    main()
