"""Writes gradients_*.safetensors: steps along exact gradients of the shared parameters, by TorchJD 0.18 (float64).

    .venv/bin/pip install torchjd==0.18.0 quadprog qpsolvers
    .venv/bin/python make_gradient_goldens.py

`mtl_backward` takes each task's gradient of the shared layers and of the table of users; towers and heads get their own. "parameters" takes
the products of all that is shared, "layers" leaves the table out of them: it gets the weighted sum too. UPGrad's weights are TorchJD's. Those
of two tasks by MGDA and CAGrad are found to the last digits, as TorchJD stops early, and compared with its own. Plain SGD .1, twelve steps over
three batches of 20 rows; some labels are missing. Versions are in requirements.txt.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from torchjd.aggregation import CAGradWeighting, MGDAWeighting, UPGrad, UPGradWeighting
from torchjd.autojac import jac_to_grad, mtl_backward

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
INPUTS, USERS, BATCH, BATCHES, STEPS, RADIUS = 5, 9, 20, 3, 12, 0.5
NAMES = ("a", "b", "c")
WEIGHTS = (2.0, 0.6, 2.0)


def rising(slope):
    """The place in 0...1 where a function that rises is 0, or the end nearest to it."""
    low, high = 0.0, 1.0
    if slope(low) >= 0:
        return low
    if slope(high) <= 0:
        return high
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return low


def shortest(gram):
    """MGDA of two tasks."""
    v = rising(lambda v: v * gram[0, 0] + (1 - 2 * v) * gram[0, 1] - (1 - v) * gram[1, 1])
    weights = torch.tensor([v, 1 - v])
    assert torch.allclose(weights, MGDAWeighting(epsilon=1e-12)(gram), atol=1e-9)
    return weights


def averse(gram):
    """CAGrad of two tasks, without the division by 1 + c²."""
    mean = torch.full((2,), 0.5)
    length = RADIUS * (mean @ gram @ mean).sqrt()
    ends = torch.tensor([1.0, -1.0])

    def slope(v):
        w = torch.tensor([v, 1 - v])
        return ends @ gram @ mean + length * (ends @ gram @ w) / (w @ gram @ w).sqrt()

    v = rising(slope)
    w = torch.tensor([v, 1 - v])
    weights = mean + length / (w @ gram @ w).sqrt() * w
    assert torch.allclose(weights, CAGradWeighting(c=RADIUS)(gram), atol=3e-4)
    return weights


class Network(torch.nn.Module):
    """The engine's names."""

    def __init__(self, tasks):
        super().__init__()
        self.embeddings = torch.nn.ModuleDict({"user": torch.nn.Embedding(USERS, 3)})
        self.trunk = torch.nn.ModuleList([torch.nn.Linear(INPUTS + 3, 7), torch.nn.Linear(7, 4)])
        self.heads = torch.nn.ModuleDict(
            {name: torch.nn.ModuleList([torch.nn.Linear(4, 1)]) for name in NAMES[:tasks]})
        self.heads["a"] = torch.nn.ModuleList([torch.nn.Linear(4, 3), torch.nn.Linear(3, 1)])

    def shared(self):
        return [*self.trunk.parameters(), *self.embeddings.parameters()]

    def features(self, x, users):
        hidden = torch.tanh(self.trunk[0](torch.cat([x, self.embeddings["user"](users)], dim=1)))
        return F.gelu(self.trunk[1](hidden), approximate="none")

    def losses(self, features, labels):
        found = []
        for column, (name, layers) in enumerate(self.heads.items()):
            z = features
            for layer in layers[:-1]:
                z = torch.tanh(layer(z))
            known = ~torch.isnan(labels[:, column])
            loss = F.mse_loss if name == "b" else F.binary_cross_entropy_with_logits
            found.append(loss(layers[-1](z)[known, 0], labels[known, column]))
        return found


def make(name, method, source, tasks):
    torch.manual_seed(17)
    rng = np.random.default_rng(17)
    rows = BATCH * BATCHES
    x = torch.tensor(rng.normal(size=(rows, INPUTS)))
    users = torch.tensor(rng.integers(0, USERS, size=rows))
    labels = (rng.random((rows, 3)) < 0.4).astype(float)
    labels[:, 1] = rng.normal(size=rows)
    labels[rng.random((rows, 3)) < 0.2] = np.nan
    labels = torch.tensor(labels[:, :tasks].copy())
    network = Network(tasks)
    tensors = {"x": x, "labels": labels, "ids/user": users.double()}
    tensors |= {f"initial/{key}": value.detach().clone() for key, value in network.named_parameters()}
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    counted = list(network.trunk.parameters()) if source == "layers" else network.shared()
    step_losses, step_weights = [], []
    for step in range(STEPS):
        batch = slice(step % BATCHES * BATCH, (step % BATCHES + 1) * BATCH)
        optimizer.zero_grad(set_to_none=True)
        features = network.features(x[batch], users[batch])
        losses = network.losses(features, labels[batch])
        step_losses.append(torch.stack(losses).detach())
        mtl_backward([weight * loss for weight, loss in zip(WEIGHTS, losses)], features)
        matrix = torch.cat([value.jac.reshape(tasks, -1) for value in counted], dim=1)
        weights = method(matrix @ matrix.T)
        step_weights.append(weights)
        sums = [torch.tensordot(weights, value.jac, dims=1) for value in network.shared()]
        if name == "upgrad":
            # TorchJD's own way from end to end.
            jac_to_grad(network.shared(), UPGrad())
            for value, one in zip(network.shared(), sums):
                assert torch.allclose(value.grad, one, rtol=1e-9, atol=1e-12)
        for value, one in zip(network.shared(), sums):
            value.grad = one
            if hasattr(value, "jac"):
                del value.jac
        optimizer.step()
    tensors |= {"step_losses": torch.stack(step_losses), "weights": torch.stack(step_weights)}
    tensors |= {f"final/{key}": value.detach().clone() for key, value in network.named_parameters()}
    save_file(
        {key: value.contiguous().numpy() for key, value in tensors.items()},
        Path(__file__).parent / f"gradients_{name}.safetensors")


make("upgrad", UPGradWeighting(), "parameters", 3)
make("layers", UPGradWeighting(), "layers", 3)
make("cagrad", averse, "parameters", 2)
make("mgda", shortest, "parameters", 2)
