"""Write the PyTorch goldens of schedules, all in float64; README.md gives the format.

A schedule is a function from a step to its turns. A turn has tasks, factors of the learning rate by parameter (0: frozen),
the optimiser that takes it, and the weight and the names of what is held to where it was when its optimiser's turn began.
Orders that are drawn are the engine's, written down here: PyTorch has none to compare.
"""

import torch
from make_torch_goldens import ACTIVATIONS, HERE, Model, dense, named, synthetic, task, task_loss
from safetensors.torch import save

B, BATCHES, STEPS = 16, 5, 50
SPEC = {
    "inputs": 9,
    "trunk": [dense(8, "tanh"), dense(6, "gelu")],
    "tasks": [
        task("click", "binary", 0.6),
        task("cart", "binary", 0.5, [dense(5, "tanh")]),
        task("spend", "squared_error", 0.4),
    ],
}
CLICK, CART, SPEND = range(3)
# The engine's draws for seed 0: a permutation for each batch, and a task for every two batches.
SHUFFLED = (
    "210 012 120 021 012 120 012 120 201 012 102 120 201 201 102 021 012 120 120 201 120 210 210 201 120 "
    "201 120 021 102 102 021 102 012 120 021 021 012 210 201 201 102 012 201 012 102 021 102 201 201 210"
)
PROPORTIONAL = "11112221120011222110110020000222002001102211111002"


class Attached(Model):
    """Heads that read one of the trunk's layers each."""

    def __init__(self, spec, layers):
        super().__init__(spec)
        self.layers = layers
        for i, layer in enumerate(layers):
            self.heads[spec["tasks"][i]["name"]], _ = self.stack(
                spec["trunk"][layer - 1]["units"], spec["tasks"][i]["tower"] + [dense(1, "identity")]
            )

    def values(self, x):
        result = []
        for linear, layer in zip(self.trunk, self.spec["trunk"]):
            x = ACTIVATIONS[layer["activation"]](linear(x))
            result.append(x)
        return result

    def losses(self, x, labels, tasks):
        values = self.values(x)
        return {
            i: task_loss(self.spec["tasks"][i], self.head(i, values[self.layers[i] - 1]), labels[:, i])
            for i in tasks
        }


def turn(tasks, optimizer, rate=lambda name: 1.0, weight=0.0, held=()):
    return {"tasks": tasks, "optimizer": optimizer, "rate": rate, "weight": weight, "held": held}


def is_shared(name):
    return name.startswith("trunk.")


def hierarchy(step):
    """Levels by epochs, the upper one at half the rate and held to what the lower one left, the lowest layer slower."""
    level = step // BATCHES % 2

    def rate(name):
        return (0.4 if name.startswith("trunk.0.") else 1.0) * (1.0, 0.5)[level]

    if level == 0:
        return [turn([CLICK], 0, rate)]
    return [turn([CART, SPEND], 1, rate, weight=0.3, held=("trunk.0.weight", "trunk.0.bias"))]


def thawing(step):
    """One level; the heads at first, after two epochs the upper layer too, after four the lower one."""
    lowest = 2 - min(2, step // BATCHES // 2)

    def rate(name):
        return 0.0 if is_shared(name) and int(name.split(".")[1]) < lowest else 1.0

    return [turn([CLICK, CART, SPEND], 0, rate)]


def alone(step):
    """Heads alone, three batches a turn."""
    own = step // 3 % 3
    return [turn([own], own, lambda name: 0.0 if is_shared(name) else 1.0)]


def blocks(step):
    """The shared layers, then the heads, of every batch."""
    tasks = [CLICK, CART, SPEND]
    return [
        turn(tasks, 0, lambda name: 1.0 if is_shared(name) else 0.0),
        turn(tasks, 1, lambda name: 0.0 if is_shared(name) else 1.0),
    ]


def shuffled(step):
    """One turn of every task a batch, in a new order each."""
    return [turn([int(own)], int(own)) for own in SHUFFLED.split()[step]]


def proportional(step):
    """Turns of two batches within an epoch, drawn by labelled rows to a power that falls from 1 to 0.2."""
    own = int(PROPORTIONAL[step])
    return [turn([own], own)]


def rates(step):
    """All tasks at once, each layer at its own rate."""
    factors = {"trunk.0.": 0.15, "trunk.1.": 0.4, "heads.spend.": 2.0}

    def rate(name):
        return next((factor for start, factor in factors.items() if name.startswith(start)), 1.0)

    return [turn([CLICK, CART, SPEND], 0, rate)]


def reached(turn, layers, name):
    if is_shared(name):
        return int(name.split(".")[1]) < max(layers[i] for i in turn["tasks"])
    return any(name.startswith(f"heads.{SPEC['tasks'][i]['name']}.") for i in turn["tasks"])


def train(model, schedule, make, learning_rate, x, labels):
    """The unweighted losses [steps, T] of the latest turn of each task (0 without one), and the penalties [steps]."""
    parameters = dict(model.named_parameters())
    optimizers = {}
    latest, anchor = None, {}
    history = torch.zeros(STEPS, len(SPEC["tasks"]), dtype=x.dtype)
    penalties = torch.zeros(STEPS, dtype=x.dtype)
    for step in range(STEPS):
        rows = slice(step % BATCHES * B, (step % BATCHES + 1) * B)
        for one in schedule(step):
            if one["optimizer"] != latest:
                latest = one["optimizer"]
                anchor = {name: value.detach().clone() for name, value in parameters.items()}
            if torch.isnan(labels[rows][:, one["tasks"]]).all():
                continue
            if latest not in optimizers:
                optimizers[latest] = make([{"params": [value]} for value in parameters.values()])
            optimizer = optimizers[latest]
            optimizer.zero_grad(set_to_none=True)
            values = model.losses(x[rows], labels[rows], one["tasks"])
            loss = sum(SPEC["tasks"][i]["weight"] * value for i, value in values.items())
            penalty = sum(
                (one["weight"] * ((parameters[name] - anchor[name]) ** 2).sum() for name in one["held"]),
                torch.zeros((), dtype=x.dtype),
            )
            (loss + penalty).backward()
            for group, name in zip(optimizer.param_groups, parameters):
                factor = one["rate"](name)
                group["lr"] = learning_rate * factor
                if factor == 0 or not reached(one, model.layers, name):
                    parameters[name].grad = None
            optimizer.step()
            for i, value in values.items():
                history[step, i] = value.detach()
            penalties[step] = penalty.detach()
    return history, penalties


def write(name, schedule, algorithm, learning_rate, layers=(2, 2, 2), **settings):
    torch.manual_seed(51)
    model = Attached(SPEC, layers).double()
    for value in model.parameters():
        value.data = value.data.float().double()
    generator = torch.Generator().manual_seed(52)
    x, labels = synthetic(SPEC, BATCHES * B, generator, missing=0.25, empty=(slice(B, 2 * B), 0))
    x, labels = x.double(), labels.double()

    def make(groups):
        return algorithm(groups, lr=learning_rate, foreach=False, **settings)

    tensors = {"x": x, "labels": labels}
    tensors |= named(model, "initial", lambda parameter: parameter.detach())
    tensors["step_losses"], tensors["penalties"] = train(model, schedule, make, learning_rate, x, labels)
    tensors |= named(model, "final", lambda parameter: parameter.detach())
    data = save({key: value.contiguous() for key, value in tensors.items()})
    (HERE / f"schedule_{name}.safetensors").write_bytes(data)
    print(f"schedule_{name:<16} {len(data):>7} bytes")


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    adam, adamw, sgd = torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD
    write("hierarchy", hierarchy, adamw, 1e-2, layers=(1, 2, 2), weight_decay=0.05)
    write("thawing", thawing, adam, 1e-2)
    write("heads", alone, sgd, 0.05, momentum=0.9, weight_decay=1e-3)
    write("blocks", blocks, adam, 1e-2)
    write("shuffled", shuffled, adam, 1e-2)
    write("proportional", proportional, adam, 1e-2)
    write("rates", rates, adamw, 1e-2, weight_decay=0.05)


if __name__ == "__main__":
    main()
