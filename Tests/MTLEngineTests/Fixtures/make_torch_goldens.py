"""Write the PyTorch goldens that MTLEngineTests compares against; README.md in this folder gives the format.

Letters: B batch, D inputs, T tasks.
"""

import json
import os
from pathlib import Path

# The files should not depend on which vector width the machine that regenerates them happens to have. Set
# before the import, because the libraries read these once, when they load.
os.environ["ATEN_CPU_CAPABILITY"] = "default"
os.environ["MKL_CBWR"] = "COMPATIBLE"
os.environ["DNNL_MAX_CPU_ISA"] = "SSE41"

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from safetensors.torch import save  # noqa: E402

HERE = Path(__file__).resolve().parent

ACTIVATIONS = {
    "identity": lambda x: x,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": lambda x: F.gelu(x, approximate="none"),
}


def dense(units, activation):
    return {"units": units, "activation": activation}


def task(name, kind, weight, tower=(), classes=0, delta=0.0):
    return {
        "name": name,
        "kind": kind,
        "classes": classes,
        "delta": delta,
        "weight": weight,
        "tower": list(tower),
    }


def sgd(learning_rate, momentum=0.0, dampening=0.0, nesterov=False, weight_decay=0.0):
    return optimizer_settings(
        "sgd",
        learning_rate,
        momentum=momentum,
        dampening=dampening,
        nesterov=nesterov,
        weight_decay=weight_decay,
    )


def adam(learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0):
    return optimizer_settings(
        "adam", learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon, weight_decay=weight_decay
    )


def adamw(learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01):
    return optimizer_settings(
        "adamw", learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon, weight_decay=weight_decay
    )


def optimizer_settings(kind, learning_rate, **given):
    settings = {
        "kind": kind,
        "learning_rate": learning_rate,
        "momentum": 0.0,
        "dampening": 0.0,
        "nesterov": False,
        "beta1": 0.0,
        "beta2": 0.0,
        "epsilon": 0.0,
        "weight_decay": 0.0,
    }
    settings.update(given)
    return settings


def make_optimizer(settings, parameters):
    # One tensor at a time: the fused and grouped forms round differently, and PyTorch chooses between them.
    if settings["kind"] == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=settings["learning_rate"],
            momentum=settings["momentum"],
            dampening=settings["dampening"],
            nesterov=settings["nesterov"],
            weight_decay=settings["weight_decay"],
            foreach=False,
            fused=False,
        )
    algorithm = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings["kind"]]
    return algorithm(
        parameters,
        lr=settings["learning_rate"],
        betas=(settings["beta1"], settings["beta2"]),
        eps=settings["epsilon"],
        weight_decay=settings["weight_decay"],
        foreach=False,
        fused=False,
    )


def outputs(spec):
    return spec["classes"] if spec["kind"] == "multiclass" else 1


class Model(torch.nn.Module):
    """Shared layers, then for each task a tower and the linear layer of its logits."""

    def __init__(self, spec):
        super().__init__()
        self.spec = spec
        self.trunk, width = self.stack(spec["inputs"], spec["trunk"])
        self.heads = torch.nn.ModuleDict()
        for one in spec["tasks"]:
            self.heads[one["name"]], _ = self.stack(width, one["tower"] + [dense(outputs(one), "identity")])

    @staticmethod
    def stack(width, layers):
        built = torch.nn.ModuleList()
        for layer in layers:
            built.append(torch.nn.Linear(width, layer["units"]))
            width = layer["units"]
        return built, width

    def head(self, index, shared):
        one = self.spec["tasks"][index]
        linears = self.heads[one["name"]]
        for linear, layer in zip(linears, one["tower"]):
            shared = ACTIVATIONS[layer["activation"]](linear(shared))
        return linears[-1](shared)

    def shared(self, x):
        for linear, layer in zip(self.trunk, self.spec["trunk"]):
            x = ACTIVATIONS[layer["activation"]](linear(x))
        return x


def task_loss(spec, logits, labels):
    """Mean over the rows that carry a label, zero where none does. logits [B, outputs], labels [B]"""
    labelled = ~torch.isnan(labels)
    if not labelled.any():
        # Zero, yet tied to the graph: the joint optimiser then sees a zero gradient rather than none, and so
        # still applies momentum and weight decay to this head.
        return logits.sum() * 0
    logits, labels = logits[labelled], labels[labelled]
    if spec["kind"] == "multiclass":
        return F.cross_entropy(logits, labels.long())
    logits, labels = logits[:, 0], labels.to(logits.dtype)
    if spec["kind"] == "binary":
        return F.binary_cross_entropy_with_logits(logits, labels)
    if spec["kind"] == "squared_error":
        return F.mse_loss(logits, labels)
    return F.huber_loss(logits, labels, delta=spec["delta"])


def losses(model, x, labels):
    shared = model.shared(x)
    return [task_loss(one, model.head(i, shared), labels[:, i]) for i, one in enumerate(model.spec["tasks"])]


def joint_loss(model, values):
    return sum(one["weight"] * value for one, value in zip(model.spec["tasks"], values))


def named(model, prefix, pick):
    return {f"{prefix}/{name}": pick(parameter).clone() for name, parameter in model.named_parameters()}


def first_batch(model, x, labels, suffix=""):
    """Logits, unweighted losses and the gradient of the weighted sum, at the weights the model has now."""
    shared = model.shared(x)
    record = {
        f"logits{suffix}/{one['name']}": model.head(i, shared).detach().clone()
        for i, one in enumerate(model.spec["tasks"])
    }
    values = losses(model, x, labels)
    record[f"task_losses{suffix}"] = torch.stack([value.detach() for value in values])
    model.zero_grad(set_to_none=True)
    joint_loss(model, values).backward()
    record |= named(model, f"gradient{suffix}", lambda parameter: parameter.grad)
    model.zero_grad(set_to_none=True)
    return record


def train(model, case, x, labels):
    """Run the case's schedule and return the unweighted losses [steps, T]."""
    tasks = case["model"]["tasks"]
    batch, batches = case["batch"], x.shape[0] // case["batch"]
    parameters = list(model.parameters())
    if case["schedule"] == "joint":
        optimizers = [make_optimizer(case["optimizer"], parameters)]
    else:
        optimizers = [make_optimizer(case["optimizer"], parameters) for _ in tasks]
    history = torch.zeros(case["steps"], len(tasks), dtype=x.dtype)
    for step in range(case["steps"]):
        rows = slice(step % batches * batch, (step % batches + 1) * batch)
        step_x, step_labels = x[rows], labels[rows]
        if case["schedule"] == "joint":
            optimizers[0].zero_grad(set_to_none=True)
            values = losses(model, step_x, step_labels)
            joint_loss(model, values).backward()
            optimizers[0].step()
            history[step] = torch.stack([value.detach() for value in values])
            continue
        for i, one in enumerate(tasks):
            if torch.isnan(step_labels[:, i]).all():
                continue
            optimizers[i].zero_grad(set_to_none=True)
            value = task_loss(one, model.head(i, model.shared(step_x)), step_labels[:, i])
            (one["weight"] * value).backward()
            optimizers[i].step()
            history[step, i] = value.detach()
    return history


def synthetic(spec, rows, generator, missing, empty):
    """Labels that depend on the inputs, so that the losses move; `empty` (rows, task) is left unlabelled."""
    x = torch.randn(rows, spec["inputs"], generator=generator)
    columns = []
    for one in spec["tasks"]:
        teacher = torch.randn(spec["inputs"], outputs(one), generator=generator) / spec["inputs"] ** 0.5
        signal = x @ teacher + 0.3 * torch.randn(rows, outputs(one), generator=generator)
        if one["kind"] == "multiclass":
            columns.append(signal.argmax(dim=1).float())
        elif one["kind"] == "binary":
            columns.append((signal[:, 0] > 0).float())
        else:
            columns.append(2 * signal[:, 0] + 0.5)
    labels = torch.stack(columns, dim=1)
    if missing > 0:
        labels[torch.rand(labels.shape, generator=generator) < missing] = float("nan")
    if empty is not None:
        labels[empty] = float("nan")
    return x, labels


def write(case, seed, batches, missing=0.0, empty=None, double=False):
    torch.manual_seed(seed)
    model = Model(case["model"])
    generator = torch.Generator().manual_seed(seed + 1)
    batch = case["batch"]
    x, labels = synthetic(case["model"], batches * batch, generator, missing, empty)

    tensors = {"x": x, "labels": labels}
    tensors |= named(model, "initial", lambda parameter: parameter.detach())
    tensors |= first_batch(model, x[:batch], labels[:batch])

    twin = Model(case["model"]).double()
    twin.load_state_dict({name: value.double() for name, value in model.state_dict().items()})
    if double:
        tensors |= first_batch(twin, x[:batch].double(), labels[:batch].double(), suffix="64")

    tensors["step_losses"] = train(model, case, x, labels)
    tensors |= named(model, "final", lambda parameter: parameter.detach())
    twin_losses = train(twin, case, x.double(), labels.double())

    # How far float32 drifts from float64 over the case's own steps: the least tolerance a test can ask for.
    drift = max(
        (ours.detach().double() - theirs.detach()).abs().max().item()
        for ours, theirs in zip(model.parameters(), twin.parameters())
    )
    loss_drift = (tensors["step_losses"].double() - twin_losses).abs().max().item()

    # A single metadata key, since the writer's order of several is not defined.
    data = save(
        {name: value.contiguous() for name, value in tensors.items()},
        metadata={"case": json.dumps(case, sort_keys=True, separators=(",", ":"))},
    )
    (HERE / f"{case['name']}.safetensors").write_bytes(data)
    print(
        f"{case['name']:<24} {len(data):>7} bytes,"
        f" float32 from float64: parameters {drift:.1e}, losses {loss_drift:.1e}"
    )


def case(name, model, optimizer, schedule, batch, steps):
    return {
        "name": name,
        "model": model,
        "optimizer": optimizer,
        "schedule": schedule,
        "batch": batch,
        "steps": steps,
    }


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    reference = {
        "inputs": 100,
        "trunk": [dense(64, "relu"), dense(64, "relu")],
        "tasks": [
            task("click", "binary", 0.4),
            task("amount", "squared_error", 0.3),
            task("dwell", "huber", 0.3, delta=1.0),
        ],
    }
    write(case("reference_joint", reference, adam(1e-3), "joint", 32, 50), seed=11, batches=5, double=True)
    write(case("reference_alternating", reference, adam(1e-3), "alternating", 32, 50), seed=11, batches=5)

    towers = {
        "inputs": 23,
        "trunk": [dense(17, "gelu"), dense(13, "tanh")],
        "tasks": [
            task("click", "binary", 0.3, [dense(11, "sigmoid")]),
            task("purchase", "binary", 0.25, [dense(11, "sigmoid")]),
            task("category", "multiclass", 0.2, [dense(7, "gelu"), dense(5, "relu")], classes=5),
            task("dwell", "huber", 0.15, delta=0.5),
            task("amount", "squared_error", 0.1, [dense(11, "sigmoid")]),
        ],
    }
    # In batch 2 "purchase" has no label, not in batch 0: the single-batch tensors are to have every task in
    # them.
    gaps = {"missing": 0.3, "empty": (slice(2 * 29, 3 * 29), 1)}
    write(
        case("towers_joint", towers, adamw(3e-3, weight_decay=0.05), "joint", 29, 20),
        seed=21,
        batches=5,
        double=True,
        **gaps,
    )
    write(
        case(
            "towers_alternating",
            towers,
            sgd(0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
            "alternating",
            29,
            20,
        ),
        seed=21,
        batches=5,
        **gaps,
    )

    small = {
        "inputs": 9,
        "trunk": [dense(6, "relu")],
        "tasks": [task("click", "binary", 0.6), task("amount", "squared_error", 0.4)],
    }
    optimizers = {
        "optimizer_sgd": sgd(0.05),
        "optimizer_sgd_momentum": sgd(0.05, momentum=0.9, dampening=0.1, weight_decay=0.01),
        "optimizer_adam_l2": adam(1e-3, beta1=0.8, beta2=0.99, epsilon=1e-6, weight_decay=0.01),
        "optimizer_adamw": adamw(1e-3),
    }
    for name, optimizer in optimizers.items():
        write(case(name, small, optimizer, "joint", 10, 20), seed=31, batches=4)

    no_trunk = {
        "inputs": 12,
        "trunk": [],
        "tasks": [task("category", "multiclass", 0.7, classes=3), task("click", "binary", 0.3)],
    }
    write(case("no_trunk", no_trunk, sgd(0.1), "joint", 15, 10), seed=41, batches=4)


if __name__ == "__main__":
    main()
