"""Write the PyTorch goldens of embedding tables: EmbeddingBag (sum, mean, weights) under SGD, Adagrad and SparseAdam.

Letters: B batch, D dense inputs, T tasks.
"""

import json

from make_torch_goldens import (  # First: it settles what PyTorch reads from the environment.
    HERE,
    Model,
    dense,
    joint_loss,
    make_optimizer,
    named,
    optimizer_settings,
    adam,
    sgd,
    task,
    task_loss,
)

import torch
from safetensors.torch import save

TABLES = [
    {"name": "user", "rows": 25, "dimension": 16},
    {"name": "item", "rows": 40, "dimension": 8},
    {"name": "tag", "rows": 11, "dimension": 5},
]
FEATURES = [
    {"name": "user", "table": "user", "pooling": "single", "maximum_count": 1},
    {"name": "item", "table": "item", "pooling": "single", "maximum_count": 1},
    {"name": "history", "table": "item", "pooling": "mean", "maximum_count": 6},
    {"name": "tags", "table": "tag", "pooling": "sum", "maximum_count": 4},
]
WIDTH = {table["name"]: table["dimension"] for table in TABLES}
MODEL = {
    "inputs": 5,
    "trunk": [dense(12, "relu"), dense(7, "tanh")],
    "tasks": [task("click", "binary", 0.6), task("amount", "squared_error", 0.4, [dense(6, "gelu")])],
}


class EmbeddingModel(Model):
    """The dense inputs, then every feature's pooled vector, into the shared layers."""

    def __init__(self, spec):
        inputs = spec["inputs"] + sum(WIDTH[feature["table"]] for feature in FEATURES)
        super().__init__({**spec, "inputs": inputs})
        self.embeddings = torch.nn.ModuleDict(
            {
                table["name"]: torch.nn.EmbeddingBag(table["rows"], table["dimension"], mode="sum", sparse=True)
                for table in TABLES
            }
        )

    def shared(self, x):
        dense_inputs, bags = x
        columns = [dense_inputs]
        for feature in FEATURES:
            ids, offsets, weights = bags[feature["name"]]
            mode = "mean" if feature["pooling"] == "mean" else "sum"
            columns.append(
                torch.nn.functional.embedding_bag(
                    ids,
                    self.embeddings[feature["table"]].weight,
                    offsets,
                    mode=mode,
                    sparse=True,
                    per_sample_weights=weights,
                )
            )
        return super().shared(torch.cat(columns, dim=1))


def rows_of(data, rows):
    """Some rows of (dense, bags): bags are cut out of their columns."""
    dense_inputs, bags = data
    part = {}
    for name, (ids, offsets, weights) in bags.items():
        ends = torch.cat([offsets, torch.tensor([len(ids)])])
        first, last = ends[rows.start].item(), ends[rows.stop].item()
        part[name] = (
            ids[first:last],
            offsets[rows] - first,
            None if weights is None else weights[first:last],
        )
    return dense_inputs[rows], part


def optimizers_of(model, settings):
    """PyTorch has an optimiser for sparse gradients of its own for Adam; one each for the layers and the tables."""
    tables = list(model.embeddings.parameters())
    layers = [p for name, p in model.named_parameters() if not name.startswith("embeddings.")]
    if settings["kind"] == "adagrad":
        made = [
            torch.optim.Adagrad(p, lr=settings["learning_rate"], eps=settings["epsilon"], foreach=False)
            for p in (layers, tables)
        ]
    elif settings["kind"] == "adam":
        made = [
            make_optimizer(settings, layers),
            torch.optim.SparseAdam(
                tables,
                lr=settings["learning_rate"],
                betas=(settings["beta1"], settings["beta2"]),
                eps=settings["epsilon"],
            ),
        ]
    else:
        made = [make_optimizer(settings, layers), torch.optim.SGD(tables, lr=settings["learning_rate"])]
    return made


def losses(model, x, labels):
    shared = model.shared(x)
    return [task_loss(one, model.head(i, shared), labels[:, i]) for i, one in enumerate(model.spec["tasks"])]


def train(model, case, data, labels):
    tasks = case["model"]["tasks"]
    batches = labels.shape[0] // case["batch"]
    turns = [range(len(tasks))] if case["schedule"] == "joint" else [[i] for i in range(len(tasks))]
    optimizers = [optimizers_of(model, case["optimizer"]) for _ in turns]
    history = torch.zeros(case["steps"], len(tasks))
    for step in range(case["steps"]):
        rows = slice(step % batches * case["batch"], (step % batches + 1) * case["batch"])
        x, y = rows_of(data, rows), labels[rows]
        for turn, members in zip(optimizers, turns):
            model.zero_grad(set_to_none=True)
            shared = model.shared(x)
            total = 0
            for i in members:
                value = task_loss(tasks[i], model.head(i, shared), y[:, i])
                history[step, i] = value.detach()
                total = total + tasks[i]["weight"] * value
            total.backward()
            for optimizer in turn:
                optimizer.step()
    return history


def random_data(rows, generator):
    dense_inputs = torch.randn(rows, MODEL["inputs"], generator=generator)
    bags = {}
    for feature in FEATURES:
        size = next(table["rows"] for table in TABLES if table["name"] == feature["table"])
        if feature["pooling"] == "single":
            counts = torch.ones(rows, dtype=torch.long)
        else:
            counts = torch.randint(0, feature["maximum_count"] + 1, (rows,), generator=generator)
        total = int(counts.sum())
        # Squares make some ids frequent: rows of a batch then share them.
        ids = (torch.rand(total, generator=generator) ** 2 * size).long()
        offsets = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)[:-1]])
        weights = torch.randn(total, generator=generator) if feature["pooling"] == "sum" else None
        bags[feature["name"]] = (ids, offsets, weights)
    labels = torch.stack(
        [
            (dense_inputs[:, 0] + torch.randn(rows, generator=generator) > 0).float(),
            dense_inputs[:, 1] + 0.3 * torch.randn(rows, generator=generator),
        ],
        dim=1,
    )
    return (dense_inputs, bags), labels


def write(name, optimizer, schedule, batch=21, batches=5, steps=30, seed=51):
    torch.manual_seed(seed)
    model = EmbeddingModel(MODEL)
    data, labels = random_data(batch * batches, torch.Generator().manual_seed(seed + 1))
    case = {
        "name": name,
        "model": MODEL,
        "tables": TABLES,
        "embedded": FEATURES,
        "optimizer": optimizer,
        "schedule": schedule,
        "batch": batch,
        "steps": steps,
    }
    tensors = {"x": data[0], "labels": labels}
    for feature, (ids, offsets, weights) in data[1].items():
        tensors[f"ids/{feature}"] = ids.float()
        tensors[f"offsets/{feature}"] = torch.cat([offsets, torch.tensor([len(ids)])]).float()
        if weights is not None:
            tensors[f"weights/{feature}"] = weights
    tensors |= named(model, "initial", lambda parameter: parameter.detach())

    x, y = rows_of(data, slice(0, batch)), labels[:batch]
    values = losses(model, x, y)
    tensors["task_losses"] = torch.stack([value.detach() for value in values])
    joint_loss(model, values).backward()
    tensors |= named(model, "gradient", lambda p: p.grad.to_dense() if p.grad.is_sparse else p.grad)
    model.zero_grad(set_to_none=True)

    tensors["step_losses"] = train(model, case, data, labels)
    tensors |= named(model, "final", lambda parameter: parameter.detach())
    text = save(
        {name: value.contiguous() for name, value in tensors.items()},
        metadata={"case": json.dumps(case, sort_keys=True, separators=(",", ":"))},
    )
    (HERE / f"{name}.safetensors").write_bytes(text)
    print(f"{name:<28} {len(text):>7} bytes")


def main():
    torch.set_num_threads(1)
    write("embeddings_adam", adam(1e-2), "joint")
    write("embeddings_adam_alternating", adam(1e-2), "alternating")
    write("embeddings_adagrad", optimizer_settings("adagrad", 0.05, epsilon=1e-10), "joint")
    write("embeddings_sgd", sgd(0.1), "alternating")


if __name__ == "__main__":
    main()
