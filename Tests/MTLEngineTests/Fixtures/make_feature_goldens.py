"""Write the PyTorch goldens of the feature layers, in float64: one batch's logits, losses and gradients; README.md gives the format.

Letters: B batch, D dense inputs, L positions, E width of an embedded field.
"""

from make_graph_goldens import keep, write_all  # first: it fixes what PyTorch computes with

import torch
import torch.nn.functional as F
from torch import nn

B, D, L, E = 19, 3, 5, 4
TABLES = {"user": (9, E), "item": (7, E), "place": (5, 3)}
WEIGHTS = {"click": 0.6, "spend": 0.3}


class Features:
    """Dense columns, fields by name, further columns, and the history [B, L, E] with how many of it count."""

    def __init__(self, dense, fields, history, length):
        self.dense, self.fields, self.more = dense, fields, []
        self.history, self.mask = history, torch.arange(L) < length.unsqueeze(1)

    def joined(self):
        dense = [] if self.dense is None else [self.dense]
        return torch.cat(dense + list(self.fields.values()) + self.more, dim=1)


class Cross(nn.Module):
    def __init__(self, width, count):
        super().__init__()
        self.cross = nn.ModuleList(nn.Linear(width, width) for _ in range(count))

    def forward(self, f):
        first = x = f.joined()
        for layer in self.cross:
            x = first * layer(x) + x
        f.dense, f.fields, f.more = x, {}, []


class LowRank(nn.Module):
    def __init__(self, width, rank, count):
        super().__init__()
        self.cross = nn.ModuleList(
            nn.ModuleDict({"down": nn.Linear(width, rank), "up": nn.Linear(rank, width)}) for _ in range(count)
        )

    def forward(self, f):
        first = x = f.joined()
        for layer in self.cross:
            x = first * layer["up"](layer["down"](x)) + x
        f.more.append(x)


class Machine(nn.Module):
    """Every product of two fields by itself."""

    def __init__(self, *names):
        super().__init__()
        self.names = names

    def forward(self, f):
        v = [f.fields[name] for name in self.names]
        f.more.append(sum(v[i] * v[j] for i in range(len(v)) for j in range(i)))


class Gate(nn.Module):
    def __init__(self, names, units, act):
        super().__init__()
        self.names, self.act = names, act
        self.squeeze, self.excite = nn.Linear(len(names), units), nn.Linear(units, len(names))

    def forward(self, f):
        z = torch.stack([f.fields[name].mean(1) for name in self.names], dim=1)
        a = self.act(self.excite(torch.relu(self.squeeze(z))))
        for index, name in enumerate(self.names):
            f.fields[name] = f.fields[name] * a[:, index : index + 1]


class Number(nn.Module):
    """The piecewise-linear encoding of positions in bins, written out, through a linear layer; negative ones are missing."""

    def __init__(self, bins, width):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(bins, width)), nn.Parameter(torch.randn(width))
        self.missing = nn.Parameter(torch.randn(width))

    def forward(self, x):
        x = x.unsqueeze(1)
        encoded = torch.clip(x - torch.arange(len(self.weight)), 0, 1)
        return torch.where(x < 0, self.missing, encoded @ self.weight + self.bias)


class Numbers(nn.Module):
    """Fields of some of the dense columns, x0, x1, …, which leave the others."""

    def __init__(self, **columns):
        super().__init__()
        self.columns = list(columns)
        for name, (bins, width) in columns.items():
            self.add_module(name, Number(bins, width))

    def forward(self, f):
        for name in self.columns:
            f.fields[name] = getattr(self, name)(f.dense[:, int(name[1:])])
        f.dense = f.dense[:, [c for c in range(D) if f"x{c}" not in self.columns]]


class Attention(nn.Module):
    """Scores of positions by `layers`, the last of them linear."""

    def __init__(self, width, units, acts, target, is_normalized):
        super().__init__()
        sizes = (width,) + units + (1,)
        self.attention = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.acts, self.target, self.is_normalized = acts, target, is_normalized

    def forward(self, f):
        e = f.history
        h = e
        if self.target:
            c = f.fields[self.target].unsqueeze(1).expand_as(e)
            h = torch.cat([e, c, e - c, e * c], dim=2)
        for layer, act in zip(self.attention, self.acts + (lambda z: z,)):
            h = act(layer(h))
        score = h[:, :, 0]
        if self.is_normalized:
            score = torch.nan_to_num(torch.softmax(score.masked_fill(~f.mask, -torch.inf), dim=1))
        else:
            score = score * f.mask
        pooled = (score.unsqueeze(2) * e).sum(1)
        if "history" in f.fields:
            f.more.append(pooled)
        else:
            f.fields["history"] = pooled


class Model(nn.Module):
    def __init__(self, layers, width, numbers=None):
        super().__init__()
        self.numbers = numbers
        self.embeddings = nn.ModuleDict({name: nn.Embedding(*size) for name, size in TABLES.items()})
        self.features = nn.ModuleList(layers)
        self.trunk = nn.ModuleList([nn.Linear(width, 5)])
        self.heads = nn.ModuleDict(
            {
                "click": nn.ModuleList([nn.Linear(5, 4), nn.Linear(4, 1)]),
                "spend": nn.ModuleList([nn.Linear(5, 1)]),
            }
        )

    def forward(self, x, ids, history):
        fields = {name: self.embeddings[name](ids[name]) for name in TABLES}
        length = (history >= 0).sum(1)
        f = Features(x, fields, self.embeddings["item"](history.clamp(min=0)), length)
        for layer in [self.numbers, *self.features]:
            if layer is not None:
                layer(f)
        h = torch.tanh(self.trunk[0](f.joined()))
        logits = {}
        for task, head in self.heads.items():
            z = h
            for layer in head[:-1]:
                z = torch.tanh(layer(z))
            logits[task] = head[-1](z)[:, 0]
        return logits


class Separate(nn.Module):
    """A model per task, which has its own task's head alone."""

    def __init__(self, make):
        super().__init__()
        self.models = nn.ModuleDict({task: make() for task in WEIGHTS})
        for task, model in self.models.items():
            model.heads = nn.ModuleDict({task: model.heads[task]})

    def forward(self, x, ids, history):
        return {task: model(x, ids, history)[task] for task, model in self.models.items()}


def title(key):
    """The engine's name of a parameter: the task's stands behind the kind of what is its own."""
    if not key.startswith("models."):
        return key
    _, task, kind, rest = key.split(".", 3)
    return f"{kind}.{rest}" if kind == "heads" else f"{kind.replace('trunk', 'networks')}.{task}.{rest}"


def write(name, make, seed):
    torch.manual_seed(seed)
    model = make()
    for table in model.modules():
        if isinstance(table, nn.Embedding):
            nn.init.uniform_(table.weight, -1, 1)
    x = torch.randn(B, D)
    ids = {table: torch.randint(0, rows, (B,)) for table, (rows, _) in TABLES.items()}
    length = torch.randint(0, L + 1, (B,))
    length[:2] = torch.tensor([0, L])
    history = torch.randint(0, TABLES["item"][0], (B, L)).masked_fill(torch.arange(L) >= length.unsqueeze(1), -1)
    labels = {"click": (x[:, 0] + torch.randn(B) > 0).double(), "spend": x[:, 1] * 2 + torch.randn(B)}
    for label in labels.values():
        label[torch.rand(B) < 0.2] = float("nan")
    tensors = {"x": x, "labels": torch.stack(list(labels.values()), dim=1)}
    tensors |= {f"ids/{table}": value.double() for table, value in ids.items()}
    tensors |= {"ids/history": history.double()}
    tensors |= {f"initial/{title(key)}": value.detach().clone() for key, value in model.state_dict().items()}
    logits = model(x, ids, history)
    losses = []
    for task, y in labels.items():
        known = ~torch.isnan(y)
        loss = F.mse_loss if task == "spend" else F.binary_cross_entropy_with_logits
        losses.append(loss(logits[task][known], y[known]))
    sum(weight * value for weight, value in zip(WEIGHTS.values(), losses)).backward()
    tensors |= {f"logits/{task}": z.detach() for task, z in logits.items()}
    tensors |= {"task_losses": torch.stack(losses).detach(), "penalty": torch.zeros(1)}
    tensors |= {f"gradient/{title(key)}": value.grad for key, value in model.named_parameters()}
    keep(f"features_{name}", tensors)


def main():
    width = D + 2 * E + 3
    sigmoid, tanh = torch.sigmoid, torch.tanh
    many = lambda: Model(  # noqa: E731
        [
            Attention(E, (9,), (tanh,), None, True),
            Attention(4 * E, (6,), (sigmoid,), "item", True),
            Machine("user", "item", "history"),
            Cross(width + 3 * E, 1),
        ],
        width + 3 * E,
    )
    cases = {
        "cross": lambda: Model([Cross(width, 2)], width),
        "low_rank": lambda: Model([LowRank(width, 2, 2)], 2 * width),
        "machine": lambda: Model([Machine("user", "item")], width + E),
        "gate": lambda: Model(
            [Gate(("user", "item", "place"), 1, torch.relu), Gate(("item", "user"), 2, sigmoid)],
            width,
        ),
        "target": lambda: Model([Attention(4 * E, (6, 9), (sigmoid, tanh), "item", False)], width + E),
        "many": many,
        "separate": lambda: Separate(many),
        "piecewise": lambda: Model(
            [Machine("user", "x2", "item"), Gate(("user", "x2", "x0"), 1, torch.relu)],
            width - 2 + 2 + 2 * E,
            Numbers(x2=(2, E), x0=(1, 2)),
        ),
    }
    write_all(cases, write, 300)


if __name__ == "__main__":
    main()
