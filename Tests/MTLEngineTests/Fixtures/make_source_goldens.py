"""Write the PyTorch golden of alternating turns over two loaders of unequal lengths, in float64; README.md gives the format.

Tasks click and spend learn from the first rows, task churn from the others, with a batch size of their own. The order of the
rows in every pass is the engine's, whose generator is written down here: PyTorch has none to compare.
"""

import itertools

import torch
from make_torch_goldens import HERE, Model, dense, named, synthetic, task, task_loss
from safetensors.torch import save

SEED, STEPS = 7, 30
SPEC = {
    "inputs": 9,
    "trunk": [dense(8, "tanh"), dense(6, "gelu")],
    "tasks": [
        task("click", "binary", 0.6),
        task("churn", "binary", 0.5, [dense(5, "tanh")]),
        task("spend", "squared_error", 0.4),
    ],
}
# Rows, rows of a batch, tasks: 24 batches and 6, so that ten turns of churn go through its rows more than once.
LOADERS = [(94, 4, (0, 2)), (33, 6, (1,))]
MASK = (1 << 64) - 1


def split_mix(state):
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return state, z ^ (z >> 31)


def split(seed, stream):
    """The seed of another stream."""
    _, first = split_mix(seed)
    return split_mix(first ^ ((stream * 0xD1342543DE82EF95) & MASK))[1]


class Generator:
    """xoshiro256**."""

    def __init__(self, seed):
        self.state = []
        for _ in range(4):
            seed, value = split_mix(seed)
            self.state.append(value)

    def next(self):
        def rotated(x, k):
            return (x << k | x >> (64 - k)) & MASK

        s = self.state
        result = rotated(s[1] * 5 & MASK, 7) * 9 & MASK
        t = s[1] << 17 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], 45)
        return result

    def below(self, bound):
        product = self.next() * bound
        while product & MASK < (1 << 64) % bound:
            product = self.next() * bound
        return product >> 64


def order(rows, loader, number):
    """The rows of a pass, counted from 1."""
    generator = Generator(split(split(SEED, (1 << 32) + loader), number))
    result = list(range(rows))
    for last in range(rows - 1, 0, -1):
        other = generator.below(last + 1)
        result[last], result[other] = result[other], result[last]
    return result


def batches(loader, start):
    rows, size, _ = LOADERS[loader]
    for number in itertools.count(1):
        shuffled = order(rows, loader, number)
        for first in range(0, rows, size):
            yield [start + row for row in shuffled[first : first + size]]


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(61)
    model = Model(SPEC).double()
    for value in model.parameters():
        value.data = value.data.float().double()
    generator = torch.Generator().manual_seed(62)
    x, labels = synthetic(SPEC, sum(rows for rows, _, _ in LOADERS), generator, missing=0.2, empty=None)
    x, labels = x.double(), labels.double()
    starts = [0, LOADERS[0][0]]
    for start, (rows, _, tasks) in zip(starts, LOADERS):
        for other in set(range(len(SPEC["tasks"]))) - set(tasks):
            labels[start : start + rows, other] = float("nan")
    tensors = {"x": x, "labels": labels}
    tensors |= named(model, "initial", lambda parameter: parameter.detach())
    loaders = [batches(loader, start) for loader, start in enumerate(starts)]
    owners = {own: loader for loader, (_, _, tasks) in enumerate(LOADERS) for own in tasks}
    optimizers = {}
    sums = torch.zeros(len(SPEC["tasks"]), 2, dtype=x.dtype)
    for step in range(STEPS):
        own = step % len(SPEC["tasks"])
        rows = next(loaders[owners[own]])
        count = int((~labels[rows, own].isnan()).sum())
        if count == 0:
            continue
        if own not in optimizers:
            optimizers[own] = torch.optim.Adam(model.parameters(), lr=1e-2, foreach=False)
        optimizers[own].zero_grad(set_to_none=True)
        loss = task_loss(SPEC["tasks"][own], model.head(own, model.shared(x[rows])), labels[rows, own])
        (SPEC["tasks"][own]["weight"] * loss).backward()
        optimizers[own].step()
        sums[own] += torch.tensor([loss.item() * count, count], dtype=x.dtype)
    tensors["epoch_losses"] = sums[:, 0] / sums[:, 1]
    tensors |= named(model, "final", lambda parameter: parameter.detach())
    data = save({key: value.contiguous() for key, value in tensors.items()})
    (HERE / "sources_alternating.safetensors").write_bytes(data)
    print(f"sources_alternating {len(data):>7} bytes")


if __name__ == "__main__":
    main()
