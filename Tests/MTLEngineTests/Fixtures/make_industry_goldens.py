"""Write the PyTorch goldens of ways of sharing that large sellers' own configurations have, in the format of scenario_*.

Every model is the paper's formulas, written out task by task and expert by expert.
"""

from functools import partial

import torch
from make_graph_goldens import D, S, TASKS, Stack, heads, mix, write_all
from make_scenario_goldens import ROWS, of, vectors, write
from torch import nn

OWNERS = (*TASKS, "shared")
# The engine goes through the tasks grouped by equal heads.
ORDER = ("click", "buy", "spend")


class STEM(nn.Module):
    """A table per task beside the shared one; a gate sees all experts, and detaches the other tasks'."""

    def __init__(self, own, shared):
        super().__init__()
        width = D + sum(shape[1] for shape in ROWS.values())
        self.embeddings = nn.ModuleDict(
            {o: nn.ModuleDict({name: nn.Embedding(*shape) for name, shape in ROWS.items()}) for o in OWNERS}
        )
        counts = {o: shared if o == "shared" else own for o in OWNERS}
        self.experts = nn.ModuleDict({o: nn.ModuleList(Stack(width, 6, 5) for _ in range(counts[o])) for o in OWNERS})
        self.gates = nn.ModuleDict({t: Stack(width, 4, own * len(TASKS) + shared, plain=1) for t in TASKS})
        self.heads = heads(5)

    def forward(self, x, s, ids):
        inputs = {
            o: torch.cat([x] + [self.embeddings[o][name](ids[name]) for name in ROWS], dim=1) for o in OWNERS
        }
        outputs = {o: [expert(inputs[o]) for expert in self.experts[o]] for o in OWNERS}
        logits = []
        for t in TASKS:
            others = [expert.detach() for u in ORDER if u != t for expert in outputs[u]]
            gate = self.gates[t](inputs[t] + inputs["shared"])
            logits.append(self.heads[t](mix(gate, outputs[t] + outputs["shared"] + others)))
        return logits


class View(nn.Module):
    """Two low-rank gates of 2 sigmoid, weighed by a softmax, scale what an expert reads."""

    def __init__(self, width, rank):
        super().__init__()
        self.down = nn.ModuleList(nn.Linear(width, rank, bias=False) for _ in range(2))
        self.up = nn.ModuleList(nn.Linear(rank, width, bias=False) for _ in range(2))
        self.gate = Stack(width, 2, plain=1)

    def forward(self, x):
        weights = torch.softmax(self.gate(x), dim=1)
        gates = [2 * torch.sigmoid(up(down(x))) for down, up in zip(self.down, self.up, strict=True)]
        return x * sum(weights[:, i : i + 1] * gates[i] for i in range(2))


class NormedLinear(nn.Linear):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, x):
        return nn.functional.silu(self.norm(super().forward(x)))


class Expert(nn.Module):
    """SiLU of batch norm of a linear layer, twice, over a view of its own; layers are named by their numbers."""

    def __init__(self, width, rank=None):
        super().__init__()
        self.add_module("0", NormedLinear(width, 6))
        self.add_module("1", NormedLinear(6, 5))
        if rank:
            self.view = View(width, rank)

    def forward(self, x):
        x = self.view(x) if hasattr(self, "view") else x
        return getattr(self, "1")(getattr(self, "0")(x))


class Mixed(nn.Module):
    """A gate over what is seen, and the self gate over the own experts."""

    def __init__(self, width, seen, own_width, own):
        super().__init__()
        self.gate, self.self = Stack(width, seen, plain=1), Stack(own_width, own, plain=1)

    def forward(self, x, seen, own_x, own):
        z = self.self(own_x)
        share = torch.sigmoid(z) if len(own) == 1 else torch.softmax(z, dim=1)
        return mix(self.gate(x), seen) + sum(share[:, i : i + 1] * expert for i, expert in enumerate(own))


class HoME(nn.Module):
    def __init__(self, groups, shared, grouped, own, views=True):
        super().__init__()
        self.groups = groups
        names = sorted(groups)
        self.group_of = {t: g for g in names for t in groups[g]}
        ranks = (D // 2, 5 // 2) if views else (None, None)

        def experts(count, width, rank):
            return nn.ModuleList(Expert(width, rank) for _ in range(count))

        self.meta = nn.Module()
        self.meta.experts = nn.Module()
        self.meta.experts.shared = experts(shared, D, ranks[0])
        self.meta.experts.groups = nn.ModuleDict({g: experts(grouped, D, ranks[0]) for g in names})
        self.experts = nn.Module()
        self.experts.shared = experts(shared, 5, ranks[1])
        self.experts.groups = nn.ModuleDict({g: experts(grouped, 5, ranks[1]) for g in names})
        self.experts.tasks = nn.ModuleDict({t: experts(own, 5, ranks[1]) for t in TASKS})
        parts = {g: Mixed(D, shared + grouped, D, grouped) for g in names}
        parts["shared"] = Mixed(D, shared + len(names) * grouped, D, shared)
        self.meta.gates = nn.ModuleDict({name: part.gate for name, part in parts.items()})
        self.meta.self = nn.ModuleDict({name: part.self for name, part in parts.items()})
        upper = {t: Mixed(10, shared + grouped + own, 5, own) for t in TASKS}
        self.gates = nn.ModuleDict({t: part.gate for t, part in upper.items()})
        self.self = nn.ModuleDict({t: part.self for t, part in upper.items()})
        # Modules under two names would be written twice.
        self.parts = (parts, upper)
        self.heads = heads(5)

    def forward(self, x, s, ids):
        parts, upper = self.parts
        shared = [expert(x) for expert in self.meta.experts.shared]
        grouped = {g: [expert(x) for expert in of_group] for g, of_group in self.meta.experts.groups.items()}
        z = {g: parts[g](x, shared + grouped[g], x, grouped[g]) for g in grouped}
        every = shared + [expert for g in sorted(grouped) for expert in grouped[g]]
        z_shared = parts["shared"](x, every, x, shared)
        above = [expert(z_shared) for expert in self.experts.shared]
        of_groups = {g: [expert(z[g]) for expert in of_group] for g, of_group in self.experts.groups.items()}
        logits = []
        for t in TASKS:
            g = self.group_of[t]
            own = [expert(z[g]) for expert in self.experts.tasks[t]]
            seen = torch.cat([z[g], z_shared], dim=1)
            logits.append(self.heads[t](upper[t](seen, above + of_groups[g] + own, z[g], own)))
        return logits


class HiNet(nn.Module):
    def __init__(self, shared, own):
        super().__init__()
        def each(make):
            result = nn.Module()
            result.shared = make(shared)
            result.scenarios = nn.ModuleList(make(own) for _ in range(S))
            return result

        self.experts = each(lambda count: nn.ModuleList(Stack(D, 6, 5) for _ in range(count)))
        self.gates = each(lambda count: Stack(D, 4, count, plain=1))
        self.transfer = nn.Module()
        self.transfer.scenarios = vectors(S, 2)
        self.transfer.gate = Stack(2, 4, S, plain=1)
        self.levels = nn.ModuleList([nn.Module()])
        level = self.levels[0]
        level.experts = nn.ModuleDict({t: nn.ModuleList([Stack(15, 4) for _ in range(2)]) for t in TASKS})
        level.experts["shared"] = nn.ModuleList([Stack(15, 4)])
        level.gates = nn.ModuleDict({t: Stack(15, 4, 3, plain=1) for t in TASKS})
        self.heads = heads(4)

    def forward(self, x, s, ids):
        def read(experts, gate):
            return mix(gate(x), [expert(x) for expert in experts])

        common = read(self.experts.shared, self.gates.shared)
        domains = torch.stack(
            [read(e, g) for e, g in zip(self.experts.scenarios, self.gates.scenarios, strict=True)], dim=1
        )
        mine = nn.functional.one_hot(s, S).double()
        weights = torch.softmax(self.transfer.gate(of(self.transfer.scenarios, s)), dim=1) * (1 - mine)
        parts = [common, (mine[:, :, None] * domains).sum(dim=1), (weights[:, :, None] * domains).sum(dim=1)]
        h = torch.cat(parts, dim=1)
        level = self.levels[0]
        shared = [expert(h) for expert in level.experts["shared"]]
        return [
            self.heads[t](mix(level.gates[t](h), [expert(h) for expert in level.experts[t]] + shared)) for t in TASKS
        ]


class M2M(nn.Module):
    def __init__(self, has_field, unit_depth, tower_depth):
        super().__init__()
        self.has_field = has_field
        self.embeddings = nn.ModuleDict({name: nn.Embedding(*shape) for name, shape in ROWS.items()})
        width = D + sum(shape[1] for shape in ROWS.values())
        self.scenario = nn.Module()
        self.scenario.scenarios = vectors(S, 2)
        view = 2 + (ROWS["user"][1] if has_field else 0)
        if has_field:
            self.scenario.network = Stack(view, 4)
            view = 4
        self.experts = nn.ModuleList(Stack(width, 6, 5) for _ in range(3))
        self.tasks = nn.ParameterDict({t: nn.Parameter(torch.randn(2)) for t in TASKS})
        self.attention = nn.ModuleDict()
        self.meta = nn.ModuleDict()
        for t in TASKS:
            self.attention[t] = nn.ModuleList(nn.Linear(view, 7 * 7 + 7) for _ in range(unit_depth))
            self.attention[t].score = nn.Parameter(torch.randn(7))
            self.meta[t] = nn.ModuleList(nn.Linear(view, 5 * 5 + 5) for _ in range(tower_depth))
        self.heads = heads(5)

    def forward(self, x, s, ids):
        user = self.embeddings["user"](ids["user"])
        x = torch.cat([x, user, self.embeddings["item"](ids["item"])], dim=1)
        view = of(self.scenario.scenarios, s)
        if self.has_field:
            view = self.scenario.network(torch.cat([user, view], dim=1))
        experts = [expert(x) for expert in self.experts]

        def unit(generator, v):
            n = v.shape[1]
            generated = generator(view)
            return torch.tanh(torch.einsum("bi,bij->bj", v, generated[:, : n * n].reshape(-1, n, n)) + generated[:, n * n :])

        logits = []
        for t in TASKS:
            scores = []
            for expert in experts:
                h = torch.cat([expert, self.tasks[t].expand(len(x), 2)], dim=1)
                for generator in self.attention[t]:
                    h = unit(generator, h)
                scores.append(h @ self.attention[t].score)
            h = mix(torch.stack(scores, dim=1), experts)
            for generator in self.meta[t]:
                h = torch.tanh(unit(generator, h) + h)
            logits.append(self.heads[t](h))
        return logits


def orthonormal(matrix):
    """The rows orthogonalised in order, each in the direction of what was left of it."""
    q, r = torch.linalg.qr(matrix.T)
    return (q * torch.sign(torch.diagonal(r))).T


class DC2VR(nn.Module):
    """click <- nothing, spend <- click, buy <- click and spend, whose mean it is moved by."""

    parents = {"spend": ("click",), "buy": ("click", "spend")}

    def __init__(self):
        super().__init__()
        self.trunk = Stack(D, 6)
        self.networks = nn.ModuleDict({t: Stack(6, 6, 5) for t in TASKS})
        self.interventions = nn.ModuleDict()
        for t in self.parents:
            part = nn.Module()
            part.base = nn.Parameter(orthonormal(torch.randn(2, 5)))
            part.source = nn.Parameter(orthonormal(torch.randn(2, 5)))
            self.interventions[t] = part
        self.heads = heads(5)

    def forward(self, x, s, ids):
        shared = self.trunk(x)
        h = {t: self.networks[t](shared) for t in TASKS}
        for t, parents in self.parents.items():
            source = sum(h[p] for p in parents).detach() / len(parents)
            part = self.interventions[t]
            h[t] = h[t] + (h[t] @ part.base.T - source @ part.source.T) @ part.base
        return [self.heads[t](h[t]) for t in TASKS]

    def alternate(self, step):
        with torch.no_grad():
            for part in self.interventions.values():
                for matrix in (part.base, part.source):
                    matrix.copy_(orthonormal(matrix))


class AdaSparse(nn.Module):
    """The units of a shared network, each weighed or cut for the row's scenario ever more sharply."""

    scale, threshold, limit, rise = 2.0, 0.8, 2.0, 0.375

    def __init__(self):
        super().__init__()
        self.embeddings = nn.ModuleDict({name: nn.Embedding(*shape) for name, shape in ROWS.items()})
        width = D + sum(shape[1] for shape in ROWS.values())
        self.domain = nn.Module()
        self.domain.scenarios = vectors(S, 2)
        self.trunk = nn.ModuleList([nn.Linear(width, 6), nn.Linear(6, 5)])
        self.pruners = nn.ModuleList([nn.Linear(5 + 6, 6), nn.Linear(5 + 5, 5)])
        for pruner in self.pruners:
            pruner.register_buffer("sharpness", torch.tensor([0.5], dtype=torch.float64))
        self.heads = heads(5)

    def forward(self, x, s, ids):
        user = self.embeddings["user"](ids["user"])
        domain = torch.cat([user, of(self.domain.scenarios, s)], dim=1)
        h = torch.cat([x, user, self.embeddings["item"](ids["item"])], dim=1)
        for layer, pruner in zip(self.trunk, self.pruners, strict=True):
            h = torch.tanh(layer(h))
            v = self.scale * torch.sigmoid(pruner.sharpness * pruner(torch.cat([domain, h], dim=1)))
            h = h * torch.where(v > self.threshold, v, 0.0)
        return [self.heads[t](h) for t in TASKS]

    def alternate(self, step):
        for pruner in self.pruners:
            pruner.sharpness.copy_((pruner.sharpness + self.rise).clamp(max=self.limit))


def main():
    groups = {"visits": ("click",), "orders": ("spend", "buy")}
    cases = {
        "stem": lambda: STEM(1, 1),
        "stem_many": lambda: STEM(2, 3),
        "home": lambda: HoME(groups, 2, 1, 1),
        "home_many": lambda: HoME(groups, 1, 2, 3),
        "home_plain": lambda: HoME({"all": TASKS}, 1, 1, 1, views=False),
        "hinet": lambda: HiNet(2, 3),
        "m2m": lambda: M2M(False, 1, 1),
        "m2m_deep": lambda: M2M(True, 2, 2),
        "dc2vr": DC2VR,
        "adasparse": AdaSparse,
    }
    write_all(cases, partial(write, family="industry"), 700)


if __name__ == "__main__":
    main()
