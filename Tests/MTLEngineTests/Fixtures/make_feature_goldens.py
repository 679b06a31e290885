"""Write the PyTorch goldens of the feature layers, in float64: one batch's logits, losses and gradients; README.md gives the format.

Letters: B batch, D dense inputs, L positions, E width of an embedded field.
"""

from make_graph_goldens import keep, write_all  # first: it fixes what PyTorch computes with

import re
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

B, D, L, E = 19, 3, 5, 4
TABLES = {"user": (9, E), "item": (7, E), "place": (5, 3)}
WEIGHTS = {"click": 0.6, "spend": 0.3}


class Features:
    """Dense columns, fields by name, further columns, and sequences [B, L, width] by name with how many of each row count."""

    def __init__(self, dense, fields, sequences, length):
        self.dense, self.fields, self.more, self.direct = dense, fields, [], []
        self.sequences, self.mask = sequences, torch.arange(L) < length.unsqueeze(1)

    def behaviours(self, names):
        return torch.cat([self.sequences[name] for name in names], dim=2)

    def candidate(self, names):
        return torch.cat([self.fields[name] for name in names], dim=1)

    def append(self, name, value):
        if name in self.fields:
            self.more.append(value)
        else:
            self.fields[name] = value

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


class Gated(nn.Module):
    """Cross layers whose products have gates without biases; of a rank both maps are products of two."""

    def __init__(self, width, rank, count, appends):
        super().__init__()
        self.appends = appends

        def maps(bias):
            if not rank:
                return nn.Linear(width, width, bias=bias)
            down, up = nn.Linear(width, rank, bias=bias), nn.Linear(rank, width, bias=bias)
            return nn.Sequential(OrderedDict(down=down, up=up))

        self.cross = nn.ModuleList(maps(True) for _ in range(count))
        self.gates = nn.ModuleList(maps(False) for _ in range(count))

    def forward(self, f):
        first = x = f.joined()
        for layer, gate in zip(self.cross, self.gates):
            x = first * layer(x) * torch.sigmoid(gate(x)) + x
        if self.appends:
            f.more.append(x)
        else:
            f.dense, f.fields, f.more = x, {}, []


class Pairs(nn.Module):
    """The dot product of every two fields."""

    def __init__(self, *names):
        super().__init__()
        self.names = names

    def forward(self, f):
        v = torch.stack([f.fields[name] for name in self.names], dim=1)
        dots = torch.einsum("bik,bjk->bij", v, v)
        first, second = torch.triu_indices(len(self.names), len(self.names), offset=1)
        f.more.append(dots[:, first, second])


class Block(nn.Linear):
    """relu(LN(W x)), its normalisation inside."""

    def __init__(self, inputs, units):
        super().__init__(inputs, units, bias=False)
        self.norm = randomised(nn.LayerNorm(units))

    def forward(self, x):
        return torch.relu(self.norm(super().forward(x)))


class MaskNet(nn.Module):
    def __init__(self, width, fields, count, units, inner, serial, appends):
        super().__init__()
        self.serial, self.appends = serial, appends
        self.norm = nn.ModuleDict({name: randomised(nn.LayerNorm(size)) for name, size in fields.items()})
        sizes = [units if serial and block else width for block in range(count)]
        self.masks = nn.ModuleList(nn.ModuleList([nn.Linear(width, inner), nn.Linear(inner, size)]) for size in sizes)
        self.blocks = nn.ModuleList(Block(size, units) for size in sizes)

    def forward(self, f):
        x = f.joined()
        dense = [] if f.dense is None else [f.dense]
        h = torch.cat(dense + [self.norm[name](v) for name, v in f.fields.items()] + f.more, dim=1)
        normed, outputs = h, []
        for mask, block in zip(self.masks, self.blocks):
            m = mask[1](torch.relu(mask[0](x)))
            h = block(m * (h if self.serial else normed))
            outputs.append(h)
        result = h if self.serial else torch.cat(outputs, dim=1)
        if self.appends:
            f.more.append(result)
        else:
            f.dense, f.fields, f.more = result, {}, []


def randomised(norm):
    nn.init.normal_(norm.weight, 1, 0.3)
    nn.init.normal_(norm.bias, 0, 0.3)
    return norm


class Machine(nn.Module):
    """Every product of two fields by itself."""

    def __init__(self, *names):
        super().__init__()
        self.names = names

    def forward(self, f):
        v = [f.fields[name] for name in self.names]
        f.more.append(sum(v[i] * v[j] for i in range(len(v)) for j in range(i)))


class Bilinear(nn.Module):
    """(W v_i) * v_j of every two fields, W the first one's or the pair's."""

    def __init__(self, *names, pairs=False):
        super().__init__()
        self.names, self.pairs = names, pairs
        width = 3 if "place" in names else E
        for i, first in enumerate(names[:-1]):
            rest = names[i + 1 :]
            one = lambda: nn.Linear(width, width, bias=False)  # noqa: E731
            self.add_module(first, nn.ModuleDict({second: one() for second in rest}) if pairs else one())

    def forward(self, f):
        for i, first in enumerate(self.names):
            for second in self.names[i + 1 :]:
                layer = getattr(self, first)
                f.more.append((layer[second] if self.pairs else layer)(f.fields[first]) * f.fields[second])


class FieldAttention(nn.Module):
    """Layers of PyTorch's scaled dot-product attention between fields, and a linear map beside each."""

    def __init__(self, width, names, count, heads, units):
        super().__init__()
        self.names, self.heads = names, heads
        sizes = [width] + [units] * (count - 1)
        self.layers = nn.ModuleList(
            nn.ModuleDict({"in_proj": nn.Linear(size, 3 * units), "residual": nn.Linear(size, units)}) for size in sizes
        )

    def forward(self, f):
        x = torch.stack([f.fields[name] for name in self.names], dim=1)
        for layer in self.layers:
            q, k, v = (
                part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in layer["in_proj"](x).chunk(3, dim=2)
            )
            attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            x = torch.relu(attended + layer["residual"](x))
        f.more.append(x.flatten(1))


class CompressedInteraction(nn.Module):
    """x_h = act(sum over i, j of W_hij x_i * x0_j + b_h), every dimension by itself; all maps' sums over dimensions."""

    def __init__(self, names, maps, act):
        super().__init__()
        self.names, self.act = names, act
        before = [len(names), *maps]
        self.maps = nn.ModuleList(nn.Linear(h * len(names), units) for h, units in zip(before, maps))

    def forward(self, f):
        first = x = torch.stack([f.fields[name] for name in self.names], dim=1)
        for layer in self.maps:
            w = layer.weight.unflatten(1, (x.shape[1], first.shape[1]))
            x = self.act(torch.einsum("hij,bid,bjd->bhd", w, x, first) + layer.bias[:, None])
            f.more.append(x.sum(2))


class Stream(nn.Module):
    """Layers behind a gate for every column, of fields or of a vector that is learned."""

    def __init__(self, width, units, context, sizes):
        super().__init__()
        self.units, self.names = units, context
        for depth, (a, b) in enumerate(zip([width, *units], units)):
            self.add_module(str(depth), nn.Linear(a, b))
        if sizes:
            if not context:
                self.context = nn.Parameter(torch.randn(sizes[0]))
            self.gate = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, [*sizes[1:], width]))

    def forward(self, f):
        x = f.joined()
        if hasattr(self, "gate"):
            c = f.candidate(self.names) if self.names else self.context
            for layer in self.gate[:-1]:
                c = torch.tanh(layer(c))
            x = x * 2 * torch.sigmoid(self.gate[-1](c))
        for depth in range(len(self.units)):
            x = torch.tanh(getattr(self, str(depth))(x))
        return x


class FinalMLP(nn.Module):
    """Two streams, and of every head the bilinear form's terms, by the second one's columns."""

    def __init__(self, first, second, heads):
        super().__init__()
        self.first, self.second = first, second
        sizes = [stream.units[-1] // heads for stream in (first, second)]
        self.fusion = nn.ModuleList(nn.Linear(*sizes, bias=False) for _ in range(heads))

    def forward(self, f):
        one, two = self.first(f), self.second(f)
        parts = zip(self.fusion, one.chunk(len(self.fusion), dim=1), two.chunk(len(self.fusion), dim=1))
        terms = [torch.einsum("ji,bi,bj->bj", layer.weight, a, b) for layer, a, b in parts]
        f.dense, f.fields, f.more = torch.cat([one, two, *terms], dim=1), {}, []


class Wide(nn.ModuleDict):
    """A linear map per task to its logit, of all features or of some fields, which may leave the others."""

    def __init__(self, width, *names, exclusive=False):
        super().__init__({task: nn.Linear(width, 1, bias=False) for task in WEIGHTS})
        self.names, self.exclusive = names, exclusive

    def forward(self, f):
        x = torch.cat([f.fields[name] for name in self.names], dim=1) if self.names else f.joined()
        f.direct.append({task: layer(x)[:, 0] for task, layer in self.items()})
        for name in self.names if self.exclusive else ():
            del f.fields[name]


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


def standard(x, bins):
    """A place among bins as a number of mean 0 and variance 1, were all places as likely."""
    return (x.clip(0, bins) / bins - 0.5).unsqueeze(1) * 12**0.5


class Periodic(nn.Module):
    """ReLU of a linear layer over sines and cosines of trained frequencies; negative places are missing."""

    def __init__(self, bins, width, count):
        super().__init__()
        self.bins, self.missing = bins, nn.Parameter(torch.randn(width))
        self.frequencies = nn.Parameter(torch.randn(count))
        self.weight, self.bias = nn.Parameter(torch.randn(width, 2 * count)), nn.Parameter(torch.randn(width))

    def forward(self, x):
        angles = 2 * torch.pi * standard(x, self.bins) * self.frequencies
        waves = torch.cat([angles.sin(), angles.cos()], dim=1)
        return torch.where(x.unsqueeze(1) < 0, self.missing, torch.relu(F.linear(waves, self.weight, self.bias)))


class AutoDis(nn.Module):
    """A mixture of meta-embeddings by the softmax of scores; negative places are missing."""

    def __init__(self, bins, width, count, temperature, skip):
        super().__init__()
        self.bins, self.temperature, self.skip = bins, temperature, skip
        self.scores = nn.ModuleList([nn.Linear(1, count, bias=False), nn.Linear(count, count, bias=False)])
        self.meta = nn.Linear(count, width, bias=False)
        self.missing = nn.Parameter(torch.randn(width))

    def forward(self, x):
        h = F.leaky_relu(self.scores[0](standard(x, self.bins)))
        shares = torch.softmax((self.scores[1](h) + self.skip * h) / self.temperature, dim=1)
        return torch.where(x.unsqueeze(1) < 0, self.missing, self.meta(shares))


class Numbers(nn.Module):
    """Fields of some of the dense columns, x0, x1, …, which leave the others."""

    def __init__(self, **columns):
        super().__init__()
        self.columns = list(columns)
        for name, some in columns.items():
            self.add_module(name, some if isinstance(some, nn.Module) else Number(*some))

    def forward(self, f):
        for name in self.columns:
            f.fields[name] = getattr(self, name)(f.dense[:, int(name[1:])])
        f.dense = f.dense[:, [c for c in range(D) if f"x{c}" not in self.columns]]


class Attention(nn.Module):
    """Scores of positions by `layers`, the last of them linear; beside a target [e, c, e - c, e c] of each."""

    def __init__(self, width, units, acts, targets, normalization, sequences=("history",)):
        super().__init__()
        sizes = (width,) + units + (1,)
        self.attention = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.acts, self.targets, self.normalization, self.sequences = acts, targets, normalization, sequences

    def forward(self, f):
        e = f.behaviours(self.sequences)
        h = e
        if self.targets:
            c = f.candidate(self.targets).unsqueeze(1).expand_as(e)
            h = torch.cat([e, c, e - c, e * c], dim=2)
        for layer, act in zip(self.attention, self.acts + (lambda z: z,)):
            h = act(layer(h))
        score = h[:, :, 0]
        if self.normalization == "none":
            score = score * f.mask
        else:
            if self.normalization == "scaled_softmax":
                score = score / e.shape[2] ** 0.5
            score = torch.nan_to_num(torch.softmax(score.masked_fill(~f.mask, -torch.inf), dim=1))
        pooled = (score.unsqueeze(2) * e).sum(1)
        first = 0
        for name in self.sequences:
            width = f.sequences[name].shape[2]
            f.append(name, pooled[:, first : first + width])
            first += width


class Encoder(nn.Module):
    """PyTorch's own encoder layers over [candidate; behaviours], of rows with a token; others get zeros."""

    def __init__(self, width, heads, count, units, act, pooling, sequences, targets=(), positions=True):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, units, dropout=0, activation=act, batch_first=True)
            for _ in range(count)
        )
        for value in self.parameters():
            if value.dim() == 1:
                nn.init.normal_(value, 0.5, 0.5)
        self.pooling, self.sequences, self.targets = pooling, sequences, targets
        if positions:
            self.positions = nn.Embedding(L + len(targets[:1]), width)

    def forward(self, f):
        e = f.behaviours(self.sequences)
        # Counted back from the latest behaviour: 1, or 0 where there is no candidate.
        place = f.mask.sum(1, keepdim=True) - 1 - torch.arange(L)
        mask = f.mask
        if self.targets:
            e = torch.cat([f.candidate(self.targets).unsqueeze(1), e], dim=1)
            mask = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
            place = torch.cat([torch.zeros_like(place[:, :1]), place + 1], dim=1)
        if hasattr(self, "positions"):
            e = e + self.positions(place.clamp(min=0))
        rows = mask.any(1)
        x = e[rows]
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=~mask[rows])
        # What padding says has no meaning; a product would hand on what is not a number.
        x = torch.where(mask[rows].unsqueeze(2), x, torch.zeros(()))
        x = torch.zeros_like(e).index_put((rows.nonzero()[:, 0],), x)
        if self.pooling == "all":
            f.more.append(x.flatten(1))
        elif self.pooling == "mean":
            f.append(self.sequences[0], x.sum(1) / mask.sum(1, keepdim=True).clamp(min=1))
        else:
            f.append(self.sequences[0], x[:, 0])


class Evolution(nn.Module):
    """PyTorch's recurrent cell along behaviours, and along its states one whose update gates an attention scales."""

    def __init__(self, width, units, sequences, targets):
        super().__init__()
        unit = lambda: nn.ModuleDict({part: nn.Linear(width, 3 * width) for part in ("input", "hidden")})  # noqa: E731
        self.interest, self.evolution = unit(), unit()
        sizes = (4 * width,) + units + (1,)
        self.attention = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.sequences, self.targets = sequences, targets

    def forward(self, f):
        e, there = f.behaviours(self.sequences), f.mask.unsqueeze(2)
        states, h = [], torch.zeros_like(e[:, 0])
        weights = [getattr(self.interest[part], kind) for kind in ("weight", "bias") for part in ("input", "hidden")]
        for t in range(L):
            h = torch.where(there[:, t], torch.gru_cell(e[:, t], h, *weights), h)
            states.append(h)
        states = torch.stack(states, dim=1)
        c = f.candidate(self.targets).unsqueeze(1).expand_as(e)
        score = torch.cat([states, c, states - c, states * c], dim=2)
        for layer in self.attention[:-1]:
            score = torch.sigmoid(layer(score))
        score = self.attention[-1](score)[:, :, 0].masked_fill(~f.mask, -torch.inf)
        a = torch.nan_to_num(torch.softmax(score, dim=1)).unsqueeze(2)
        h = torch.zeros_like(e[:, 0])
        for t in range(L):
            x, u = self.evolution["input"](states[:, t]).chunk(3, dim=1), self.evolution["hidden"](h).chunk(3, dim=1)
            r, update = torch.sigmoid(x[0] + u[0]), a[:, t] * (1 - torch.sigmoid(x[1] + u[1]))
            new = (1 - update) * h + update * torch.tanh(x[2] + r * u[2])
            h = torch.where(there[:, t], new, h)
        f.append(self.sequences[0], h)


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
        behaviours = history.clamp(min=0)
        sequences = {"history": self.embeddings["item"](behaviours), "places": self.embeddings["place"](behaviours * 3 % 5)}
        f = Features(x, fields, sequences, length)
        for layer in [self.numbers, *self.features]:
            if layer is not None:
                layer(f)
        h = torch.tanh(self.trunk[0](f.joined()))
        logits = {}
        for task, head in self.heads.items():
            z = h
            for layer in head[:-1]:
                z = torch.tanh(layer(z))
            logits[task] = head[-1](z)[:, 0] + sum(part[task] for part in f.direct)
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
    key = re.sub(r"gates\.(\d+)", r"cross.\1.gate", key.replace("in_proj_", "in_proj."))
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
    if name in ("sequences", "encoder_mean", "evolution"):
        tensors |= {"ids/places": torch.where(history < 0, -1, history * 3 % 5).double()}
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
    gate = lambda z: 2 * sigmoid(z)  # noqa: E731
    both = ("history", "places")
    many = lambda: Model(  # noqa: E731
        [
            Attention(E, (9,), (tanh,), (), "softmax"),
            Attention(4 * E, (6,), (sigmoid,), ("item",), "softmax"),
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
            [Gate(("user", "item", "place"), 1, gate), Gate(("item", "user"), 2, torch.relu)],
            width,
        ),
        "target": lambda: Model([Attention(4 * E, (6, 9), (sigmoid, tanh), ("item",), "none")], width + E),
        "many": many,
        "separate": lambda: Separate(many),
        "piecewise": lambda: Model(
            [Machine("user", "x2", "item"), Gate(("user", "x2", "x0"), 1, gate)],
            width - 2 + 2 + 2 * E,
            Numbers(x2=(2, E), x0=(1, 2)),
        ),
        "sequences": lambda: Model(
            [Attention(4 * (E + 3), (6,), (sigmoid,), ("item", "place"), "scaled_softmax", both)], width + E + 3
        ),
        "encoder": lambda: Model(
            [Encoder(E, 2, 2, 7, F.leaky_relu, "candidate", ("history",), ("item",))], width + E
        ),
        "encoder_mean": lambda: Model(
            [
                Encoder(E + 3, 7, 1, 5, F.silu, "mean", both, positions=False),
                Encoder(E, 1, 1, 16, F.leaky_relu, "mean", ("history",)),
            ],
            width + 2 * E + 3,
        ),
        "encoder_all": lambda: Model(
            [Encoder(E, 4, 1, 9, F.gelu, "all", ("history",), ("item",))], width + (L + 1) * E
        ),
        "gated_cross": lambda: Model([Gated(width, 2, 1, True), Gated(2 * width, 0, 2, False)], 2 * width),
        "pairs": lambda: Model(
            [Pairs("user", "item"), Pairs("item", "user", "x2"), Pairs("place", "x0")],
            width - 2 + E + 3 + 1 + 3 + 1,
            Numbers(x2=(2, E), x0=(1, 3)),
        ),
        "mask_net": lambda: Model(
            [
                MaskNet(width, {"user": E, "item": E, "place": 3}, 2, 6, 2 * width, False, True),
                MaskNet(width + 12, {"user": E, "item": E, "place": 3}, 3, 7, 5, True, False),
            ],
            7,
        ),
        "wide": lambda: Model([Machine("user", "item"), Wide(width + E)], width + E),
        "wide_exclusive": lambda: Model([Wide(3 + E, "place", "user", exclusive=True), Wide(E, "item")], width - 3 - E),
        "bilinear": lambda: Model(
            [Bilinear("user", "item", "x2"), Bilinear("item", "x2", "user", pairs=True), Bilinear("place", "x0")],
            width - 2 + E + 3 + 6 * E + 3,
            Numbers(x2=(2, E), x0=(1, 3)),
        ),
        "field_attention": lambda: Model(
            [FieldAttention(E, ("user", "x2", "item"), 2, 2, E), FieldAttention(3, ("x0", "place"), 1, 3, 6)],
            width - 2 + E + 3 + 3 * E + 2 * 6,
            Numbers(x2=(2, E), x0=(1, 3)),
        ),
        "cin": lambda: Model(
            [
                CompressedInteraction(("user", "x2", "item"), (5, 9, 2), lambda z: z),
                CompressedInteraction(("item", "user"), (8,), torch.relu),
                CompressedInteraction(("place", "x0"), (3,), tanh),
            ],
            width - 2 + E + 3 + 16 + 8 + 3,
            Numbers(x2=(2, E), x0=(1, 3)),
        ),
        "final_mlp": lambda: Model(
            [FinalMLP(Stream(width, (9, 4), ("user", "place"), (E + 3, 6)), Stream(width, (6,), (), (16, 6)), 2)],
            4 + 6 + 6,
        ),
        "ungated_final_mlp": lambda: Model(
            [FinalMLP(Stream(width, (4,), (), ()), Stream(width, (7, 9), (), ()), 1)], 4 + 9 + 9
        ),
        "numbers": lambda: Model(
            [Machine("user", "x2", "x1"), Gate(("user", "x2", "x0"), 1, gate)],
            width - 3 + E + E + 3 + E,
            Numbers(x2=Periodic(2, E, 5), x0=AutoDis(3, 3, 4, 0.5, 0.3), x1=(2, E)),
        ),
        "evolution": lambda: Model(
            [
                Evolution(E + 3, (6,), both, ("item", "place")),
                Evolution(E, (5, 4), ("history",), ("item",)),
            ],
            width + 2 * E + 3,
        ),
    }
    write_all(cases, write, 300)


if __name__ == "__main__":
    main()
