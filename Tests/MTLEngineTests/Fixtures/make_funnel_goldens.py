"""Write the PyTorch goldens of the funnels, in float64: one batch's logits, losses and gradients; README.md gives the format.

click -> cart -> buy is the funnel; spend is no part of it (but of DBMTL's). Letters: B batch, D inputs.
"""

from functools import partial

from make_graph_goldens import Stack, keep, mix, write_all  # first: it fixes what PyTorch computes with

import torch
import torch.nn.functional as F
from torch import nn

B, D = 23, 7
TASKS = ("click", "spend", "buy", "cart")
WEIGHTS = {"click": 0.6, "spend": 0.3, "buy": 1.1, "cart": 0.8}
BEFORE = {"cart": "click", "buy": "cart"}


def tower(task, width):
    """spend and buy have no layers of their own."""
    return Stack(width, 1, plain=1) if task in ("spend", "buy") else Stack(width, 4, 1, plain=1)


def heads(width):
    return nn.ModuleDict({task: tower(task, width) for task in TASKS})


def log_loss(p, y):
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p))


class Experts(nn.Module):
    """Three experts over x, and a gate for every name: one mixture each."""

    def __init__(self, width, names):
        super().__init__()
        self.experts = nn.ModuleList(Stack(width, 5) for _ in range(3))
        self.gates = nn.ModuleDict({name: Stack(width, 4, 3, plain=1) for name in names})

    def forward(self, x):
        experts = [expert(x) for expert in self.experts]
        return {name: mix(gate(x), experts) for name, gate in self.gates.items()}


class Shared(nn.Module):
    """No experts: everybody reads x."""

    def __init__(self, names):
        super().__init__()
        self.names = names

    def forward(self, x):
        return {name: x for name in self.names}


def imputation(task):
    return f"imputations_{task}"


class ESMM(nn.Module):
    def __init__(self, has_experts=False):
        super().__init__()
        self.trunk = Stack(D, 6)
        names = self.names()
        self.mixed = Experts(6, names) if has_experts else Shared(names)
        self.heads = heads(5 if has_experts else 6)

    def names(self):
        return TASKS

    def towers(self, x):
        h = self.mixed(self.trunk(x))
        return h, {t: self.heads[t](h[t])[:, 0] for t in TASKS}

    def forward(self, x):
        _, own = self.towers(x)
        p = {"click": torch.sigmoid(own["click"])}
        for task, before in BEFORE.items():
            p[task] = p[before] * torch.sigmoid(own[task])
        return {t: own[t] if t == "spend" else torch.logit(p[t]) for t in TASKS}

    def penalty(self, x, labels, logits):
        return x.new_zeros(())


class IPS(ESMM):
    """Half the mean of the conversion's log loss over observed rows, one over the propensity each, at most 4."""

    largest = 4.0

    def rows(self, x, labels, logits, task):
        _, own = self.towers(x)
        p = torch.sigmoid(own[task])
        o, y = labels[BEFORE[task]], labels[task]
        known = ~torch.isnan(o) & ~((o == 1) & torch.isnan(y))
        q = torch.sigmoid(logits[BEFORE[task]]).detach()
        count = known.sum()
        loss = torch.where(o == 1, log_loss(p, torch.nan_to_num(y)), torch.zeros_like(p))
        weight = torch.where(o == 1, torch.clamp(1 / q, max=self.largest), torch.zeros_like(p))
        return loss, weight, known, count

    def penalty(self, x, labels, logits):
        total = x.new_zeros(())
        for task in BEFORE:
            loss, weight, known, count = self.rows(x, labels, logits, task)
            total = total + 0.5 * (weight * loss)[known].sum() / count
        return total


class DR(IPS):
    def __init__(self, has_experts=False):
        super().__init__(has_experts)
        self.imputations = nn.ModuleDict({t: tower(t, 5 if has_experts else 6) for t in BEFORE})

    def names(self):
        return (*TASKS, *(imputation(t) for t in BEFORE))

    def penalty(self, x, labels, logits):
        total = x.new_zeros(())
        h = self.mixed(self.trunk(x))
        for task in BEFORE:
            loss, weight, known, count = self.rows(x, labels, logits, task)
            guess = F.softplus(self.imputations[task](h[imputation(task)])[:, 0])
            error = loss - guess
            # The square fits the imputation to the loss, not the loss to the imputation.
            miss = loss.detach() - guess
            total = total + 0.5 * (guess + weight * error + weight * miss**2)[known].sum() / count
        return total


class Attention(nn.Module):
    """Own and transferred information attend to themselves."""

    def __init__(self, d):
        super().__init__()
        self.query, self.key, self.value = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d)

    def forward(self, own, passed):
        u = torch.stack([own, passed], dim=1)
        score = (self.query(u) * self.key(u)).sum(2) / u.shape[2] ** 0.5
        return (torch.softmax(score, dim=1).unsqueeze(2) * self.value(u)).sum(1)


class AITM(nn.Module):
    def __init__(self, has_experts=False):
        super().__init__()
        self.mixed = Experts(D, TASKS) if has_experts else Shared(TASKS)
        self.networks = nn.ModuleDict({t: Stack(5 if has_experts else D, 6, 5) for t in TASKS})
        self.transfers = nn.ModuleDict({t: nn.Linear(5, 5) for t in BEFORE})
        self.attention = nn.ModuleDict({t: Attention(5) for t in BEFORE})
        self.heads = heads(5)

    def forward(self, x):
        h = self.mixed(x)
        z = {t: self.networks[t](h[t]) for t in TASKS}
        for task, before in BEFORE.items():
            z[task] = self.attention[task](z[task], torch.relu(self.transfers[task](z[before])))
        return {t: self.heads[t](z[t])[:, 0] for t in TASKS}

    def penalty(self, x, labels, logits):
        p = {t: torch.sigmoid(z) for t, z in logits.items()}
        return 0.6 * sum(torch.relu(p[task] - p[before]).mean() for task, before in BEFORE.items())


class ResFlow(nn.Module):
    def __init__(self):
        super().__init__()
        self.networks = nn.ModuleDict({t: Stack(D, 6, 5) for t in TASKS})
        self.heads = heads(5)

    def forward(self, x):
        inner, logits = {}, {}
        for task in ("spend", "click", "cart", "buy"):
            h, hidden = x, []
            before = BEFORE.get(task)
            for depth, layer in enumerate(self.networks[task]):
                h = torch.tanh(layer(h))
                if before:
                    h = h + inner[before][depth]
                hidden.append(h)
            inner[task] = hidden
            logits[task] = self.heads[task](h)[:, 0] + (logits[before] if before else 0)
        return logits

    def penalty(self, x, labels, logits):
        return x.new_zeros(())


class DBMTL(nn.Module):
    needs = {"click": (), "cart": ("click",), "buy": ("click", "cart"), "spend": ("buy",)}

    def __init__(self, has_experts=False):
        super().__init__()
        self.trunk = Stack(D, 8)
        self.mixed = Experts(8, TASKS) if has_experts else Shared(TASKS)
        self.networks = nn.ModuleDict({t: Stack(5 if has_experts else 8, 5) for t in TASKS})
        self.relations = nn.ModuleDict({t: Stack(5 + 3 * len(n), 3) for t, n in self.needs.items()})
        self.heads = heads(3)

    def forward(self, x):
        h, r = self.mixed(self.trunk(x)), {}
        for task, needs in self.needs.items():
            own = self.networks[task](h[task])
            r[task] = self.relations[task](torch.cat([own] + [r[n] for n in needs], dim=1))
        return {t: self.heads[t](r[t])[:, 0] for t in TASKS}

    def penalty(self, x, labels, logits):
        return x.new_zeros(())


def named(key):
    """The engine's name of a parameter: a module's name holds no dot."""
    return key.removeprefix("mixed.").replace("gates.imputations_", "gates.imputations.")


def write(name, make, seed):
    torch.manual_seed(seed)
    model = make()
    x = torch.randn(B, D)
    click = (x[:, 0] + torch.randn(B) > -0.5).double()
    cart = click * (x[:, 1] + torch.randn(B) > -0.5)
    labels = {
        "click": click,
        "spend": x[:, 1] * 2 + torch.randn(B),
        "buy": cart * (x[:, 2] + torch.randn(B) > -0.5),
        "cart": cart,
    }
    for task in TASKS:
        labels[task][torch.rand(B) < 0.2] = float("nan")
    tensors = {"x": x, "labels": torch.stack([labels[t] for t in TASKS], dim=1)}
    tensors |= {f"initial/{named(key)}": value.detach().clone() for key, value in model.state_dict().items()}
    logits = model(x)
    losses = []
    for task in TASKS:
        known = ~torch.isnan(labels[task])
        z, y = logits[task][known], labels[task][known]
        losses.append(F.mse_loss(z, y) if task == "spend" else F.binary_cross_entropy_with_logits(z, y))
    penalty = model.penalty(x, labels, logits)
    (sum(WEIGHTS[t] * value for t, value in zip(TASKS, losses)) + penalty).backward()
    tensors |= {f"logits/{t}": logits[t].detach() for t in TASKS}
    tensors |= {"task_losses": torch.stack(losses).detach(), "penalty": penalty.detach().reshape(1)}
    tensors |= {f"gradient/{named(key)}": value.grad for key, value in model.named_parameters()}
    keep(f"funnel_{name}", tensors)


def main():
    cases = {"esmm": ESMM, "ips": IPS, "dr": DR, "aitm": AITM, "resflow": ResFlow, "dbmtl": DBMTL}
    over = {"esmm": ESMM, "dr": DR, "aitm": AITM, "dbmtl": DBMTL}
    cases |= {f"{name}_experts": partial(make, has_experts=True) for name, make in over.items()}
    write_all(cases, write, 200)


if __name__ == "__main__":
    main()
