"""Writes losses.json: losses, their gradients in the logits and what is predicted, all in float64.

Class weights are PyTorch's (`pos_weight`, `weight`, of the sum), the focal loss is autograd of (1-p)^gamma times its cross-entropy, the
pinball, Poisson and Tweedie losses are scikit-learn's, those of the last two with its constant that makes the least loss 0. The
zero-inflated lognormal is the formula of lifetime_value (google/lifetime_value, zero_inflated_lognormal.py) in torch, the ordinal loss autograd
of its definition. Versions are in requirements.txt. Metrics are scikit-learn's.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn import metrics
from sklearn._loss.loss import HalfPoissonLoss, HalfTweedieLoss, PinballLoss

ROWS, CLASSES = 23, 4
rng = np.random.default_rng(11)
cases = []


def add(name, z, y, loss, gradient, **options):
    cases.append({
        "name": name, "logits": np.asarray(z).ravel().tolist(), "labels": np.asarray(y).tolist(),
        "loss": float(loss), "gradient": np.asarray(gradient).ravel().tolist(), **options,
    })


def autograd(name, z, y, function, **options):
    logits = torch.tensor(z, requires_grad=True)
    loss = function(logits, torch.tensor(y))
    loss.backward()
    add(name, z, y, loss.item(), logits.grad.numpy(), **options)


z = 2 * rng.normal(size=ROWS)
y = (rng.random(ROWS) < 0.4).astype(float)
autograd(
    "binary", z, y,
    lambda z, y: F.binary_cross_entropy_with_logits(z, y, pos_weight=torch.tensor(5.0), reduction="sum"),
    weights=[1, 5], focusing=0)


def binary_focal(gamma, no, yes):
    def loss(z, y):
        entropy = F.binary_cross_entropy_with_logits(z, y, reduction="none")
        p = torch.sigmoid(z)
        right = p * y + (1 - p) * (1 - y)
        return ((yes * y + no * (1 - y)) * (1 - right) ** gamma * entropy).sum()

    return loss


autograd("binary", z, y, binary_focal(2.0, 0.75, 0.25), weights=[0.75, 0.25], focusing=2)
autograd("binary", z, y, binary_focal(0.5, 1.0, 1.0), weights=[], focusing=0.5)

z = 1.5 * rng.normal(size=(ROWS, CLASSES))
y = rng.integers(0, CLASSES, ROWS)
weight = torch.tensor([0.5, 1.0, 3.0, 0.2], dtype=torch.float64)
autograd(
    "multiclass", z, y, lambda z, y: F.cross_entropy(z, y, weight=weight, reduction="sum"),
    weights=weight.tolist(), focusing=0)


def focal(z, y):
    entropy = F.cross_entropy(z, y, reduction="none")
    return (weight[y] * (1 - torch.exp(-entropy)) ** 1.5 * entropy).sum()


autograd("multiclass", z, y, focal, weights=weight.tolist(), focusing=1.5)

z, y = rng.normal(size=ROWS), rng.normal(size=ROWS)
pinball = PinballLoss(quantile=0.8)
add(
    "quantile", z, y, pinball.loss(y_true=y, raw_prediction=z).sum(),
    pinball.gradient(y_true=y, raw_prediction=z), option=0.8,
    metric=metrics.mean_pinball_loss(y, z, alpha=0.8))
y = rng.poisson(1.5, ROWS).astype(float)
poisson = HalfPoissonLoss()
add(
    "poisson", z, y,
    (poisson.loss(y_true=y, raw_prediction=z) + poisson.constant_to_optimal_zero(y_true=y)).sum(),
    poisson.gradient(y_true=y, raw_prediction=z), option=1.0, predictions=np.exp(z).tolist(),
    metric=metrics.mean_tweedie_deviance(y, np.exp(z), power=1))
# PyTorch's is the same but for a number that only labels know.
logits = torch.tensor(z, requires_grad=True)
F.poisson_nll_loss(logits, torch.tensor(y), log_input=True, reduction="sum").backward()
assert np.allclose(logits.grad.numpy(), cases[-1]["gradient"], rtol=1e-12)

y = np.where(rng.random(ROWS) < 0.4, 0, rng.gamma(2.0, 3.0, ROWS))
for power in (1.2, 1.7):
    tweedie = HalfTweedieLoss(power=power)
    add(
        "tweedie", z, y,
        (tweedie.loss(y_true=y, raw_prediction=z) + tweedie.constant_to_optimal_zero(y_true=y)).sum(),
        tweedie.gradient(y_true=y, raw_prediction=z), option=power, predictions=np.exp(z).tolist(),
        metric=metrics.mean_tweedie_deviance(y, np.exp(z), power=power))

z = rng.normal(size=(ROWS, 3))
z[3, 2] = -20  # softplus below the least deviation
y = np.where(rng.random(ROWS) < 0.5, 0, np.exp(rng.normal(1.0, 1.2, ROWS)))


def zero_inflated_lognormal(z, y):
    positive = (y > 0).double()
    classification = F.binary_cross_entropy_with_logits(z[:, 0], positive, reduction="none")
    scale = torch.maximum(F.softplus(z[:, 2]), torch.tensor(1e-7, dtype=torch.float64).sqrt())
    safe = positive * y + (1 - positive)
    density = torch.distributions.LogNormal(z[:, 1], scale, validate_args=False).log_prob(safe)
    return (classification - positive * density).sum()


def softplus(x):
    return np.logaddexp(0, x)


# PyTorch's softplus is a straight line beyond 20, where it differs from it by 2e-9.
autograd(
    "ziln", z, y, zero_inflated_lognormal,
    predictions=(1 / (1 + np.exp(-z[:, 0])) * np.exp(z[:, 1] + 0.5 * softplus(z[:, 2]) ** 2)).tolist())

z = 1.5 * rng.normal(size=(ROWS, CLASSES - 1))
y = rng.integers(0, CLASSES, ROWS)


def cumulative(z):
    logits = torch.cat([z[:, :1], z[:, :1] - torch.cumsum(F.softplus(z[:, 1:]), 1)], 1)
    ends = torch.ones(len(z), 1, dtype=torch.float64)
    above = torch.cat([ends, torch.sigmoid(logits), 0 * ends], 1)
    return above[:, :-1] - above[:, 1:]


autograd(
    "ordinal", z, y, lambda z, y: -torch.log(cumulative(z).gather(1, y[:, None])).sum(),
    predictions=cumulative(torch.tensor(z)).numpy().ravel().tolist())

# Distillation: both losses, one with the labels and one with what the teacher predicted, of the mix that is learned.
z = 2 * rng.normal(size=ROWS)
y = (rng.random(ROWS) < 0.4).astype(float)
taught = rng.random(ROWS)
for part in (0.3, 1.0):
    autograd(
        "binary", z, (1 - part) * y + part * taught,
        lambda z, _: (1 - part) * F.binary_cross_entropy_with_logits(z, torch.tensor(y), reduction="sum")
        + part * F.binary_cross_entropy_with_logits(z, torch.tensor(taught), reduction="sum"),
        weights=[], focusing=0)

Path(__file__).with_name("losses.json").write_text(json.dumps(cases, indent=0) + "\n")
