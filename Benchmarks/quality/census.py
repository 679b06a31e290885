"""Every way of sharing on Census-Income, official split: AUC over seeds, parameters and seconds, as a table in Markdown.

python census.py [--seeds 1,2,3,4,5] [--only NAME …]; run by `make results` behind `make census`. All begin from what `mtl init` proposes for the
raw file (vectors of numbers by bins, categories as embeddings); only `model` differs. Seconds are the processor's, of one run with one
thread, early stopping included.
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from prepare_census import COLUMNS  # noqa: E402

MTL = ROOT / ".build/release/mtl"
TASKS = ["income", "marital_status"]
BASE_MODEL = "model:\n  trunk: [128, 64]\n  dropout: 0.15\n"

# The schema's scenario, for the models that know one.
SCENARIO = "  scenario: sex\n"
# Fields of one width, for layers in which every two meet: the numbers that have vectors.
FIELDS = "age, wage_per_hour, capital_gains, capital_losses, dividends, employer_size, own_business, veterans_benefits, weeks_worked"


def layers(text):
    return f"{{trunk: [128, 64], tower: [16], features: [{text}]}}"


# Name and model of the experiment file. ESMM and ESCM2 are left out: these labels are no funnel.
MODELS = {
    "single-task models": None,
    "shared bottom": "{trunk: [128, 64], tower: [16]}",
    "OMoE, 4 experts": "{tower: [16], sharing: {type: omoe, experts: 4, layers: [64, 32]}}",
    "MMoE, 4 experts": "{tower: [16], sharing: {type: mmoe, experts: 4, layers: [64, 32]}}",
    "MMoE, 8 experts": "{tower: [16], sharing: {type: mmoe, experts: 8, layers: [64, 32]}}",
    "CGC, 2 own, 2 shared": "{tower: [16], sharing: {type: cgc, own: 2, shared: 2, layers: [64, 32]}}",
    "PLE, 2 levels": "{tower: [16], sharing: {type: ple, levels: [{own: 1, shared: 2, layers: [64]}, {own: 1, shared: 1, layers: [32]}]}}",
    "DSelect-k, 2 of 4": "{tower: [16], sharing: {type: dselect_k, experts: 4, layers: [64, 32]}}",
    "SNR": "{tower: [16], sharing: {type: snr, levels: [{networks: 4, layers: [64]}, {networks: 4, layers: [32]}]}}",
    "cross-stitch": "{tower: [16], sharing: {type: cross_stitch, layers: [64, 32]}}",
    "sluice": "{tower: [16], sharing: {type: sluice, layers: [64, 64]}}",
    "NDDR": "{tower: [16], sharing: {type: nddr, layers: [64, 32]}}",
    "MTAN": "{tower: [16], sharing: {type: mtan, layers: [64, 32]}}",
    "soft, mean": "{tower: [16], sharing: {type: soft, layers: [64, 32]}}",
    "soft, covariance": "{tower: [16], sharing: {type: soft, layers: [64, 32], distance: covariance}}",
    "low rank": "{tower: [16], sharing: {type: low_rank, layers: [64, 32]}}",
    "trace norm": "{tower: [16], sharing: {type: trace_norm, layers: [64, 32], weight: 0.0001}}",
    "alternating structure": "{tower: [16], sharing: {type: alternating_structure, layers: [64, 32]}}",
    "AITM": "{tower: [16], sharing: {type: aitm, layers: [64, 32], calibration: 0, parents: {income: marital_status}}}",
    "DBMTL": "{tower: [16], sharing: {type: dbmtl, trunk: [128], layers: [32], relation: [16], parents: {income: marital_status}}}",
    "ResFlow": "{tower: [16], sharing: {type: resflow, layers: [64, 32], parents: {income: marital_status}}}",
    "scenario towers (by sex)": "{tower: [16], sharing: {type: scenario_towers, layers: [128, 64]}}",
    "STAR (by sex)": "{tower: [16], sharing: {type: star, layers: [128, 64]}}",
    "PEPNet (by sex)": "{tower: [64, 32], sharing: {type: pepnet, personal: [education]}}",
    "SAR-Net (by sex)": "{tower: [16], sharing: {type: sarnet, layers: [64, 32]}}",
    "M3oE (by sex)": "{tower: [16], sharing: {type: m3oe, layers: [64, 32]}}",
    "AdaptDHM": "{tower: [16], sharing: {type: adaptdhm, layers: [128, 64]}}",
    "HAMUR (by sex)": "{tower: [16], sharing: {type: hamur, layers: [128, 64]}}",
    "APG (by sex)": "{tower: [16], sharing: {type: apg, layers: [128, 64]}}",
    "STEM": "{tower: [16], sharing: {type: stem, layers: [64, 32]}}",
    "HoME": "{tower: [16], sharing: {type: home, layers: [64, 32]}}",
    "DC2VR": "{tower: [16], sharing: {type: dc2vr, layers: [64, 32], parents: {income: marital_status}}}",
    "HiNet (by sex)": "{tower: [16], sharing: {type: hinet, layers: [64]}}",
    "M2M (by sex)": "{tower: [16], sharing: {type: m2m, layers: [64, 16]}}",
    "AdaSparse (by sex)": "{tower: [16], sharing: {type: adasparse, layers: [128, 64]}}",
    "cross layers, shared bottom": layers("{type: cross, count: 2, rank: 16, appends: true}"),
    "field gate, shared bottom": layers("{type: gate}"),
    "gated cross layers, shared bottom": layers("{type: cross, count: 2, rank: 16, appends: true, gated: true}"),
    "wide, shared bottom": layers("{type: wide}"),
    "DeepFM, shared bottom": layers(f"{{type: factorization_machine, fields: [{FIELDS}]}}, {{type: wide}}"),
    "pairs of the machine, shared bottom": layers(f"{{type: factorization_machine, fields: [{FIELDS}], pairs: true}}"),
    "bilinear, shared bottom": layers(f"{{type: bilinear, fields: [{FIELDS}]}}"),
    "field attention, shared bottom": layers(f"{{type: field_attention, fields: [{FIELDS}]}}"),
    "MaskNet, shared bottom": layers("{type: mask_net, appends: true}"),
    "CIN, shared bottom": layers(f"{{type: cin, fields: [{FIELDS}]}}"),
    "FinalMLP, shared bottom": layers("{type: final_mlp}"),
    "periodic numbers, shared bottom": layers(""),
    "AutoDis numbers, shared bottom": layers(""),
}
# Numbers that are vectors in another way than the proposal's have rows of their own prepared.
ENCODINGS = {"periodic numbers, shared bottom": "periodic", "AutoDis numbers, shared bottom": "autodis"}


def initial(folder):
    """The proposal of `mtl init`, with batches of 1,024 rows."""
    path = folder / "base.yaml"
    subprocess.run(
        [
            MTL, "init", ROOT / "data/census/raw_train.csv", "--columns", ",".join(COLUMNS), "--test", ROOT / "data/census/raw_test.csv",
            "--label", "income=50000+.", "--label", "marital_status=Never married",
            "--ignore", "instance_weight,household_detail,household_summary", "--output", path,
        ],
        check=True, capture_output=True,
    )
    text = path.read_text()
    if BASE_MODEL not in text or "  batch: 512\n" not in text or "schema:\n" not in text:
        sys.exit("mtl init's proposal is not what this script changes")
    return text.replace("  batch: 512\n", "  batch: 1024\n").replace("schema:\n", "schema:\n" + SCENARIO)


def run(*arguments):
    """What mtl printed, and the processor's seconds, which other runs beside it hardly change."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([MTL, *arguments], stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        sys.exit(f"mtl {' '.join(map(str, arguments))}\n{text}")
    return text, usage.ru_utime + usage.ru_stime


def parameters(path, prepared):
    return int(re.search(r"(\d+) parameters, ", run("describe", path, "--prepared", prepared, "--threads", "1")[0])[1])


def train(text, folder, name, prepared, seeds):
    """Per task (mean, deviation), parameters and seconds of a run."""
    path = folder / f"{name}.yaml"
    path.write_text(text)
    output, seconds = run("train", path, "--prepared", prepared, "--seeds", seeds, "--threads", "1")
    seconds /= len(seeds.split(","))
    scores = {task: (mean, deviation) for task, mean, deviation in re.findall(r"^(\w+) +\d+ +AUC +([\d.]+) +([\d.]+) +[\d.]+$", output, re.M)}
    return scores, parameters(path, prepared), seconds


def row(text, folder, prepared, name, model, seeds):
    safe = re.sub(r"\W+", "_", name)
    if name in ENCODINGS:
        text = text.replace("encoding: piecewise", f"encoding: {ENCODINGS[name]}")
        prepared = folder / f"{safe}.prepared"
        (folder / f"{safe}.yaml").write_text(text)
        run("describe", folder / f"{safe}.yaml", "--prepared", prepared)
    if model is not None:
        scores, count, seconds = train(text.replace(BASE_MODEL, f"model: {model}\n"), folder, safe, prepared, seeds)
    else:
        # A model of its own for each task; rows are prepared again, since labels are part of them.
        scores, count, seconds = {}, 0, 0
        for task in TASKS:
            others = "".join(f"    - {{name: {other}," for other in TASKS if other != task)
            alone = "\n".join(line for line in text.split("\n") if not line.startswith(others) or "type: binary" not in line)
            own = folder / f"{task}.prepared"
            alone = alone.replace(BASE_MODEL, "model: {trunk: [128, 64], tower: [16]}\n")
            (folder / "warm.yaml").write_text(alone)
            run("describe", folder / "warm.yaml", "--prepared", own)
            some, parts, spent = train(alone, folder, f"{safe}_{task}", own, seeds)
            scores |= some
            count, seconds = count + parts, seconds + spent
    cells = " | ".join(" ± ".join(scores[task]) for task in TASKS)
    return f"| {name} | {cells} | {count:,} | {seconds:.0f} |"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--only", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, one thread each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = initial(folder)
        prepared = folder / "prepared"
        (folder / "first.yaml").write_text(text)
        run("describe", folder / "first.yaml", "--prepared", prepared)
        print("| model | income, AUC | never married, AUC | parameters | seconds |")
        print("| --- | ---: | ---: | ---: | ---: |", flush=True)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for line in pool.map(
                lambda name: row(text, folder, prepared, name, MODELS[name], options.seeds), options.only):
                print(line, flush=True)


if __name__ == "__main__":
    main()
