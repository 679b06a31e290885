"""Census-Income with every category as an embedding of 8: `mtl train` beside the same model in PyTorch, in turn.

python census.py [--rounds N]; run by `make peers-census` behind `make census`. Both train a shared bottom of 128 and 64 units and
two binary heads with Adam 1e-3 on batches of 1,024 rows; a time is that of whole epochs, batches put together included,
preparation and judging left out.
"""

import argparse
import csv
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from prepare_census import COLUMNS, LEFT_OUT  # noqa: E402

NUMERIC = ["age", "wage_per_hour", "capital_gains", "capital_losses", "dividends", "employer_size", "weeks_worked"]
CATEGORICAL = [name for name in COLUMNS if name not in LEFT_OUT and name not in NUMERIC]


def experiment():
    """The experiment file: the same features for both."""
    features = [f"    - {{name: {name}, type: numeric}}" for name in NUMERIC]
    features += [f"    - {{name: {name}, type: categorical, dimension: 8}}" for name in CATEGORICAL]
    return "\n".join(
        [
            "data:",
            f"  source: {ROOT}/data/census/raw_train.csv",
            f"  columns: [{', '.join(COLUMNS)}]",
            "schema:",
            "  features:",
            *features,
            "  labels:",
            '    - {name: income, type: binary, positive: "50000+."}',
            "    - {name: never_married, type: binary, column: marital_status, positive: Never married}",
            "split: {validation: 0, test: 0}",
            "model: {trunk: [128, 64]}",
            "training: {batch: 1024, epochs: 4, patience: 4}",
            "",
        ]
    )


def torch_rows_per_second(threads, epochs):
    import time

    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    with open(ROOT / "data/census/raw_train.csv", newline="", encoding="utf-8") as file:
        columns = dict(zip(COLUMNS, zip(*csv.reader(file, skipinitialspace=True))))
    dense = torch.tensor([[float(cell) for cell in columns[name]] for name in NUMERIC]).T.contiguous()
    dense = (dense - dense.mean(0)) / dense.std(0)
    indexed = [{value: index for index, value in enumerate(sorted(set(columns[name])))} for name in CATEGORICAL]
    ids = torch.tensor([[index[cell] for cell in columns[name]] for name, index in zip(CATEGORICAL, indexed)]).T.contiguous()
    labels = torch.tensor(
        [[float(a == "50000+."), float(b == "Never married")] for a, b in zip(columns["income"], columns["marital_status"])]
    )

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.tables = torch.nn.ModuleList(torch.nn.Embedding(len(index), 8) for index in indexed)
            self.trunk = torch.nn.Sequential(
                torch.nn.Linear(len(NUMERIC) + 8 * len(CATEGORICAL), 128), torch.nn.ReLU(), torch.nn.Linear(128, 64),
                torch.nn.ReLU())
            self.heads = torch.nn.ModuleList(torch.nn.Linear(64, 1) for _ in range(2))

        def forward(self, dense, ids):
            x = torch.cat([dense] + [table(ids[:, field]) for field, table in enumerate(self.tables)], 1)
            h = self.trunk(x)
            return torch.cat([head(h) for head in self.heads], 1)

    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss = torch.nn.BCEWithLogitsLoss()
    best = 0
    for _ in range(epochs):
        begin = time.perf_counter()
        order = torch.randperm(len(dense))
        for start in range(0, len(order), 1024):
            batch = order[start : start + 1024]
            optimizer.zero_grad()
            output = model(dense[batch], ids[batch])
            value = loss(output[:, 0], labels[batch, 0]) + loss(output[:, 1], labels[batch, 1])
            value.backward()
            optimizer.step()
        best = max(best, len(order) / (time.perf_counter() - begin))
    return best


def our_rows_per_second(path, threads):
    output = subprocess.run(
        [ROOT / ".build/release/mtl", "train", path, "--threads", str(threads)], check=True, capture_output=True, text=True
    ).stdout
    found = re.search(r"([\d.]+) ([kM]) rows/s, ([\d.]+) % of the time", output)
    # The time that steps waited for rows counts too.
    return float(found[1]) * {"k": 1e3, "M": 1e6}[found[2]] * (1 - float(found[3]) / 100)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--torch", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.torch:
        print(json.dumps(torch_rows_per_second(options.torch, 3)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "census.yaml"
        path.write_text(experiment())
        our_rows_per_second(path, 1)
        print("| threads | ours, rows/s | PyTorch, rows/s | ours / PyTorch |")
        print("| ---: | ---: | ---: | ---: |")
        for threads in options.threads:
            ours, theirs = [], []
            for _ in range(options.rounds):
                ours.append(our_rows_per_second(path, threads))
                command = [sys.executable, __file__, "--torch", str(threads)]
                theirs.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
            ratios = [a / b for a, b in zip(ours, theirs)]
            print(
                f"| {threads} | {statistics.median(ours):,.0f} | {statistics.median(theirs):,.0f} | "
                f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
