"""Write goldens of torch-rechub's own models, in float64: one batch's logits, losses and gradients, under the engine's names.

Beside requirements.txt: torch-rechub==0.9.0. BatchNorm is taken out of its models, and AITM's attention gets the engine's biases, at 0.
Letters: B batch, D inputs.
"""

from make_graph_goldens import keep, write_all  # first: it fixes what PyTorch computes with

import torch
import torch.nn.functional as F
from torch import nn
from torch_rechub.basic.features import DenseFeature
from torch_rechub.models.multi_task import AITM, ESMM, MMOE, PLE, SharedBottom

B, D = 23, 7
TASKS = ("click", "cart", "buy")
FEATURES = [DenseFeature(f"x{index}") for index in range(D)]
KINDS = ["classification"] * len(TASKS)
TOWERS = [{"dims": [4]}] * len(TASKS)


class Columns(nn.Module):
    """Dense features as they are: [B, features], or [B, features, 1]."""

    def forward(self, x, features, squeeze_dim=False):
        values = torch.stack([x[feature.name] for feature in features], dim=1)
        return values if squeeze_dim else values.unsqueeze(-1)


def stack(name, mlp):
    """Names of an MLP's linear layers: NAME.0, NAME.1, …"""
    layers = [layer for layer in mlp.mlp if isinstance(layer, nn.Linear)]
    return {f"{name}.{depth}": layer for depth, layer in enumerate(layers)}


def stacks(names, mlps):
    return {key: layer for name, mlp in zip(names, mlps, strict=True) for key, layer in stack(name, mlp).items()}


def heads(towers, tasks=TASKS):
    return stacks([f"heads.{task}" for task in tasks], towers)


def shared_bottom():
    model = SharedBottom(FEATURES, KINDS, {"dims": [6, 5]}, TOWERS)
    return model, stack("trunk", model.bottom_mlp) | heads(model.towers)


def mmoe():
    model = MMOE(FEATURES, KINDS, 3, {"dims": [6, 5]}, TOWERS)
    # Its gates end in a layer of one output behind their softmax unless told not to: see that they do not.
    assert all(len([layer for layer in gate.mlp if isinstance(layer, nn.Linear)]) == 1 for gate in model.gates)
    layers = stacks([f"experts.{index}" for index in range(3)], model.experts)
    layers |= stacks([f"gates.{task}" for task in TASKS], model.gates)
    return model, layers | heads(model.towers)


def ple():
    model = PLE(FEATURES, KINDS, 2, 2, 1, {"dims": [5]}, TOWERS)
    layers = {}
    for depth, level in enumerate(model.cgc_layers):
        name = f"levels.{depth}"
        layers |= stacks([f"{name}.experts.{task}.{index}" for task in TASKS for index in range(2)], level.experts_specific)
        layers |= stacks([f"{name}.experts.shared.0"], level.experts_shared)
        layers |= stacks([f"{name}.gates.{task}" for task in TASKS], level.gates_specific)
        if depth == 0:
            layers |= stack(f"{name}.gates.shared", level.gate_shared)
    return model, layers | heads(model.towers)


def aitm():
    model = AITM(FEATURES, len(TASKS), {"dims": [6, 5]}, TOWERS)
    layers = stacks([f"networks.{task}" for task in TASKS], model.bottoms)
    for task, gate, attention in zip(TASKS[1:], model.info_gates, model.aits, strict=True):
        layers[f"transfers.{task}"] = stack("", gate)[".0"]
        for name, layer in (("query", attention.q_layer), ("key", attention.k_layer), ("value", attention.v_layer)):
            layer.bias = nn.Parameter(torch.zeros(5))
            layers[f"attention.{task}.{name}"] = layer
    return model, layers | heads(model.towers)


def esmm():
    model = ESMM(FEATURES[:4], FEATURES[4:], {"dims": [4]}, {"dims": [4]})
    return model, heads([model.tower_ctr, model.tower_cvr], ("click", "buy"))


def write(name, make, seed):
    torch.manual_seed(seed)
    model, layers = make()
    model.embedding = Columns()
    for module in model.modules():
        if isinstance(module, nn.Sequential):
            for place, layer in enumerate(module):
                if isinstance(layer, (nn.BatchNorm1d, nn.Dropout)):
                    module[place] = nn.Identity()
    named = {f"{key}.{part}": getattr(layer, part) for key, layer in layers.items() for part in ("weight", "bias")}
    assert {id(value) for value in named.values()} == {id(value) for value in model.parameters()}
    x = torch.randn(B, D)
    tasks = ("click", "buy") if name == "rechub_esmm" else TASKS
    labels = (x[:, : len(tasks)] + torch.randn(B, len(tasks)) > 0).double()
    p = model({f"x{index}": x[:, index] for index in range(D)})
    # ESMM gives cvr, ctr, ctcvr.
    p = p[:, 1:] if name == "rechub_esmm" else p
    losses = [F.binary_cross_entropy(p[:, index], labels[:, index]) for index in range(len(tasks))]
    sum(losses).backward()
    tensors = {"x": x, "labels": labels, "task_losses": torch.stack(losses).detach(), "penalty": torch.zeros(1)}
    tensors |= {f"logits/{task}": torch.logit(p[:, index]).detach() for index, task in enumerate(tasks)}
    tensors |= {f"initial/{key}": value.detach() for key, value in named.items()}
    tensors |= {f"gradient/{key}": value.grad for key, value in named.items()}
    keep(name, tensors)


if __name__ == "__main__":
    cases = {"shared_bottom": shared_bottom, "mmoe": mmoe, "ple": ple, "aitm": aitm, "esmm": esmm}
    write_all({f"rechub_{name}": make for name, make in cases.items()}, write, seed=700)
