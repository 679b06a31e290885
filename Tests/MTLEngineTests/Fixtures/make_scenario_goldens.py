"""Write the PyTorch goldens of the architectures that know scenarios, in float64; README.md gives the format.

Rows are taken one by one, or by a scenario's mask: slow, and nothing like the engine's tiles. Six steps of SGD, so that
what has no gradient but rounding (a bias in front of a norm) stays where it is.
"""

import torch
from make_graph_goldens import B, BATCHES, D, S, TASKS
from make_graph_goldens import PartitionedNorm, Stack, StarLayer, heads, keep, mix, state, train, write_all
from torch import nn

HEAD_ORDER = ("click", "buy", "spend")
ROWS = {"user": (9, 3), "item": (7, 2)}


class PerScenario(nn.ModuleList):
    """A linear layer for each scenario."""

    def __init__(self, inputs, outputs):
        super().__init__(nn.Linear(inputs, outputs) for _ in range(S))

    def forward(self, x, s):
        return torch.stack([self[int(k)](row) for row, k in zip(x, s)])


def vectors(count, width):
    return nn.ParameterList([nn.Parameter(torch.randn(width)) for _ in range(count)])


def of(vectors, s):
    return torch.stack([vectors[int(k)] for k in s])


class Towers(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = Stack(D, 6)
        self.heads = nn.ModuleDict(
            {
                t: nn.ModuleList([PerScenario(6, 1)] if t == "spend" else [PerScenario(6, 4), PerScenario(4, 1)])
                for t in TASKS
            }
        )

    def forward(self, x, s, ids):
        h = self.trunk(x)
        logits = []
        for t in TASKS:
            z = h
            for depth, layer in enumerate(self.heads[t]):
                z = layer(z if depth == 0 else torch.tanh(z), s)
            logits.append(z)
        return logits


class Auxiliary(nn.Module):
    def __init__(self):
        super().__init__()
        self.scenarios = vectors(S, 3)
        self.hidden = Stack(D + 3, 4)
        self.heads = nn.ModuleDict({t: nn.Linear(4, 1) for t in TASKS})

    def forward(self, x, s):
        h = self.hidden(torch.cat([of(self.scenarios, s), x], dim=1))
        return [self.heads[t](h) for t in TASKS]


class Star(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = PartitionedNorm(D)
        self.star = nn.ModuleList([StarLayer(D, 6), StarLayer(6, 5)])
        self.auxiliary = Auxiliary()
        self.heads = nn.ModuleDict(
            {
                t: nn.ModuleList([StarLayer(5, 1)] if t == "spend" else [StarLayer(5, 4), StarLayer(4, 1)])
                for t in TASKS
            }
        )

    def head(self, t, h, s):
        for layer in self.heads[t][:-1]:
            h = torch.tanh(layer(h, s))
        return self.heads[t][-1](h, s)

    def forward(self, x, s, ids):
        x = self.norm(x, s)
        h = x
        for layer in self.star:
            h = torch.tanh(layer(h, s))
        return [self.head(t, h, s) + extra for t, extra in zip(TASKS, self.auxiliary(x, s))]


class StarShared(Star):
    """Scenarios share the tasks' towers and last layers."""

    def __init__(self):
        super().__init__()
        self.heads = heads(5)

    def head(self, t, h, s):
        return self.heads[t](h)


class Gate(nn.ModuleList):
    def __init__(self, inputs, outputs):
        super().__init__([nn.Linear(inputs, 4), nn.Linear(4, outputs)])

    def forward(self, z):
        return 2 * torch.sigmoid(self[1](torch.relu(self[0](z))))


class PEPNet(nn.Module):
    def __init__(self):
        super().__init__()
        width = D + 5
        self.embeddings = nn.ModuleDict({name: nn.Embedding(*shape) for name, shape in ROWS.items()})
        self.domain = nn.ModuleDict()
        self.domain.scenarios = vectors(S, 2)
        self.epnet = Gate(2 + width, width)
        self.ppnet = nn.ModuleDict({t: nn.ModuleList([Gate(3 + width, 4)]) for t in ("click", "buy")})
        self.heads = heads(width)

    def forward(self, x, s, ids):
        user = self.embeddings["user"](ids["user"])
        x = torch.cat([x, user, self.embeddings["item"](ids["item"])], dim=1)
        x = x * self.epnet(torch.cat([of(self.domain.scenarios, s), x.detach()], dim=1))
        prior = torch.cat([user, x.detach()], dim=1)
        logits = []
        for t in TASKS:
            if t == "spend":
                logits.append(self.heads[t][0](x))
                continue
            h = torch.tanh(self.heads[t][0](x)) * self.ppnet[t][0](prior)
            logits.append(self.heads[t][1](h))
        return logits


class Affine(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(1 + 0.3 * torch.randn(width))
        self.bias = nn.Parameter(0.3 * torch.randn(width))


class SARNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.transform = nn.ModuleList([Affine(D) for _ in range(S)])
        self.experts = nn.ModuleDict(
            {
                "shared": nn.ModuleList([Stack(D, 6, 5) for _ in range(2)]),
                "own": nn.ModuleList([nn.ModuleList([PerScenario(D, 6), PerScenario(6, 5)])]),
            }
        )
        self.gates = nn.ModuleDict({t: Stack(D, 3, plain=1) for t in TASKS})
        self.heads = heads(5)

    def forward(self, x, s, ids):
        x = torch.stack([row * self.transform[int(k)].weight + self.transform[int(k)].bias for row, k in zip(x, s)])
        experts = [expert(x) for expert in self.experts["shared"]]
        for expert in self.experts["own"]:
            h = x
            for layer in expert:
                h = torch.tanh(layer(h, s))
            experts.append(h)
        return [self.heads[t](mix(self.gates[t](x), experts)) for t in TASKS]


class OwnLinear(nn.Module):
    """A linear layer for each scenario, and whatever normalises what they give."""

    def __init__(self, inputs, outputs, norm=None):
        super().__init__()
        for k in range(S):
            self.add_module(str(k), nn.Linear(inputs, outputs))
        if norm:
            self.norm = norm

    def forward(self, x, s):
        return torch.stack([getattr(self, str(int(k)))(row) for row, k in zip(x, s)])


class OwnLayerNorm(nn.Module):
    """Layer norm, its gain and shift, and behind them those of the row's scenario."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(1 + 0.3 * torch.randn(width))
        self.bias = nn.Parameter(0.3 * torch.randn(width))
        for k in range(S):
            self.add_module(str(k), Affine(width))

    def forward(self, x, s):
        unit = nn.functional.layer_norm(x, x.shape[1:], self.weight, self.bias)
        own = [getattr(self, str(int(k))) for k in s]
        return torch.stack([row * one.weight + one.bias for row, one in zip(unit, own)])


class NormedLinear(nn.Linear):
    def __init__(self, inputs, outputs, norm):
        super().__init__(inputs, outputs)
        self.norm = norm

    def forward(self, x):
        return self.norm(super().forward(x))


class M3oE(nn.Module):
    def __init__(self):
        super().__init__()
        self.star = StarLayer(D, 8)
        self.embedding = nn.ModuleList([NormedLinear(8, 8, nn.LayerNorm(8))])
        self.skip = nn.ModuleList([NormedLinear(D, 8, nn.LayerNorm(8))])
        self.experts = nn.ModuleDict(
            {
                "shared": nn.ModuleList([Stack(8, 5) for _ in range(2)]),
                "scenarios": nn.ModuleList([Stack(8, 5) for _ in range(S)]),
                "tasks": nn.ModuleDict({t: Stack(8, 5) for t in TASKS}),
            }
        )
        self.gates = nn.ModuleDict({t: nn.ModuleList([OwnLinear(8, 2)]) for t in TASKS})
        self.fusion = nn.ParameterDict(
            {name: nn.Parameter(torch.randn(1)) for name in ("scenario", "task", "own_scenario", "own_task")}
        )
        self.heads = nn.ModuleDict(
            {
                t: nn.ModuleList(
                    [OwnLinear(5, 1)] if t == "spend" else [OwnLinear(5, 4, OwnLayerNorm(4)), OwnLinear(4, 1)]
                )
                for t in TASKS
            }
        )

    def forward(self, x, s, ids):
        h = torch.relu(self.embedding[0](self.star(x, s))) + torch.relu(self.skip[0](x))
        shared = [expert(h) for expert in self.experts["shared"]]
        domains = torch.stack([expert(h) for expert in self.experts["scenarios"]], dim=1)
        tasks = {t: self.experts["tasks"][t](h) for t in TASKS}
        part = {name: torch.sigmoid(value) for name, value in self.fusion.items()}
        # Per row the shares of all scenarios' experts: its own scenario's, and the rest in equal parts.
        mine = nn.functional.one_hot(s, S).double()
        shares = mine * part["own_scenario"] + (1 - mine) * (1 - part["own_scenario"]) / (S - 1)
        domain = torch.einsum("bd,bdh->bh", shares, domains)
        logits = []
        for t in TASKS:
            others = sum(tasks[u] for u in TASKS if u != t) / (len(TASKS) - 1)
            task = part["own_task"] * tasks[t] + (1 - part["own_task"]) * others
            f = mix(self.gates[t][0](h.detach(), s), shared) + part["scenario"] * domain + part["task"] * task
            for layer in self.heads[t][:-1]:
                f = torch.tanh(layer.norm(layer(f, s), s))
            logits.append(self.heads[t][-1](f, s))
        return logits


class APGLayer(nn.Module):
    def __init__(self, inputs, outputs, condition):
        super().__init__()
        self.down = nn.Linear(inputs, 3, bias=False)
        self.generator = Stack(condition, 4, 9 + outputs, plain=1)
        self.up = nn.Linear(3, outputs, bias=False)

    def forward(self, h, z):
        small, bias = self.generator(z).split([9, self.up.out_features], dim=1)
        return torch.tanh(self.up(torch.bmm(self.down(h)[:, None], small.reshape(-1, 3, 3))[:, 0]) + bias)


class APG(nn.Module):
    """condition: self, group (the user and the scenario) or mix (the scenario, and the layer's own input)."""

    def __init__(self, condition):
        super().__init__()
        self.mode = condition
        width = D
        if condition == "group":
            self.embeddings = nn.ModuleDict({name: nn.Embedding(*shape) for name, shape in ROWS.items()})
            width = D + 5
        if condition != "self":
            self.condition = nn.ModuleDict()
            self.condition.scenarios = vectors(S, 2)
        sizes = {"self": (width, 6), "group": (5, 5), "mix": (2 + width, 2 + 6)}[condition]
        self.layers = nn.ModuleList([APGLayer(width, 6, sizes[0]), APGLayer(6, 5, sizes[1])])
        self.heads = heads(5)

    def forward(self, x, s, ids):
        group = []
        if self.mode == "group":
            user = self.embeddings["user"](ids["user"])
            x = torch.cat([x, user, self.embeddings["item"](ids["item"])], dim=1)
            group = [user]
        if self.mode != "self":
            group.append(of(self.condition.scenarios, s))
        h = x
        for layer in self.layers:
            h = layer(h, torch.cat(group + ([] if self.mode == "group" else [h]), dim=1))
        return [self.heads[t](h) for t in TASKS]


class Adapter(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.down = nn.ModuleList([nn.Linear(width, 3, bias=False), nn.Linear(4, 3, bias=False)])
        self.up = nn.ModuleList([nn.Linear(3, 4), nn.Linear(3, width)])
        self.norm = nn.BatchNorm1d(width)

    def forward(self, h, small):
        a = torch.sigmoid(self.up[0](torch.einsum("bi,bij->bj", self.down[0](h), small)))
        a = self.up[1](torch.einsum("bi,bij->bj", self.down[1](a), small))
        return h + self.norm(a)


class HAMUR(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.ModuleList([OwnLinear(D, 6, PartitionedNorm(6)), OwnLinear(6, 5, PartitionedNorm(5))])
        self.hyper = nn.ModuleList([NormedLinear(D, 4, nn.BatchNorm1d(4)), NormedLinear(4, 9, nn.BatchNorm1d(9))])
        self.adapters = nn.ModuleDict({"1": Adapter(5)})
        self.heads = nn.ModuleDict(
            {
                t: nn.ModuleList([OwnLinear(5, 1)] if t == "spend" else [OwnLinear(5, 4), OwnLinear(4, 1)])
                for t in TASKS
            }
        )

    def forward(self, x, s, ids):
        small = x
        for layer in self.hyper:
            small = torch.tanh(layer(small))
        h = x
        for layer in self.trunk:
            h = torch.tanh(layer.norm(layer(h, s), s))
        h = self.adapters["1"](h, small.reshape(-1, 3, 3))
        logits = []
        for t in TASKS:
            z = h
            for layer in self.heads[t][:-1]:
                z = torch.tanh(layer(z, s))
            logits.append(self.heads[t][-1](z, s))
        return logits


class AdaptDHM(nn.Module):
    """Three rounds of routing move the centres; rows go where x.c is greatest, to star layers up to the logits."""

    def __init__(self):
        super().__init__()
        self.routing = nn.Module()
        self.routing.register_buffer("centres", nn.functional.normalize(torch.randn(3, D), dim=1))
        self.star = nn.ModuleList([StarLayer(D, 6), StarLayer(6, 5)])
        self.heads = nn.ModuleDict(
            {
                t: nn.ModuleList([StarLayer(5, 1)] if t == "spend" else [StarLayer(5, 4), StarLayer(4, 1)])
                for t in TASKS
            }
        )

    def forward(self, x, s, ids):
        centres = self.routing.centres
        for _ in range(3 if self.training else 0):
            r = torch.softmax(x @ centres.T, dim=1)
            centres.copy_(nn.functional.normalize(0.9 * centres + 0.1 * r.T @ x, dim=1))
        k = (x @ centres.T).argmax(dim=1)
        h = x
        for layer in self.star:
            h = torch.tanh(layer(h, k))
        logits = []
        for t in TASKS:
            z = h
            for layer in self.heads[t][:-1]:
                z = torch.tanh(layer(z, k))
            logits.append(self.heads[t][-1](z, k))
        return logits


def write(name, make, seed, family="scenario"):
    torch.manual_seed(seed)
    model = make()
    x = torch.randn(BATCHES * B, D)
    s = torch.randint(0, S, (len(x),))
    ids = {key: torch.randint(0, shape[0], (len(x),)) for key, shape in ROWS.items()}
    labels = torch.stack(
        [
            (x[:, 0] + torch.randn(len(x)) > 0).double(),
            x[:, 1] * 2 + torch.randn(len(x)),
            (x[:, 2] + torch.randn(len(x)) > 0.5).double(),
        ],
        dim=1,
    )
    labels[torch.rand(labels.shape) < 0.25] = float("nan")
    tensors = {"x": x, "scenarios": s.double(), "labels": labels}
    tensors |= {f"ids/{key}": value.double() for key, value in ids.items()}
    tensors |= state("initial", model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, foreach=False)
    tensors |= train(
        model,
        optimizer,
        labels,
        lambda rows: model(x[rows], s[rows], {key: value[rows] for key, value in ids.items()}),
        alternate=getattr(model, "alternate", None),
    )
    tensors |= state("final", model)
    model.eval()
    tensors |= {f"answers/{t}": z.detach() for t, z in zip(TASKS, model(x, s, ids))}
    keep(f"{family}_{name}", tensors)


def main():
    cases = {
        "towers": Towers,
        "star": Star,
        "pepnet": PEPNet,
        "sarnet": SARNet,
        "m3oe": M3oE,
        "apg": lambda: APG("mix"),
        "hamur": HAMUR,
        "adaptdhm": AdaptDHM,
        "apg_embedded": lambda: APG("group"),
        "star_shared": StarShared,
        "apg_self": lambda: APG("self"),
    }
    write_all(cases, write, 200)


if __name__ == "__main__":
    main()
