"""Write the float64 goldens of what a step may do beside its optimiser, on the model of make_embedding_goldens.py.

`optimizer_tables_*`: a rule of the tables' own. PyTorch has sparse Adagrad; row-wise Adagrad and FTRL are written here
from their papers. `optimizer_averaged*`: torch.optim.swa_utils. `optimizer_smoothed`: CrossEntropyLoss(label_smoothing).
`optimizer_accumulated`: three micro-batches of loss / 3 and one step of the optimisers.
"""

import json

import make_embedding_goldens as embeddings
from make_torch_goldens import HERE, adam, dense, make_optimizer, named, task, task_loss

import torch
from safetensors.torch import save

ADAM = adam(1e-2)
BATCH, BATCHES, STEPS = 21, 5, 50


class RowRule:
    """A rule of rows: what is remembered of each, and what a gradient does to those that it reaches."""

    def __init__(self, tables, decay=0.0):
        self.tables, self.decay = tables, decay

    def step(self):
        for table in self.tables:
            if table.grad is None:
                continue
            gradient = table.grad.coalesce()
            rows, g = gradient.indices()[0], gradient.values()
            with torch.no_grad():
                self.change(table, rows, g + self.decay * table[rows])


class RowAdagrad(RowRule):
    """s += mean of g², p -= lr g / (√s + eps): one s a row (exact row-wise Adagrad)."""

    def change(self, table, rows, g):
        if not hasattr(table, "seen"):
            table.seen = torch.zeros(table.shape[0])
        table.seen[rows] += (g * g).mean(dim=1)
        table[rows] -= 0.05 * g / (table.seen[rows].sqrt() + 1e-8)[:, None]


class FTRL(RowRule):
    """McMahan et al. 2013, algorithm 1, with the weights kept beside z and n."""

    alpha, beta, l1, l2 = 0.1, 1.0, 0.002, 0.05

    def change(self, table, rows, g):
        if not hasattr(table, "z"):
            table.z, table.n = torch.zeros_like(table), torch.zeros_like(table)
        z, n, w = table.z[rows], table.n[rows], table[rows]
        sigma = ((n + g * g).sqrt() - n.sqrt()) / self.alpha
        z, n = z + g - sigma * w, n + g * g
        weight = -(z - z.sign() * self.l1) / ((self.beta + n.sqrt()) / self.alpha + self.l2)
        table[rows] = torch.where(z.abs() <= self.l1, torch.zeros(()), weight)
        table.z[rows], table.n[rows] = z, n


class Adagrad:
    def __init__(self, tables):
        self.inner = torch.optim.Adagrad(tables, lr=0.05, eps=1e-10, foreach=False)

    def step(self):
        self.inner.step()


class DecayedSparseAdam:
    """SparseAdam behind a gradient to which 0.3 times each of its rows was added, once."""

    def __init__(self, tables):
        self.tables = tables
        self.inner = torch.optim.SparseAdam(tables, lr=1e-2)

    def step(self):
        for table in self.tables:
            gradient = table.grad.coalesce()
            rows = gradient.indices()
            values = gradient.values() + 0.3 * table.detach()[rows[0]]
            table.grad = torch.sparse_coo_tensor(rows, values, gradient.shape)
        self.inner.step()


def sparse_adam(tables):
    return torch.optim.SparseAdam(tables, lr=1e-2)


def smoothed(spec, logits, y):
    if spec["kind"] == "multiclass":
        loss = torch.nn.CrossEntropyLoss(label_smoothing=spec["smoothing"])
        return loss(logits, y.long())
    if spec["kind"] == "binary":
        target = y * (1 - spec["smoothing"]) + spec["smoothing"] / 2
        return torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0], target)
    return task_loss(spec, logits, y)


def write(name, make_tables, schedule="joint", tasks=None, averaging=None, micro=1, objective=task_loss, seed=61):
    torch.manual_seed(seed)
    spec = {**embeddings.MODEL, "tasks": tasks or embeddings.MODEL["tasks"]}
    model = embeddings.EmbeddingModel(spec)
    data, labels = embeddings.random_data(BATCH * BATCHES, torch.Generator().manual_seed(seed + 1))
    if tasks:
        labels[:, 1] = (labels[:, 1] * 2).round().clamp(-1, 1) + 1
    case = {
        "name": name,
        "model": {**spec, "tasks": [{k: v for k, v in one.items() if k != "smoothing"} for one in spec["tasks"]]},
        "tables": embeddings.TABLES,
        "embedded": embeddings.FEATURES,
        "optimizer": ADAM,
        "schedule": schedule,
        "batch": BATCH,
        "steps": STEPS,
    }
    tensors = {"x": data[0], "labels": labels}
    for feature, (ids, offsets, weights) in data[1].items():
        tensors[f"ids/{feature}"] = ids.double()
        tensors[f"offsets/{feature}"] = torch.cat([offsets, torch.tensor([len(ids)])]).double()
        if weights is not None:
            tensors[f"weights/{feature}"] = weights
    tensors |= named(model, "initial", lambda parameter: parameter.detach().clone())

    tables = list(model.embeddings.parameters())
    layers = [p for key, p in model.named_parameters() if not key.startswith("embeddings.")]
    turns = [range(len(spec["tasks"]))] if schedule == "joint" else [[i] for i in range(len(spec["tasks"]))]
    optimizers = [[make_optimizer(ADAM, layers), make_tables(tables)] for _ in turns]
    averaged = None
    if averaging:
        averaged = torch.optim.swa_utils.AveragedModel(
            # n averages have been taken before; the first one is a copy that PyTorch makes by itself.
            model, avg_fn=lambda a, p, n: torch.lerp(p, a, min(averaging, float(n) / (float(n) + 9)))
        )
    history = torch.zeros(STEPS, len(spec["tasks"]))
    for step in range(STEPS):
        start = step % BATCHES * BATCH
        for turn, members in zip(optimizers, turns):
            model.zero_grad(set_to_none=True)
            for part in range(micro):
                rows = slice(start + part * BATCH // micro, start + (part + 1) * BATCH // micro)
                x, y = embeddings.rows_of(data, rows)[0:2], labels[rows]
                shared = model.shared(x)
                total = 0
                for i in members:
                    logits, one = model.head(i, shared), spec["tasks"][i]
                    history[step, i] += task_loss(one, logits, y[:, i]).detach() / micro
                    total = total + one["weight"] * objective(one, logits, y[:, i]) / micro
                total.backward()
            for optimizer in turn:
                optimizer.step()
            if averaged:
                averaged.update_parameters(model)
    tensors["step_losses"] = history
    tensors |= named(model, "final", lambda parameter: parameter.detach())
    if averaged:
        tensors |= named(averaged.module, "average", lambda parameter: parameter.detach())
    text = save(
        {key: value.double().contiguous() for key, value in tensors.items()},
        metadata={"case": json.dumps(case, sort_keys=True, separators=(",", ":"))},
    )
    (HERE / f"{name}.safetensors").write_bytes(text)
    print(f"{name:<36} {len(text):>7} bytes")


def main():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    write("optimizer_tables_adagrad", Adagrad)
    write("optimizer_tables_row_adagrad", RowAdagrad)
    write("optimizer_tables_ftrl", FTRL)
    # z and n stay with the table: turns have them in common.
    write("optimizer_tables_ftrl_alternating", FTRL, "alternating")
    write("optimizer_tables_decay", DecayedSparseAdam)
    write("optimizer_tables_row_adagrad_decay", lambda tables: RowAdagrad(tables, 0.3))
    write("optimizer_averaged", sparse_adam, averaging=0.8)
    write("optimizer_averaged_alternating", sparse_adam, "alternating", averaging=0.97)
    classes = [
        {**task("click", "binary", 0.6), "smoothing": 0.1},
        {**task("amount", "multiclass", 0.4, [dense(6, "gelu")], classes=3), "smoothing": 0.25},
    ]
    write("optimizer_smoothed", sparse_adam, tasks=classes, objective=smoothed)
    write("optimizer_accumulated", sparse_adam, micro=3)


if __name__ == "__main__":
    main()
