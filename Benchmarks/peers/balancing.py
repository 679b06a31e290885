"""What methods that balance tasks cost a step: ours and TorchJD's, each over its own plain joint step, measured in turn.

python balancing.py [--tasks 2,3,8,32] [--rounds 5]; run by `make peers-balancing`. The model is that of compare.py: a shared bottom, one head
a task, Adam. TorchJD's `mtl_backward` takes each task's gradient of all shared parameters; ours of what the shared layers put out, so that
the methods see other gradients but do the same job, or with --gradients parameters of the same (docs/balancing.md). Methods that TorchJD has
not are ours alone.
Memory is the most that each process held.
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import compare
import peer_worker

METHODS = ["famo", "uw", "gls", "mgda", "pcgrad", "cagrad", "nash_mtl", "aligned_mtl", "imtl_g", "upgrad", "dualproj", "config"]


def aggregator(name, tasks):
    """TorchJD's, with its defaults; none where it has no such method."""
    from torchjd import aggregation

    made = {
        "mgda": aggregation.MGDA,
        "pcgrad": aggregation.PCGrad,
        "cagrad": lambda: aggregation.CAGrad(c=0.5),
        "nash_mtl": lambda: aggregation.NashMTL(n_tasks=tasks),
        "aligned_mtl": aggregation.AlignedMTL,
        "imtl_g": aggregation.IMTLG,
        "upgrad": aggregation.UPGrad,
        "dualproj": aggregation.DualProj,
        "config": aggregation.ConFIG,
    }.get(name)
    return made and made()


class TorchJDPeer(peer_worker.TorchPeer):
    """PyTorch's model of the comparison with a head of its own per task, whose shared gradients TorchJD joins."""

    def __init__(self, options):
        import torch
        from torchjd.autojac import jac_to_grad, mtl_backward

        super().__init__(options)
        join = aggregator(options.balancing, options.tasks)
        trunk = list(self.trunk.parameters())
        layer = self.heads[0]
        heads = [torch.nn.Linear(layer.in_features, 1) for _ in range(options.tasks)]
        with torch.no_grad():
            for place, head in enumerate(heads):
                head.weight.copy_(layer.weight[place : place + 1])
                head.bias.copy_(layer.bias[place : place + 1])
        self.heads = heads
        optimizer = torch.optim.Adam(
            trunk + [one for head in heads for one in head.parameters()], lr=peer_worker.LEARNING_RATE, fused=True)
        targets = [[column.contiguous() for column in one.split(1, dim=1)] for one in self.labels]
        mse = torch.nn.functional.mse_loss

        def step():
            x, labels = self.x[self.position], targets[self.position]
            self.position = (self.position + 1) % len(self.x)
            optimizer.zero_grad(set_to_none=True)
            features = self.trunk(x)
            losses = [mse(head(features), label) for head, label in zip(heads, labels)]
            mtl_backward(losses, features)
            jac_to_grad(trunk, join)
            optimizer.step()

        self.step = step


def work(options):
    """A worker of compare.py's kind: TorchJD's step, as often as its driver says."""
    import torch

    torch.set_num_threads(options.threads)
    peer = TorchJDPeer(options) if options.balancing != "fixed" else peer_worker.TorchPeer(options)
    before = peer.loss()
    peer.calibrate()
    peer_worker.run(peer, 0.3)
    print(json.dumps({"ready": True, "version": peer.version, "losses": [before, peer.loss()]}), flush=True)
    for line in sys.stdin:
        words = line.split()
        if words == ["quit"]:
            break
        rate = peer_worker.run(peer, float(words[1])) * options.batch
        print(json.dumps({"samples_per_second": rate}), flush=True)


def peak_memory(worker):
    """The most memory that a process held, MB."""
    text = Path(f"/proc/{worker.process.pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


def measure(method, tasks, options):
    """Per worker its rates, one a round, and its memory."""
    shape = ["--hidden", "64,64", "--tasks", str(tasks), "--batch", str(options.batch), "--threads", str(options.threads)]
    ours = [str(options.ours), "worker", *shape]
    theirs = [sys.executable, __file__, "--worker", *shape]
    balancing = method if options.gradients == "representation" else json.dumps({"type": method, "gradients": options.gradients})
    commands = {"ours": ours, "ours, balanced": [*ours, "--balancing", balancing]}
    if aggregator(method, tasks):
        commands |= {"torch": [*theirs, "--balancing", "fixed"], "torch, balanced": [*theirs, "--balancing", method]}
    workers = []
    try:
        for name, command in commands.items():
            workers.append(compare.Worker(name, command))
            workers[-1].wait_until_ready()
        rounds = []
        for round in range(options.rounds):
            shift = round % len(workers)
            rounds.append(compare.one_round(workers[shift:] + workers[:shift], options.seconds)[1])
        return rounds, {worker.name: peak_memory(worker) for worker in workers}
    finally:
        for worker in workers:
            worker.stop()


def row(method, tasks, options):
    rounds, memory = measure(method, tasks, options)

    def times(slow, fast):
        each = [one[fast] / one[slow] for one in rounds if slow in one]
        return f"{median(each):.2f} ({min(each):.2f}..{max(each):.2f})" if each else "-"

    def more(side):
        found = memory.get(f"{side}, balanced")
        return f"{found - memory[side]:+.1f}" if found else "-"

    return (
        f"| {method} | {tasks} | {times('ours, balanced', 'ours')} | {times('torch, balanced', 'torch')} | "
        f"{times('torch, balanced', 'ours, balanced')} | {more('ours')} | {more('torch')} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="2,3,8,32")
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--gradients", default="representation", help="what ours are of: representation, layers or parameters")
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=compare.available_cpus())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="length of one run")
    parser.add_argument("--ours", type=Path, default=compare.ROOT / ".build/release/mtl-bench")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--hidden", help=argparse.SUPPRESS)
    parser.add_argument("--balancing", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(SimpleNamespace(
            hidden=[int(width) for width in options.hidden.split(",")], inputs=100, tasks=int(options.tasks), batch=options.batch,
            threads=options.threads, schedule="joint", variant="eager", balancing=options.balancing))
        return
    print(f"{compare.machine()['processor']}, {options.threads} threads; batch {options.batch}, 100 features, shared layers 64-64\n")
    print("| method | tasks | ours / ours plain | TorchJD / PyTorch plain | TorchJD / ours | memory more, MB: ours | TorchJD |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for method in options.methods:
        for tasks in map(int, options.tasks.split(",")):
            print(row(method, tasks, options), flush=True)


if __name__ == "__main__":
    main()
