#!/usr/bin/env python3
"""Attacks on `mtl` in short form: every one must end well, or be refused with a message.

    Tests/Abuse/abuse.py [--mtl .build/release/mtl] [--bench .build/release/mtl-bench] [--times 1] [NAME ...]

Kills while preparing and training, flipped bits in caches, headers and tensors, hostile headers, mutated settings under a valid
checksum, runs side by side, standard output full or closed, and small limits. Prints what was tried, right and wrong, and
ends with 1 where anything was wrong. Ending well means status 0 and the result of an undisturbed run; refused means a status
of 1 or 64 (usage) with a message on standard error. A signal, a hang, a silent other result or a lost file is wrong.

Python's standard library only.
"""

import argparse
import copy
import json
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TIMEOUT = 60
REFUSED = (1, 64)


class Tally:
    """What became of one kind of attack."""

    def __init__(self, name):
        self.name = name
        self.tried = 0
        self.refused = 0
        self.wrong = []

    def fail(self, what):
        self.wrong.append(what)

    def line(self):
        right = self.tried - len(self.wrong)
        return f"{self.name:<44} tried {self.tried:>4}  right {right:>4}  (refused {self.refused:>4})  wrong {len(self.wrong)}"


class Outcome:
    def __init__(self, status, output, errors):
        self.status, self.output, self.errors = status, output, errors

    @property
    def fault(self):
        """What is wrong however the run may end; None for nothing."""
        if self.status is None:
            return f"hangs for {TIMEOUT} s"
        if self.status < 0 or self.status > 127:
            return f"ends by signal, status {self.status}: {self.errors[-300:]!r}"
        if self.status != 0 and self.status not in REFUSED:
            return f"ends with {self.status}"
        if self.status != 0 and not self.errors.strip():
            return f"ends with {self.status} without a message"
        return None


def run(command, cwd=None, stdout=subprocess.PIPE, limits=(), env=None, closed_output=False):
    def prepare():
        for which, value in limits:
            resource.setrlimit(which, (value, value))
        if closed_output:
            os.close(1)

    try:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT,
            env=env,
            preexec_fn=prepare if limits or closed_output else None,
        )
    except subprocess.TimeoutExpired:
        return Outcome(None, b"", "")
    return Outcome(done.returncode, done.stdout or b"", done.stderr.decode("utf-8", "replace"))


class Shop:
    """A log, an experiment on it, and what an undisturbed run makes of them."""

    def __init__(self, mtl, bench, folder):
        self.mtl, self.folder = mtl, folder
        self.log = folder / "log.csv"
        made = run([bench, "log", self.log, "--rows", "3000"])
        assert made.status == 0, made.errors
        self.experiment = folder / "shop.yaml"
        text = (folder / "log.csv.yaml").read_text()
        self.experiment.write_text(text.replace("trunk: [64, 32]", "trunk: [8]").replace("batch: 4096", "batch: 256"))
        self.rows = folder / "rows.csv"
        self.rows.write_text("".join(self.log.read_text().splitlines(True)[:201]))
        self.model = folder / "reference.safetensors"
        trained = self.train(folder / "reference.prepared", self.model)
        assert trained.status == 0, trained.errors
        self.prepared = folder / "reference.prepared"
        self.predictions = self.predict(self.model)
        assert self.predictions.status == 0, self.predictions.errors

    def train_command(self, prepared, model):
        return [self.mtl, "train", self.experiment, "--prepared", prepared, "--model", model, "--threads", "2"]

    def train(self, prepared, model, **options):
        return run(self.train_command(prepared, model), cwd=self.folder, **options)

    def predict(self, model, **options):
        return run([self.mtl, "predict", model, self.rows], cwd=self.folder, **options)

    def is_reference(self, model):
        return self.predict(model).output == self.predictions.output

    def judge_model(self, tally, data, what):
        """Predicts with a damaged model file: refused, or the same predictions."""
        path = self.folder / "damaged.safetensors"
        path.write_bytes(data)
        outcome = self.predict(path)
        tally.tried += 1
        if outcome.fault:
            tally.fail(f"{what}: {outcome.fault}")
        elif outcome.status != 0:
            tally.refused += 1
            if outcome.output:
                tally.fail(f"{what}: refused after {len(outcome.output)} bytes of output")
        elif outcome.output != self.predictions.output:
            tally.fail(f"{what}: other predictions")


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# Kills


def kills(shop, draw, times):
    tally = Tally("kill -9 of a training run")
    begun = time.monotonic()
    shop.train(shop.folder / "timed.prepared", shop.folder / "timed.safetensors")
    length = time.monotonic() - begun
    for index in range(20 * times):
        prepared, model = shop.folder / f"kill.{index}.prepared", shop.folder / f"kill.{index}.safetensors"
        process = subprocess.Popen(
            [str(word) for word in shop.train_command(prepared, model)],
            cwd=shop.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(draw.uniform(0, length))
        process.kill()
        process.wait()
        tally.tried += 1
        if model.exists() and not shop.is_reference(model):
            tally.fail(f"kill {index}: a model that is not whole")
            continue
        again = shop.train(prepared, model)
        if again.status != 0:
            tally.fail(f"kill {index}: the next run ends with {again.status}: {again.errors[-200:]!r}")
        elif not shop.is_reference(model):
            tally.fail(f"kill {index}: the next run learns another model")
        elif left := [p.name for p in prepared.iterdir() if "partial" in p.name]:
            tally.fail(f"kill {index}: {left} stay")
        shutil.rmtree(prepared, ignore_errors=True)
    return tally


def interrupts(shop, draw, times):
    tally = Tally("SIGINT and SIGTERM of a training run")
    begun = time.monotonic()
    shop.train(shop.folder / "timed2.prepared", shop.folder / "timed2.safetensors")
    length = time.monotonic() - begun
    finished = 0
    for index in range(8 * times):
        which = (signal.SIGINT, signal.SIGTERM)[index % 2]
        prepared, model = shop.folder / f"int.{index}.prepared", shop.folder / f"int.{index}.safetensors"
        process = subprocess.Popen(
            [str(word) for word in shop.train_command(prepared, model)],
            cwd=shop.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        # Before its first instruction a program cannot answer.
        time.sleep(0.05 + draw.uniform(0, length))
        process.send_signal(which)
        try:
            errors = process.communicate(timeout=TIMEOUT)[1].decode()
        except subprocess.TimeoutExpired:
            process.kill()
            errors = ""
        tally.tried += 1
        if process.returncode == 0:
            finished += 1
            continue
        if process.returncode not in (-which, 128 + which):
            tally.fail(f"{which.name}: status {process.returncode}")
        elif not errors.strip():
            tally.fail(f"{which.name}: no message")
        elif left := [p.name for p in [*shop.folder.iterdir(), *(prepared.iterdir() if prepared.exists() else [])] if "partial" in p.name]:
            tally.fail(f"{which.name}: {left} stay")
        else:
            tally.refused += 1
    if finished == tally.tried:
        tally.fail("no run was interrupted: all were done before")
    return tally


# Flipped bits


def cache_flips(shop, draw, times):
    tally = Tally("flipped bit in the prepared folder")
    model = shop.folder / "flip.safetensors"
    for index in range(200 * times):
        prepared = shop.folder / "flip.prepared"
        shutil.rmtree(prepared, ignore_errors=True)
        shutil.copytree(shop.prepared, prepared)
        files = sorted(path for path in prepared.iterdir() if path.stat().st_size > 0)
        # As often in what was fitted as in rows, though it is smaller.
        path = draw.choice(files)
        data = path.read_bytes()
        where = draw.randrange(8 * len(data))
        path.write_bytes(flipped(data, where))
        model.unlink(missing_ok=True)
        outcome = shop.train(prepared, model)
        tally.tried += 1
        if outcome.fault:
            tally.fail(f"{path.name}, bit {where}: {outcome.fault}")
        elif outcome.status != 0:
            tally.fail(f"{path.name}, bit {where}: not healed: {outcome.errors[-200:]!r}")
        elif model.read_bytes() != shop.model.read_bytes():
            tally.fail(f"{path.name}, bit {where}: another model")
    return tally


def cache_damage(shop, draw, times):
    tally = Tally("truncated, lengthened or lost prepared file")
    model = shop.folder / "damage.safetensors"
    names = sorted(path.name for path in shop.prepared.iterdir() if path.stat().st_size > 0)
    for name in names:
        for damage in ("gone", "empty", "half", "longer", "folder"):
            prepared = shop.folder / "damage.prepared"
            shutil.rmtree(prepared, ignore_errors=True)
            shutil.copytree(shop.prepared, prepared)
            path = prepared / name
            data = path.read_bytes()
            path.unlink()
            if damage == "folder":
                path.mkdir()
            elif damage != "gone":
                path.write_bytes({"empty": b"", "half": data[: len(data) // 2], "longer": data + b"more"}[damage])
            model.unlink(missing_ok=True)
            outcome = shop.train(prepared, model)
            tally.tried += 1
            if outcome.fault:
                tally.fail(f"{name} {damage}: {outcome.fault}")
            elif outcome.status != 0:
                tally.refused += 1
                # Nothing but a folder of somebody else in the file's place may stop a run.
                if damage != "folder":
                    tally.fail(f"{name} {damage}: not healed: {outcome.errors[-200:]!r}")
            elif model.read_bytes() != shop.model.read_bytes():
                tally.fail(f"{name} {damage}: another model")
    return tally


def header_flips(shop, draw, times):
    tally = Tally("flipped bit in a model's header")
    data = shop.model.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    for _ in range(200 * times):
        bit = draw.randrange(8 * (8 + length))
        shop.judge_model(tally, flipped(data, bit), f"bit {bit}")
    return tally


def data_flips(shop, draw, times):
    tally = Tally("flipped bit in a model's tensors")
    data = shop.model.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    for _ in range(200 * times):
        bit = draw.randrange(8 * (8 + length), 8 * len(data))
        shop.judge_model(tally, flipped(data, bit), f"bit {bit}")
    return tally


# Hostile model files


class ModelFile:
    """A model file taken apart, and put together again under a valid checksum."""

    def __init__(self, path):
        data = Path(path).read_bytes()
        length = struct.unpack("<Q", data[:8])[0]
        self.header = json.loads(data[8 : 8 + length])
        self.body = data[8 + length :]

    @staticmethod
    def checksum(header, body):
        texts = header.get("__metadata__", {})
        value = 0
        for name in sorted(texts, key=str.encode):
            if name != "checksum":
                value = zlib.crc32(f"{name}\0{texts[name]}\0".encode(), value)
        for name in sorted((n for n in header if n != "__metadata__"), key=str.encode):
            entry = header[name]
            shape = ",".join(map(str, entry["shape"]))
            value = zlib.crc32(f"{name}\0{entry['dtype']}\0{shape}\0".encode(), value)
            value = zlib.crc32(body[entry["data_offsets"][0] : entry["data_offsets"][1]], value)
        return str(value)

    def bytes(self, header=None, body=None, raw=None, is_sealed=True):
        header = copy.deepcopy(self.header if header is None else header)
        body = self.body if body is None else body
        if is_sealed:
            try:
                header["__metadata__"]["checksum"] = self.checksum(header, body)
            except (KeyError, TypeError, AttributeError, ValueError, IndexError):
                pass
        text = json.dumps(header).encode() if raw is None else raw
        return struct.pack("<Q", len(text)) + text + body


def hostile_headers(shop, draw, times):
    tally = Tally("hostile header of a model file")
    file = ModelFile(shop.model)
    if file.checksum(file.header, file.body) != file.header["__metadata__"]["checksum"]:
        tally.tried, tally.wrong = 1, ["the checksum is no longer what this script takes it for"]
        return tally
    names = [name for name in file.header if name != "__metadata__"]
    end = len(file.body)
    raw = shop.model.read_bytes()
    cases = []
    for length in (0, 1, 7, len(raw), 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, (1 << 64) - 8):
        cases.append((f"length {length}", struct.pack("<Q", length) + raw[8:]))
    for count in (0, 1, 7, 8, 9, 100, len(raw) // 2, len(raw) - 1):
        cases.append((f"{count} bytes", raw[:count]))
    cases.append(("more bytes", raw + b"more"))
    for text in (b"", b"{}", b"[]", b"null", b"1", b'"a"', b"{", b"\xff\xfe", b"{" * 5000, b"[" * 5000, b'{"a":' * 3000,
                 b'{"__metadata__":{}}', b'{"__metadata__":[]}', b'{"__metadata__":{"format":1}}', b"\0" * 64):
        cases.append((f"header {text[:20]!r}", file.bytes(raw=text)))
    values = (-1, end + 1, end, 1, 1 << 31, 1 << 62, (1 << 63) - 1, -(1 << 63), 1 << 64, 1e300, "0", None, [], {})
    while len(cases) < 100 * times:
        header = copy.deepcopy(file.header)
        name = draw.choice(names)
        entry = header[name]
        kind = draw.randrange(9)
        if kind == 0:
            entry["data_offsets"][draw.randrange(2)] = draw.choice(values)
        elif kind == 1:
            entry["data_offsets"] = [draw.choice(values), draw.choice(values)]
        elif kind == 2:
            entry["shape"] = [draw.choice(values)]
        elif kind == 3:
            entry["shape"] = [draw.choice(values) for _ in range(draw.randrange(5))]
        elif kind == 4:
            entry["dtype"] = draw.choice(("F64", "F16", "I64", "U8", "BOOL", "", None, 4, "F32 "))
        elif kind == 5:
            other = header[draw.choice(names)]
            entry["data_offsets"] = other["data_offsets"]
        elif kind == 6:
            del header[name]
        elif kind == 7:
            header["extra" * draw.randrange(1, 2000)] = entry
        else:
            del entry[draw.choice(("dtype", "shape", "data_offsets"))]
        cases.append((f"{name}: {json.dumps(header.get(name))}", file.bytes(header)))
    for what, data in cases:
        shop.judge_model(tally, data, what[:200])
    return tally


def places(value, path=()):
    """All places of a JSON value."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from places(value[index], (*path, index))


def mutated(value, draw):
    value = copy.deepcopy(value)
    path = draw.choice([path for path in places(value) if path])
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    old = holder[path[-1]]
    kind = draw.randrange(5)
    if kind == 0:
        del holder[path[-1]]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(path[-1], copy.deepcopy(old))
    elif isinstance(old, bool):
        holder[path[-1]] = not old
    elif isinstance(old, (int, float)):
        holder[path[-1]] = draw.choice((-1, 0, 1, 2, 7, 255, 1 << 20, 10**9, 1 << 31, 1 << 62, (1 << 63) - 1, 1e308, -1e308, 0.5))
    elif isinstance(old, str):
        holder[path[-1]] = draw.choice(("", "x", "numeric", "tags", "../../etc/passwd", "\x1b]0;", "é" * 3000, old + "x", old[:-1]))
    else:
        holder[path[-1]] = draw.choice(([], {}, None, 1, "x"))
    return value, path


def settings_mutations(shop, draw, times):
    """Under a valid checksum: other predictions are what such a file asks for, but nothing may crash or hang."""
    tally = Tally("mutated settings under a valid checksum")
    file = ModelFile(shop.model)
    texts = {name: text for name, text in file.header["__metadata__"].items() if text[:1] in "{["}
    path = shop.folder / "mutated.safetensors"
    for _ in range(500 * times):
        header = copy.deepcopy(file.header)
        name = draw.choice([name for name in sorted(texts) if len(texts[name]) > 2])
        value, where = mutated(json.loads(texts[name]), draw)
        header["__metadata__"][name] = json.dumps(value)
        path.write_bytes(file.bytes(header))
        outcome = shop.predict(path)
        tally.tried += 1
        tally.refused += outcome.status != 0
        if outcome.fault:
            tally.fail(f"{name} {where}: {outcome.fault}")
        elif b"nan" in outcome.output or b"inf" in outcome.output:
            tally.fail(f"{name} {where}: predictions that are no numbers")
    return tally


# Side by side


def concurrent(shop, draw, times):
    tally = Tally("runs side by side in one folder")
    for round in range(times):
        prepared = shop.folder / f"shared.{round}.prepared"
        models = [shop.folder / f"shared.{round}.{index}.safetensors" for index in range(16)]
        processes = [
            subprocess.Popen(
                [str(word) for word in shop.train_command(prepared, model)],
                cwd=shop.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            for model in models
        ]
        for process, model in zip(processes, models):
            tally.tried += 1
            try:
                errors = process.communicate(timeout=TIMEOUT)[1].decode()
            except subprocess.TimeoutExpired:
                process.kill()
                tally.fail("hangs")
                continue
            if process.returncode != 0:
                tally.fail(f"status {process.returncode}: {errors[-200:]!r}")
            elif model.read_bytes() != shop.model.read_bytes():
                tally.fail("another model")
    return tally


# Standard output


def commands(shop):
    return {
        "predict": ["predict", shop.model, shop.rows],
        "evaluate": ["evaluate", shop.model, shop.rows],
        "init": ["init", shop.log],
        "check": ["check", shop.experiment],
        "describe": ["describe", shop.model],
        "train": ["train", shop.experiment, "--model", shop.folder / "output.safetensors"],
        "help": ["--help"],
        "help of predict": ["help", "predict"],
    }


def outputs(shop, draw, times):
    tally = Tally("standard output full, closed or gone")

    def judge(name, how, outcome):
        tally.tried += 1
        if outcome.fault:
            tally.fail(f"{name}, {how}: {outcome.fault}")
        elif outcome.status == 0:
            tally.fail(f"{name}, {how}: status 0 though its output is lost")
        else:
            tally.refused += 1

    for name, words in commands(shop).items():
        command = [shop.mtl, *words]
        if Path("/dev/full").exists():
            with open("/dev/full", "wb") as full:
                judge(name, "/dev/full", run(command, cwd=shop.folder, stdout=full))
        judge(name, "closed", run(command, cwd=shop.folder, stdout=None, closed_output=True))
        reader, writer = os.pipe()
        os.close(reader)
        judge(name, "a reader that is gone", run(command, cwd=shop.folder, stdout=writer))
        os.close(writer)
    return tally


def overwriting(shop, draw, times):
    tally = Tally("output over an input")
    folder = shop.folder / "over"
    folder.mkdir(exist_ok=True)
    for name in ("log.csv", "shop.yaml", "rows.csv", "reference.safetensors"):
        shutil.copy(shop.folder / name, folder / name)
    experiment = folder / "shop.yaml"
    experiment.write_text(experiment.read_text().replace(str(shop.log), "log.csv"))
    (folder / "link.csv").unlink(missing_ok=True)
    os.link(folder / "rows.csv", folder / "link.csv")
    (folder / "soft.csv").unlink(missing_ok=True)
    (folder / "soft.csv").symlink_to("rows.csv")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    model = "reference.safetensors"
    for words in (
        ["predict", model, "rows.csv", "--output", "rows.csv"],
        ["predict", model, "rows.csv", "--output", "./../over/rows.csv"],
        ["predict", model, "rows.csv", "--output", "link.csv"],
        ["predict", model, "rows.csv", "--output", "soft.csv"],
        ["predict", model, "soft.csv", "--output", "rows.csv"],
        ["predict", model, "rows.csv", "--output", model],
        ["train", "shop.yaml", "--model", "log.csv"],
        ["train", "shop.yaml", "--model", "shop.yaml"],
        ["init", "log.csv", "--output", "log.csv"],
        ["describe", model, "--svg", model],
        ["describe", "shop.yaml", "--svg", "shop.yaml"],
        ["describe", "shop.yaml", "--svg", "log.csv"],
    ):
        outcome = run([shop.mtl, *words], cwd=folder)
        tally.tried += 1
        if outcome.fault:
            tally.fail(f"{words}: {outcome.fault}")
        elif outcome.status == 0:
            tally.fail(f"{words}: not refused")
        else:
            tally.refused += 1
        for name, data in before.items():
            if (folder / name).read_bytes() != data:
                tally.fail(f"{words}: {name} is lost")
                (folder / name).write_bytes(data)
    return tally


# Limits


def is_early(outcome):
    """Whether a run ended before the program's first instruction, in the loader or a library's start, which is not in its
    power: by its own end, and with nothing said but by those."""
    lines = [line for line in outcome.errors.splitlines() if line.strip()]
    return (
        outcome.status is not None
        and not outcome.output
        and bool(lines)
        and all(
            "error while loading shared libraries" in line
            or line.startswith(("OpenBLAS", "cannot allocate TLS data structures for initial thread"))
            for line in lines
        )
    )


def limits(shop, draw, times):
    tally = Tally("small limits")
    mega = 1 << 20
    tried = [("address space", resource.RLIMIT_AS, size * mega) for size in (64, 128, 200, 300, 500, 1000)]
    tried += [("files", resource.RLIMIT_NOFILE, count) for count in (4, 5, 6, 8, 12)]
    tried += [("file size", resource.RLIMIT_FSIZE, size) for size in (0, 100, 100_000)]
    tried += [("stack", resource.RLIMIT_STACK, size * 1024) for size in (512, 1024)]
    for name, which, value in tried:
        for words in ("predict", "train"):
            model = shop.folder / "limited.safetensors"
            model.unlink(missing_ok=True)
            prepared = shop.folder / "limited.prepared"
            shutil.rmtree(prepared, ignore_errors=True)
            if words == "predict":
                outcome = shop.predict(shop.model, limits=[(which, value)])
                is_right = outcome.output == shop.predictions.output
            else:
                outcome = shop.train(prepared, model, limits=[(which, value)])
                is_right = model.exists() and model.read_bytes() == shop.model.read_bytes()
            tally.tried += 1
            if outcome.fault and not is_early(outcome):
                tally.fail(f"{words}, {name} {value}: {outcome.fault}")
            elif outcome.status == 0 and not is_right:
                tally.fail(f"{words}, {name} {value}: another result")
            else:
                tally.refused += outcome.status != 0
    return tally


ATTACKS = {
    attack.__name__: attack
    for attack in (
        kills, interrupts, cache_flips, cache_damage, header_flips, data_flips, hostile_headers, settings_mutations,
        concurrent, outputs, overwriting, limits,
    )
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mtl", type=Path, default=ROOT / ".build/release/mtl")
    parser.add_argument("--bench", type=Path, default=ROOT / ".build/release/mtl-bench")
    parser.add_argument("--times", type=int, default=1, help="how many times the usual number of attempts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ATTACKS)} (default: all)")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in ATTACKS]
    if unknown:
        parser.error(f"no attack {', '.join(unknown)}")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(options.mtl.resolve(), options.bench.resolve(), Path(folder).resolve())
        for name in options.names or ATTACKS:
            begun = time.monotonic()
            tally = ATTACKS[name](shop, random.Random(f"{options.seed} {name}"), options.times)
            print(f"{tally.line()}  {time.monotonic() - begun:.1f} s", flush=True)
            for what in tally.wrong[:10]:
                print(f"    {what}", flush=True)
            failed = failed or bool(tally.wrong)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
