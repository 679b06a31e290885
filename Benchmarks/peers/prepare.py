"""Preparing a log beside polars: the same file read, its categories numbered by how often they occur, its numbers standardised,
everything written as columns of 32 bits for the training to read; in turn, with one and two threads.

python prepare.py [--rows N] [--rounds N] [--file FILE]; run by `make peers-prepare`. The log is that of `mtl-bench log`. Both do two
things more than the list says that the other does not: ours splits the rows, checks every cell and takes checksums; polars
keeps the table in memory.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEER = """
import json, sys, time
import polars as pl
path, target = sys.argv[1], sys.argv[2]
begin = time.perf_counter()
table = pl.read_csv(path)
columns = []
for name, kind in table.schema.items():
    column = pl.col(name)
    if kind == pl.String:
        order = table[name].value_counts(sort=True)[name].drop_nulls()
        columns.append(column.cast(pl.Enum(order)).to_physical().cast(pl.Int32))
    elif name in ("click", "purchase", "spend"):
        columns.append(column.cast(pl.Float32))
    elif name == "time":
        seconds = pl.from_epoch(column, time_unit="s")
        for part in (seconds.dt.hour(), seconds.dt.weekday(), seconds.dt.month()):
            part = part.cast(pl.Float64)
            columns.append(((part - part.mean()) / part.std()).cast(pl.Float32).alias(f"time {len(columns)}"))
    else:
        columns.append(((column - column.mean()) / column.std()).fill_null(0).cast(pl.Float32))
table.select(columns).write_ipc(target)
print(json.dumps({"seconds": time.perf_counter() - begin, "rows": table.height}))
"""


def ours(mtl, experiment, folder, threads):
    prepared, model = folder / "prepared", folder / "model.safetensors"
    shutil.rmtree(prepared, ignore_errors=True)
    text = subprocess.run(
        [mtl, "train", experiment, "--prepared", prepared, "--model", model, "--threads", str(threads)],
        check=True, capture_output=True, text=True,
    ).stdout
    return float(re.search(r"prepared in ([\d.]+) s", text)[1])


def polars(path, folder, threads):
    text = subprocess.run(
        [sys.executable, "-c", PEER, path, folder / "table.arrow"],
        check=True, capture_output=True, text=True, env={**os.environ, "POLARS_MAX_THREADS": str(threads)},
    ).stdout
    return json.loads(text)["seconds"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--file", type=Path, help="a log of `mtl-bench log`, its experiment beside it")
    parser.add_argument("--build", type=Path, default=ROOT / ".build/release")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = options.file or folder / "log.csv"
        if options.file is None:
            subprocess.run(
                [options.build / "mtl-bench", "log", path, "--rows", str(options.rows)], check=True, capture_output=True
            )
        size = path.stat().st_size / 1e6
        print(f"{size:,.0f} MB")
        print("| threads | ours, s | polars, s | ours / polars |")
        print("| ---: | ---: | ---: | ---: |")
        for threads in (1, 2):
            times = [
                (ours(options.build / "mtl", f"{path}.yaml", folder, threads), polars(path, folder, threads))
                for _ in range(options.rounds)
            ]
            ratios = [mine / theirs for mine, theirs in times]
            middle = [statistics.median(column) for column in zip(*times)]
            print(
                f"| {threads} | {middle[0]:.1f} | {middle[1]:.1f} "
                f"| {statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
