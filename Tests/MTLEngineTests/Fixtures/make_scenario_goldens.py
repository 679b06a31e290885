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
        self.heads = heads(5)

    def forward(self, x, s, ids):
        x = self.norm(x, s)
        h = x
        for layer in self.star:
            h = torch.tanh(layer(h, s))
        return [self.heads[t](h) + extra for t, extra in zip(TASKS, self.auxiliary(x, s))]


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


class M3oE(nn.Module):
    def __init__(self):
        super().__init__()
        self.star = StarLayer(D, 8)
        self.experts = nn.ModuleDict(
            {
                "shared": nn.ModuleList([Stack(8, 5) for _ in range(2)]),
                "scenario": nn.ModuleList([PerScenario(8, 5)]),
                "tasks": nn.ModuleDict({t: Stack(8, 5) for t in TASKS}),
            }
        )
        self.gates = nn.ModuleDict({t: Stack(8, 2, plain=1) for t in TASKS})
        self.fusion = nn.Module()
        self.fusion.scenario = vectors(S, 3)
        self.fusion.task = vectors(S, 3)
        self.fusion.own = nn.ParameterDict({t: nn.Parameter(torch.randn(1)) for t in TASKS})
        self.heads = heads(5)

    def forward(self, x, s, ids):
        h = torch.relu(self.star(x, s))
        shared = [expert(h) for expert in self.experts["shared"]]
        own = torch.tanh(self.experts["scenario"][0](h, s))
        tasks = {t: self.experts["tasks"][t](h) for t in TASKS}
        scenario_share = torch.sigmoid(of(self.fusion.scenario, s))
        task_share = torch.sigmoid(of(self.fusion.task, s))
        logits = []
        for t in TASKS:
            place = HEAD_ORDER.index(t)
            others = sum(tasks[u] for u in TASKS if u != t) / 2
            share = torch.sigmoid(self.fusion.own[t])
            task = share * tasks[t] + (1 - share) * others
            f = mix(self.gates[t](h), shared)
            f = f + scenario_share[:, place, None] * own + task_share[:, place, None] * task
            logits.append(self.heads[t](f))
        return logits


class APGLayer(nn.Module):
    def __init__(self, inputs, outputs, condition):
        super().__init__()
        self.down = nn.Linear(inputs, 3)
        self.generator = Stack(condition, 4, 9, plain=1)
        self.up = nn.Linear(3, outputs)


class APG(nn.Module):
    def __init__(self, is_embedded=False):
        super().__init__()
        if is_embedded:
            self.embeddings = nn.ModuleDict({name: nn.Embedding(*shape) for name, shape in ROWS.items()})
        width = D + 5 * is_embedded
        self.condition = nn.ModuleDict()
        self.condition.scenarios = vectors(S, 2)
        self.layers = nn.ModuleList([APGLayer(width, 6, 2 + width), APGLayer(6, 5, 2 + width)])
        self.heads = heads(5)

    def forward(self, x, s, ids):
        if hasattr(self, "embeddings"):
            x = torch.cat([x, *(table(ids[name]) for name, table in self.embeddings.items())], dim=1)
        z = torch.cat([of(self.condition.scenarios, s), x.detach()], dim=1)
        h = x
        for layer in self.layers:
            small = layer.generator(z).reshape(-1, 3, 3)
            h = torch.tanh(layer.up(torch.bmm(layer.down(h)[:, None], small)[:, 0]))
        return [self.heads[t](h) for t in TASKS]


class Adapter(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.down = nn.ModuleList([PerScenario(width, 3), PerScenario(4, 3)])
        self.up = nn.ModuleList([PerScenario(3, 4), PerScenario(3, width)])
        self.norm = PartitionedNorm(width)

    def forward(self, h, small, s):
        a = torch.sigmoid(self.up[0](torch.einsum("bi,bij->bj", self.down[0](h, s), small), s))
        a = self.up[1](torch.einsum("bi,bij->bj", self.down[1](a, s), small), s)
        return h + self.norm(a, s)


class HAMUR(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.ModuleList([nn.Linear(D, 6), nn.Linear(6, 5)])
        self.hyper = Stack(D, 4, 9, plain=1)
        self.adapters = nn.ModuleList([Adapter(6), Adapter(5)])
        self.heads = heads(5)

    def forward(self, x, s, ids):
        small = self.hyper(x).reshape(-1, 3, 3)
        h = x
        for layer, adapter in zip(self.trunk, self.adapters):
            h = adapter(torch.tanh(layer(h)), small, s)
        return [self.heads[t](h) for t in TASKS]


class AdaptDHM(nn.Module):
    """Rows go to the nearest of three centres; means of the batch's rows move the centres."""

    def __init__(self):
        super().__init__()
        self.routing = nn.Module()
        self.routing.register_buffer("centres", torch.randn(3, D))
        self.star = nn.ModuleList([StarLayer(D, 6), StarLayer(6, 5)])
        self.heads = heads(5)

    def forward(self, x, s, ids):
        k = torch.cdist(x, self.routing.centres).argmin(dim=1)
        h = x
        for layer in self.star:
            h = torch.tanh(layer(h, k))
        if self.training:
            for c in range(3):
                if (k == c).any():
                    self.routing.centres[c] = 0.9 * self.routing.centres[c] + 0.1 * x[k == c].mean(dim=0)
        return [self.heads[t](h) for t in TASKS]


def write(name, make, seed):
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
        model, optimizer, labels, lambda rows: model(x[rows], s[rows], {key: value[rows] for key, value in ids.items()})
    )
    tensors |= state("final", model)
    model.eval()
    tensors |= {f"answers/{t}": z.detach() for t, z in zip(TASKS, model(x, s, ids))}
    keep(f"scenario_{name}", tensors)


def main():
    cases = {
        "towers": Towers,
        "star": Star,
        "pepnet": PEPNet,
        "sarnet": SARNet,
        "m3oe": M3oE,
        "apg": APG,
        "hamur": HAMUR,
        "adaptdhm": AdaptDHM,
        "apg_embedded": lambda: APG(is_embedded=True),
    }
    write_all(cases, write, 200)


if __name__ == "__main__":
    main()
