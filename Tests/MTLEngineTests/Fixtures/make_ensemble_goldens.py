"""Write the PyTorch goldens of packed ensembles (TabM-mini, arXiv 2410.24210), all in float64; README.md gives the format.

k = 4 members share every matrix but factors of the features and the heads' last layers. Each has its own loss, of which the
mean is trained; logits are those of the members' mean probability, of a regression the mean. The data and the file's names
are make_graph_goldens.py's, whose helpers are used; what differs is that there are 30 steps.
"""

import torch
import torch.nn.functional as F
from make_graph_goldens import BATCHES, D, TASKS, WEIGHTS, B, Stack, keep, losses, mix, named, state, write_all
from torch import nn

K, STEPS = 4, 30


class Member(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.randint(0, 2, (D,)) * 2.0 - 1)


class Head(nn.ModuleDict):
    """A tower of tanh where there is one, and below the logit a layer per member."""

    def __init__(self, width, tower):
        super().__init__({"0": nn.Linear(width, tower)} if tower else {})
        self.last = "1" if tower else "0"
        layers = nn.ModuleList(nn.Linear(tower or width, 1) for _ in range(K))
        self[self.last] = nn.ModuleDict({"members": layers})

    def forward(self, h, member):
        if self.last == "1":
            h = torch.tanh(self["0"](h))
        return self[self.last]["members"][member](h)


class Ensemble(nn.Module):
    def __init__(self):
        super().__init__()
        self.ensemble = nn.ModuleList(Member() for _ in range(K))
        self.heads = nn.ModuleDict({t: Head(5, 0 if t == "spend" else 4) for t in TASKS})

    def forward(self, x):
        """Per member the tasks' logits."""
        return [
            [self.heads[t](h, m) for t, h in zip(TASKS, self.below(x * member.scale))]
            for m, member in enumerate(self.ensemble)
        ]


class Shared(Ensemble):
    def __init__(self):
        super().__init__()
        self.trunk = Stack(D, 6, 5)

    def below(self, x):
        return [self.trunk(x)] * len(TASKS)


class MMoE(Ensemble):
    def __init__(self):
        super().__init__()
        self.experts = nn.ModuleList(Stack(D, 6, 5) for _ in range(3))
        self.gates = nn.ModuleDict({task: Stack(D, 4, 3, plain=1) for task in TASKS})

    def below(self, x):
        experts = [expert(x) for expert in self.experts]
        return [mix(self.gates[t](x) / 2, experts) for t in TASKS]


def together(logits):
    """The logits of the members' mean."""
    answers = []
    for task, z in zip(TASKS, zip(*logits)):
        z = torch.stack(z)
        if task == "spend":
            answers.append(z.mean(dim=0))
        else:
            answers.append(torch.logsumexp(F.logsigmoid(z), 0) - torch.logsumexp(F.logsigmoid(-z), 0))
    return answers


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
    tensors = {"x": x, "labels": labels} | state("initial", model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, foreach=False)
    for step in range(STEPS):
        rows = slice(step % BATCHES * B, (step % BATCHES + 1) * B)
        logits = model(x[rows])
        values = torch.stack([torch.stack(losses(z, labels[rows])) for z in logits]).mean(dim=0)
        optimizer.zero_grad(set_to_none=False)
        sum(weight * value for weight, value in zip(WEIGHTS, values)).backward()
        if step == 0:
            tensors |= {f"logits/{t}": z.detach().clone() for t, z in zip(TASKS, together(logits))}
            tensors["task_losses"] = values.detach()
            tensors |= named("gradient", model, lambda p: p.grad.clone())
        optimizer.step()
    tensors |= state("final", model)
    tensors |= {f"answers/{t}": z.detach() for t, z in zip(TASKS, together(model(x)))}
    keep(f"ensemble_{name}", tensors)


def main():
    write_all({"shared": Shared, "mmoe": MMoE}, write, 900)


if __name__ == "__main__":
    main()
