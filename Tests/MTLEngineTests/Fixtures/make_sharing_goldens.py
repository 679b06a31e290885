"""Write the PyTorch goldens of soft sharing, subspaces and experts, all in float64; README.md gives the format.

The pattern, the data and the file's names are make_graph_goldens.py's, whose helpers are used; what differs is that a
model may have a penalty in its loss and an update between steps.
"""

import torch
import torch.nn.functional as F
from make_graph_goldens import BATCHES, D, TASKS, B, Stack, Weight, heads, keep, mix, state, train, write_all
from torch import nn

T = len(TASKS)
# Neighbours have equal heads: the order of blocks.
ORDER = ("click", "buy", "spend")


class Model(nn.Module):
    def penalty(self):
        return torch.zeros(())

    def alternate(self, step):
        pass


def flat(layer):
    return torch.cat([layer.weight.reshape(-1), layer.bias])


class Soft(Model):
    def __init__(self, distance):
        super().__init__()
        self.distance = distance
        self.networks = nn.ModuleDict({t: Stack(D, 6, 5) for t in TASKS})
        self.heads = heads(5)
        if distance == "covariance":
            for depth in range(2):
                self.register_buffer(f"covariance{depth}", torch.eye(T) / T)

    def stacked(self, depth):
        return torch.stack([flat(self.networks[t][depth]) for t in TASKS], dim=1)

    def penalty(self):
        total = torch.zeros(())
        for depth in range(2):
            w = self.stacked(depth)
            if self.distance == "pairwise":
                total = total + sum(((w[:, i] - w[:, j]) ** 2).sum() for i in range(T) for j in range(i))
            elif self.distance == "mean":
                total = total + ((w - w.mean(dim=1, keepdim=True)) ** 2).sum()
            else:
                omega = getattr(self, f"covariance{depth}")
                total = total + torch.trace(w @ torch.linalg.inv(omega) @ w.T)
        return 0.01 * total

    def alternate(self, step):
        if self.distance != "covariance" or step % 2:
            return
        for depth in range(2):
            w = self.stacked(depth).detach()
            values, vectors = torch.linalg.eigh(w.T @ w)
            roots = values.clamp(min=0).sqrt()
            root = vectors @ torch.diag(roots + 1e-3 * roots.mean()) @ vectors.T
            getattr(self, f"covariance{depth}").copy_(root / torch.trace(root))

    def forward(self, x, s):
        return [self.heads[t](self.networks[t](x)) for t in TASKS]


class Separate(Model):
    def __init__(self):
        super().__init__()
        self.networks = nn.ModuleDict({t: Stack(D, 6, 5) for t in TASKS})
        self.heads = heads(5)

    def forward(self, x, s):
        return [self.heads[t](self.networks[t](x)) for t in TASKS]


class Sluice(Model):
    def __init__(self):
        super().__init__()
        self.networks = nn.ModuleDict({t: Stack(D, 6, 6) for t in TASKS})
        self.stitches = nn.ModuleList(
            Weight(torch.full((6, 6), 0.02) + 0.88 * torch.eye(6) + 0.1 * torch.randn(6, 6)) for _ in range(2)
        )
        self.mixtures = nn.ModuleDict({t: Weight(torch.randn(2)) for t in TASKS})
        self.heads = heads(6)

    def penalty(self):
        total = torch.zeros(())
        for t in TASKS:
            for layer in self.networks[t]:
                total = total + ((layer.weight[:3] @ layer.weight[3:].T) ** 2).sum()
        return 0.05 * total

    def forward(self, x, s):
        h, levels = [x, x, x], []
        for depth, stitch in enumerate(self.stitches):
            h = [torch.tanh(self.networks[t][depth](value)) for t, value in zip(ORDER, h)]
            spaces = torch.stack([half for value in h for half in value.split(3, dim=1)])
            mixed = torch.einsum("ij,jbu->ibu", stitch.weight, spaces)
            h = [torch.cat([mixed[2 * k], mixed[2 * k + 1]], dim=1) for k in range(3)]
            levels.append(dict(zip(ORDER, h)))
        return [
            self.heads[t](sum(beta * level[t] for beta, level in zip(self.mixtures[t].weight, levels)))
            for t in TASKS
        ]


class NDDR(Model):
    def __init__(self):
        super().__init__()
        self.networks = nn.ModuleDict({t: Stack(D, 6, 9) for t in TASKS})
        self.fusions = nn.ModuleDict({t: nn.ModuleList([nn.Linear(18, 6, bias=False), nn.Linear(27, 9, bias=False)]) for t in TASKS})
        self.norms = nn.ModuleDict({t: nn.ModuleList([nn.BatchNorm1d(n, momentum=0.05) for n in (6, 9)]) for t in TASKS})
        self.heads = heads(9)

    def forward(self, x, s):
        h = {t: x for t in TASKS}
        for depth in range(2):
            own = {t: torch.tanh(self.networks[t][depth](h[t])) for t in TASKS}
            every = torch.cat([own[t] for t in ORDER], dim=1)
            h = {t: torch.relu(self.norms[t][depth](self.fusions[t][depth](every))) for t in TASKS}
        return [self.heads[t](h[t]) for t in TASKS]


class MTAN(Model):
    def __init__(self):
        super().__init__()
        self.trunk = Stack(D, 6, 5)
        self.attention = nn.ModuleDict(
            {
                t: nn.ModuleList(
                    nn.ModuleList([nn.Linear(inputs, 4), nn.Linear(4, units)])
                    for inputs, units in ((D, 6), (6 + 6, 5))
                )
                for t in TASKS
            }
        )
        self.heads = heads(5)

    def forward(self, x, s):
        below, h = x, {}
        for depth, layer in enumerate(self.trunk):
            p = torch.tanh(layer(below))
            for t in TASKS:
                first, second = self.attention[t][depth]
                u = below if depth == 0 else torch.cat([below, h[t]], dim=1)
                h[t] = torch.sigmoid(second(torch.relu(first(u)))) * p
            below = p
        return [self.heads[t](h[t]) for t in TASKS]


class Delta(nn.Module):
    def __init__(self, inputs, outputs, rank):
        super().__init__()
        self.down = nn.Linear(inputs, rank, bias=False)
        self.up = nn.Linear(rank, outputs)

    def forward(self, x, shared):
        weight = shared.weight + self.up.weight @ self.down.weight
        return F.linear(x, weight, shared.bias + self.up.bias)


class LowRank(Model):
    def __init__(self):
        super().__init__()
        self.shared = nn.ModuleList([nn.Linear(D, 9), nn.Linear(9, 5)])
        self.deltas = nn.ModuleDict({t: nn.ModuleList([Delta(D, 9, 2), Delta(9, 5, 2)]) for t in TASKS})
        self.heads = heads(5)

    def forward(self, x, s):
        outputs = []
        for t in TASKS:
            h = x
            for shared, delta in zip(self.shared, self.deltas[t]):
                h = torch.tanh(delta(h, shared))
            outputs.append(self.heads[t](h))
        return outputs


class TraceNorm(Model):
    """SGD would shrink singular values by rate * weight a step: so do the proximal steps here, under Adam at 1e-2."""

    def __init__(self):
        super().__init__()
        self.networks = nn.ModuleDict({t: Stack(D, 9, 5) for t in TASKS})
        self.heads = heads(5)

    def alternate(self, step):
        if step % 2:
            return
        for depth in range(2):
            layers = [self.networks[t][depth].weight for t in TASKS]
            w = torch.stack([layer.detach().reshape(-1) for layer in layers], dim=1)
            u, values, vt = torch.linalg.svd(w, full_matrices=False)
            w = u @ torch.diag((values - 1e-2 * 20 * 2).clamp(min=0)) @ vt
            for column, layer in enumerate(layers):
                layer.data.copy_(w[:, column].reshape(layer.shape))

    def forward(self, x, s):
        return [self.heads[t](self.networks[t](x)) for t in TASKS]


class Structure(Model):
    def __init__(self):
        super().__init__()
        widths = ((D, 9), (9, 5))
        self.own = nn.ModuleDict({t: nn.ModuleList(nn.Linear(i, o) for i, o in widths) for t in TASKS})
        self.coefficients = nn.ModuleDict(
            {t: nn.ModuleList(nn.Linear(2, o, bias=False) for _, o in widths) for t in TASKS}
        )
        for depth, (inputs, _) in enumerate(widths):
            self.register_buffer(f"map{depth}", torch.linalg.qr(torch.randn(inputs, 2))[0].T.contiguous())
        self.heads = heads(5)

    def weight(self, t, depth):
        return self.own[t][depth].weight + self.coefficients[t][depth].weight @ getattr(self, f"map{depth}")

    def penalty(self):
        return 0.02 * sum((layer.weight**2).sum() for t in TASKS for layer in self.own[t])

    def forward(self, x, s):
        outputs = []
        for t in TASKS:
            h = x
            for depth in range(2):
                h = torch.tanh(F.linear(h, self.weight(t, depth), self.own[t][depth].bias))
            outputs.append(self.heads[t](h))
        return outputs


def smooth_step(z):
    return torch.where(z <= -0.5, 0, torch.where(z >= 0.5, 1, -2 * z**3 + 1.5 * z + 0.5))


class DSelectK(Model):
    """5 experts in 3 bits: three states name none."""

    def __init__(self, per_example):
        super().__init__()
        self.per_example = per_example
        self.experts = nn.ModuleList(Stack(D, 6) for _ in range(5))
        if per_example:
            self.gates = nn.ModuleDict(
                {t: nn.ModuleDict({"bits": nn.Linear(D, 6), "weights": nn.Linear(D, 2)}) for t in TASKS}
            )
            for gate in self.gates.values():
                gate["bits"].weight.data.mul_(0.1)
                gate["bits"].bias.data.mul_(0.5)
        else:
            self.gates = nn.ModuleDict(
                {
                    t: nn.ParameterDict(
                        {"bits": nn.Parameter(0.2 * torch.randn(6)), "weights": nn.Parameter(torch.randn(2))}
                    )
                    for t in TASKS
                }
            )
        self.heads = heads(6)
        self.regularizer = None

    def penalty(self):
        return self.regularizer

    def forward(self, x, s):
        experts = torch.stack([expert(x) for expert in self.experts], dim=1)
        outputs, self.regularizer = [], 0
        for t in TASKS:
            gate = self.gates[t]
            z = gate["bits"](x) if self.per_example else gate["bits"].expand(len(x), 6)
            w = gate["weights"](x) if self.per_example else gate["weights"].expand(len(x), 2)
            on = smooth_step(z.reshape(-1, 2, 3))
            r = torch.stack(
                [
                    torch.stack([on[..., b] if e >> b & 1 else 1 - on[..., b] for b in range(3)]).prod(dim=0)
                    for e in range(5)
                ],
                dim=-1,
            )
            entropy = -(r * torch.log(r + 1e-6)).sum(dim=-1)
            self.regularizer = self.regularizer + (0.1 * entropy + 0.3 / r.sum(dim=-1)).sum(dim=1).mean()
            g = (torch.softmax(w, dim=1)[..., None] * r).sum(dim=1)
            outputs.append(self.heads[t](torch.einsum("be,beh->bh", g, experts)))
        return outputs


class OMoE(Model):
    def __init__(self):
        super().__init__()
        self.experts = nn.ModuleList(Stack(D, 6, 5) for _ in range(3))
        self.gates = nn.ModuleDict({"shared": Stack(D, 3, plain=1)})
        self.heads = heads(5)

    def forward(self, x, s):
        h = mix(self.gates["shared"](x), [expert(x) for expert in self.experts])
        return [self.heads[t](h) for t in TASKS]


def draw(key, column):
    """The engine's draw of column for row 0: 32 bits."""
    whole, half = 2**64 - 1, 2**32 - 1
    mixed = key & whole
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & whole
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & whole
    mixed ^= mixed >> 31
    h = (mixed + column * 0x9E3779B1) & half
    h = (h ^ (h >> 16)) * 0x7FEB352D & half
    h = (h ^ (h >> 15) ^ (mixed >> 32)) * 0x846CA68B & half
    return h ^ (h >> 16)


class SNR(Model):
    """Three sub-networks, then two; hard-concrete gates, drawn anew each step as the engine draws them with seed 0."""

    beta, gamma, zeta = 0.9, -0.1, 1.1

    def __init__(self, transforms):
        super().__init__()
        self.levels = nn.ModuleList([nn.Module(), nn.Module()])
        self.levels[0].networks = nn.ModuleList(Stack(D, 6) for _ in range(3))
        self.levels[1].networks = nn.ModuleList(Stack(6, 5) for _ in range(2))
        self.levels[1].gates = nn.ParameterList(nn.Parameter(torch.randn(3)) for _ in range(2))
        self.gates = nn.ParameterDict({t: nn.Parameter(torch.randn(2)) for t in TASKS})
        if transforms:
            self.levels[1].transforms = nn.ModuleList(nn.ModuleList(nn.Linear(6, 6) for _ in range(3)) for _ in range(2))
            self.transforms = nn.ModuleDict({t: nn.ModuleList(nn.Linear(5, 5) for _ in range(2)) for t in TASKS})
        self.heads = heads(5)
        self.step = 0

    def gate(self, log_alpha, number):
        if self.training:
            key = 0x51ED270B * 0x2545F4914F6CDD1D + self.step + number * 0xD1342543DE82EF95
            u = torch.tensor([(draw(key, column) + 0.5) / 2**32 for column in range(len(log_alpha))])
            s = torch.sigmoid((torch.log(u) - torch.log(1 - u) + log_alpha) / self.beta)
        else:
            s = torch.sigmoid(log_alpha)
        return torch.clamp(s * (self.zeta - self.gamma) + self.gamma, 0, 1)

    def route(self, log_alpha, number, below, transforms):
        if transforms is not None:
            below = [layer(value) for layer, value in zip(transforms, below, strict=True)]
        return sum(z * value for z, value in zip(self.gate(log_alpha, number), below, strict=True))

    def forward(self, x, s):
        first = [network(x) for network in self.levels[0].networks]
        level = self.levels[1]
        trains = hasattr(self, "transforms")
        second = [
            network(self.route(level.gates[i], 1 + i, first, level.transforms[i] if trains else None))
            for i, network in enumerate(level.networks)
        ]
        # Gates are numbered in the engine's order of blocks.
        read = {
            t: self.route(self.gates[t], 3 + place, second, self.transforms[t] if trains else None)
            for place, t in enumerate(ORDER)
        }
        return [self.heads[t](read[t]) for t in TASKS]

    def penalty(self):
        shift = self.beta * torch.log(torch.tensor(-self.gamma / self.zeta))
        every = [*self.levels[1].gates, *self.gates.values()]
        return 0.1 * sum(torch.sigmoid(log_alpha - shift).sum() for log_alpha in every)

    def alternate(self, step):
        self.step = step


def write(name, make, seed):
    torch.manual_seed(seed)
    model = make()
    x = torch.randn(BATCHES * B, D)
    labels = torch.stack(
        [
            (x[:, 0] + torch.randn(len(x)) > 0).double(),
            x[:, 1] * 2 + torch.randn(len(x)),
            (x[:, 2] + torch.randn(len(x)) > 0.5).double(),
        ],
        dim=1,
    )
    labels[torch.rand(labels.shape) < 0.25] = float("nan")

    def states(prefix):
        found = state(prefix, model)
        # A buffer's name has no dot: "covariance0" is the engine's "covariances.0".
        for old, new in (("covariance", "covariances."), ("map", "maps.")):
            for depth in range(2):
                if f"{prefix}/{old}{depth}" in found:
                    suffix = ".weight" if old == "map" else ""
                    found[f"{prefix}/{new}{depth}{suffix}"] = found.pop(f"{prefix}/{old}{depth}")
        return found

    tensors = {"x": x, "scenarios": torch.zeros(len(x)), "labels": labels} | states("initial")
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, foreach=False)
    tensors |= train(
        model, optimizer, labels, lambda rows: model(x[rows], None), penalty=model.penalty, alternate=model.alternate
    )
    tensors |= states("final")
    model.eval()
    tensors |= {f"answers/{t}": z.detach() for t, z in zip(TASKS, model(x, None))}
    keep(f"graph_{name}", tensors)


def main():
    cases = {
        "soft_pairwise": lambda: Soft("pairwise"),
        "soft_mean": lambda: Soft("mean"),
        "soft_covariance": lambda: Soft("covariance"),
        "sluice": Sluice,
        "nddr": NDDR,
        "mtan": MTAN,
        "low_rank": LowRank,
        "trace_norm": TraceNorm,
        "structure": Structure,
        "dselect": lambda: DSelectK(False),
        "dselect_rows": lambda: DSelectK(True),
        "omoe": OMoE,
        "snr": lambda: SNR(False),
        "snr_transforms": lambda: SNR(True),
        "separate": Separate,
    }
    write_all(cases, write, 200)


if __name__ == "__main__":
    main()
