"""Writes preference.safetensors: a model with a dial, trained by COSMOS (arXiv 2103.13392), in PyTorch (float64).

As the authors' code has it for tables, the preference stands beside the features: one number per task, the same for all rows of a batch, drawn
from a Dirichlet distribution for every step. The loss is Σ p_t L_t - λ cos(L, p). The draws are the engine's for seed 6, whose generator is in
engine_generator.py: PyTorch has none to compare. Some labels of every task are missing, in some batches all of b's. `answers/TASK` are
the logits of all rows at the model's own preference, .2 a and .8 b, `dial/TASK` those at .7 a, .3 c. Versions are in requirements.txt.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from engine_generator import Generator
from safetensors.numpy import save_file

torch.set_default_dtype(torch.float64)
torch.manual_seed(11)
rng = np.random.default_rng(11)
INPUTS, BATCH, BATCHES, STEPS, SEED, ALPHA, PENALTY = 5, 23, 3, 30, 6, 0.8, 0.5
NAMES = ("a", "b", "c")
ROWS = BATCH * BATCHES
x = torch.tensor(rng.normal(size=(ROWS, INPUTS)))
labels = (rng.random((ROWS, 3)) < 0.4).astype(float)
labels[:, 2] = rng.normal(size=ROWS)
labels[rng.random((ROWS, 3)) < 0.2] = np.nan
labels[BATCH : 2 * BATCH, 1] = np.nan
labels = torch.tensor(labels)

trunk = torch.nn.Linear(INPUTS + 3, 7)
heads = {name: torch.nn.Linear(7, 1) for name in NAMES}
parameters = {"trunk.0.weight": trunk.weight, "trunk.0.bias": trunk.bias}
for name, head in heads.items():
    parameters |= {f"heads.{name}.0.weight": head.weight, f"heads.{name}.0.bias": head.bias}


def logits(rows, preference):
    hidden = torch.tanh(trunk(torch.cat([x[rows], preference.expand(len(x[rows]), 3)], dim=1)))
    return {name: head(hidden)[:, 0] for name, head in heads.items()}


def losses(rows, preference):
    found = {}
    for column, (name, z) in enumerate(logits(rows, preference).items()):
        known = ~torch.isnan(labels[rows, column])
        if known.any():
            loss = F.mse_loss if name == "c" else F.binary_cross_entropy_with_logits
            found[column] = loss(z[known], labels[rows, column][known])
    return found


own = torch.tensor([0.2, 0.8, 0.0])
tensors = {"x": x, "labels": labels, "initial/preference": own, "final/preference": own.clone()}
tensors |= {f"initial/{name}": value.detach().clone() for name, value in parameters.items()}
optimizer = torch.optim.Adam(parameters.values(), lr=0.01)
step_losses, preferences = [], []
for step in range(STEPS):
    start = step % BATCHES * BATCH
    preference = torch.tensor(Generator(SEED).split(step).preference(ALPHA, 3))
    found = losses(slice(start, start + BATCH), preference)
    there = list(found)
    vector = torch.stack([found[column] for column in there])
    p = preference[there]
    # A task without a label has a gradient of 0, as the engine steps all parameters.
    optimizer.zero_grad(set_to_none=False)
    ((vector * p).sum() - PENALTY * F.cosine_similarity(vector, p, dim=0)).backward()
    preferences.append(preference)
    step_losses.append(torch.tensor([found[column].item() if column in found else 0.0 for column in range(3)]))
    optimizer.step()
tensors |= {"step_losses": torch.stack(step_losses), "preferences": torch.stack(preferences)}
tensors |= {f"final/{name}": value.detach().clone() for name, value in parameters.items()}
with torch.no_grad():
    tensors |= {f"answers/{name}": z for name, z in logits(slice(0, ROWS), own).items()}
    tensors |= {f"dial/{name}": z for name, z in logits(slice(0, ROWS), torch.tensor([0.7, 0.0, 0.3])).items()}
save_file(
    {name: value.contiguous().numpy() for name, value in tensors.items()}, Path(__file__).parent / "preference.safetensors")
