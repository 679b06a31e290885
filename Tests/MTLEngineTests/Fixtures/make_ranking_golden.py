"""Writes ranking.safetensors and ranking_jrc.safetensors: models of two tasks that learn the order of rows within groups, in PyTorch
(float64).

Task a: 0.5 log loss + 0.5 mean over the pairs of a group with labels 1 and 0 of softplus(z_0 - z_1). Task b: 0.7 log loss + 0.3 mean over the
groups that have both labels of the mean of -log_softmax(z) of the rows with label 1. Labels of some rows are missing, some rows have no
group. Per batch, over the groups' rows that are in it. In the second model task a has two logits: 0.6 log loss of their softmax +
0.4 mean over the rows with labels y that share a group of -log_softmax over the group's rows of logit y (JRC, arXiv 2208.06164); task b
is weighted for the F-measure with beta 2 (Lin et al., ACL 2018). Versions are in requirements.txt.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

torch.set_default_dtype(torch.float64)
torch.manual_seed(3)
rng = np.random.default_rng(3)
INPUTS, BATCH, BATCHES, STEPS = 5, 41, 3, 30
ROWS = BATCH * BATCHES
x = torch.tensor(rng.normal(size=(ROWS, INPUTS)))
labels = (rng.random((ROWS, 2)) < 0.4).astype(float)
labels[rng.random((ROWS, 2)) < 0.1] = np.nan
groups = np.repeat(np.arange(ROWS), rng.integers(1, 9, ROWS))[:ROWS].astype(float)
groups[rng.random(ROWS) < 0.1] = -1
labels, groups = torch.tensor(labels), torch.tensor(groups)
def runs(group):
    """Neighbouring rows of one group."""
    start = 0
    for row in range(1, len(group) + 1):
        if row == len(group) or group[row] < 0 or group[row] != group[start]:
            yield slice(start, row)
            start = row


def pairwise(z, y, group):
    losses = [
        F.softplus(z[rows][y[rows] == 0][None, :] - z[rows][y[rows] == 1][:, None]).ravel() for rows in runs(group)
    ]
    return torch.cat(losses).mean()


def listwise(z, y, group):
    losses = []
    for rows in runs(group):
        known = ~torch.isnan(y[rows])
        scores, right = z[rows][known], y[rows][known] == 1
        if right.any() and not right.all():
            losses.append(-F.log_softmax(scores, 0)[right].mean())
    return torch.stack(losses).mean()


def own(ranking, share):
    def loss(z, y, group):
        known = ~torch.isnan(y)
        log_loss = F.binary_cross_entropy_with_logits(z[known, 0], y[known])
        return (1 - share) * log_loss + share * ranking(z[:, 0], y, group)

    return loss


def jrc(z, y, group):
    known = ~torch.isnan(y)
    log_loss = F.cross_entropy(z[known], y[known].long())
    losses = []
    for rows in runs(group):
        if rows.stop - rows.start > 1:
            labelled = known[rows]
            scores, right = z[rows][labelled], y[rows][labelled].long()
            losses.append(-F.log_softmax(scores, 0).gather(1, right[:, None]).ravel())
    return 0.6 * log_loss + 0.4 * torch.cat(losses).mean()


def f1(z, y, group, beta=2):
    known = ~torch.isnan(y)
    z, y = z[known, 0], y[known]
    p = torch.sigmoid(z).detach()
    weight = p[y == 1].sum() / (beta**2 * (y == 1).sum() + p[y == 0].sum())
    losses = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    return torch.where(y == 1, losses, weight * losses).mean()


def write(file, task_losses, outputs):
    """Thirty steps of Adam of a model whose tasks have these losses and so many outputs."""
    trunk = torch.nn.Linear(INPUTS, 7)
    heads = {name: torch.nn.Linear(7, count) for name, count in zip(("a", "b"), outputs)}
    parameters = {"trunk.0.weight": trunk.weight, "trunk.0.bias": trunk.bias}
    for name, head in heads.items():
        parameters |= {f"heads.{name}.0.weight": head.weight, f"heads.{name}.0.bias": head.bias}

    def losses(rows):
        hidden = torch.tanh(trunk(x[rows]))
        result, logits = [], {}
        for column, (name, loss) in enumerate(zip(("a", "b"), task_losses)):
            z = heads[name](hidden)
            result.append(loss(z, labels[rows, column], groups[rows]))
            logits[name] = z[:, 0] if z.shape[1] == 1 else z[:, 1] - z[:, 0]
        return result, logits

    tensors = {"x": x, "labels": labels, "groups": groups}
    tensors |= {f"initial/{name}": value.detach().clone() for name, value in parameters.items()}
    optimizer = torch.optim.Adam(parameters.values(), lr=0.01)
    step_losses = []
    for step in range(STEPS):
        start = step % BATCHES * BATCH
        found, logits = losses(slice(start, start + BATCH))
        optimizer.zero_grad()
        (0.8 * found[0] + 1.3 * found[1]).backward()
        if step == 0:
            tensors["task_losses"] = torch.stack(found).detach()
            tensors |= {f"logits/{name}": z.detach().clone() for name, z in logits.items()}
            tensors |= {f"gradient/{name}": value.grad.clone() for name, value in parameters.items()}
        step_losses.append(torch.stack(found).detach())
        optimizer.step()
    tensors["step_losses"] = torch.stack(step_losses)
    tensors |= {f"final/{name}": value.detach().clone() for name, value in parameters.items()}
    with torch.no_grad():
        _, logits = losses(slice(0, ROWS))
    tensors |= {f"answers/{name}": z for name, z in logits.items()}
    save_file({name: value.numpy() for name, value in tensors.items()}, Path(__file__).parent / f"{file}.safetensors")


write("ranking", (own(pairwise, 0.5), own(listwise, 0.3)), (1, 1))
write("ranking_jrc", (jrc, f1), (2, 1))
