"""Write the PyTorch goldens of the graph's architectures and nodes, all in float64; README.md gives the format.

Letters: B batch, D inputs, T tasks, E experts, S scenarios.
"""

import os
from pathlib import Path

os.environ["ATEN_CPU_CAPABILITY"] = "default"
os.environ["MKL_CBWR"] = "COMPATIBLE"
os.environ["DNNL_MAX_CPU_ISA"] = "SSE41"

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from safetensors.torch import save  # noqa: E402
from torch import nn  # noqa: E402

HERE = Path(__file__).resolve().parent
B, D, S, BATCHES = 23, 7, 3, 3
TASKS = ("click", "spend", "buy")
WEIGHTS = (0.6, 0.3, 1.1)


class Stack(nn.ModuleList):
    """Linear layers, each but the last `plain` ones followed by tanh."""

    def __init__(self, *widths, plain=0):
        super().__init__(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.plain = plain

    def forward(self, x):
        for depth, layer in enumerate(self):
            x = layer(x)
            if depth < len(self) - self.plain:
                x = torch.tanh(x)
        return x


def heads(width):
    """click and buy have a tower, spend none."""
    return nn.ModuleDict(
        {task: Stack(width, 1, plain=1) if task == "spend" else Stack(width, 4, 1, plain=1) for task in TASKS}
    )


def mix(gate, experts):
    """gate [B, E], experts E of [B, H]"""
    return torch.einsum("be,beh->bh", torch.softmax(gate, dim=1), torch.stack(experts, dim=1))


class MMoE(nn.Module):
    def __init__(self):
        super().__init__()
        self.experts = nn.ModuleList(Stack(D, 6, 5) for _ in range(3))
        self.gates = nn.ModuleDict({task: Stack(D, 4, 3, plain=1) for task in TASKS})
        self.heads = heads(5)

    def forward(self, x, s):
        experts = [expert(x) for expert in self.experts]
        return [self.heads[t](mix(self.gates[t](x) / 2, experts)) for t in TASKS]


class Level(nn.Module):
    def __init__(self, width, own, shared, out, has_shared_gate):
        super().__init__()
        self.experts = nn.ModuleDict({t: nn.ModuleList(Stack(width, out) for _ in range(own)) for t in TASKS})
        self.experts["shared"] = nn.ModuleList(Stack(width, out) for _ in range(shared))
        self.gates = nn.ModuleDict({t: Stack(width, own + shared, plain=1) for t in TASKS})
        if has_shared_gate:
            self.gates["shared"] = Stack(width, len(TASKS) * own + shared, plain=1)

    def forward(self, inputs, common):
        shared = [expert(common) for expert in self.experts["shared"]]
        own = {t: [expert(inputs[t]) for expert in self.experts[t]] for t in TASKS}
        mixed = {t: mix(self.gates[t](inputs[t]), own[t] + shared) for t in TASKS}
        if "shared" not in self.gates:
            return mixed, None
        # The engine's shared gate goes through the tasks grouped by equal heads: click, buy, then spend.
        every = [e for t in ("click", "buy", "spend") for e in own[t]] + shared
        return mixed, mix(self.gates["shared"](common), every)


class PLE(nn.Module):
    def __init__(self):
        super().__init__()
        self.levels = nn.ModuleList([Level(D, 2, 1, 5, True), Level(5, 1, 2, 4, False)])
        self.heads = heads(4)

    def forward(self, x, s):
        inputs, common = {t: x for t in TASKS}, x
        for level in self.levels:
            inputs, common = level(inputs, common)
        return [self.heads[t](inputs[t]) for t in TASKS]


class Weight(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.weight = nn.Parameter(value)


class CrossStitch(nn.Module):
    # The engine's order of blocks.
    order = ("click", "buy", "spend")

    def __init__(self):
        super().__init__()
        self.networks = nn.ModuleDict({t: Stack(D, 6, 5) for t in TASKS})
        self.stitches = nn.ModuleList(
            Weight(torch.full((3, 3), 0.05) + 0.85 * torch.eye(3) + 0.1 * torch.randn(3, 3)) for _ in range(2)
        )
        self.heads = heads(5)

    def forward(self, x, s):
        h = [x, x, x]
        for depth, stitch in enumerate(self.stitches):
            h = [torch.tanh(self.networks[t][depth](value)) for t, value in zip(self.order, h)]
            h = [sum(stitch.weight[i, j] * h[j] for j in range(3)) for i in range(3)]
        return [self.heads[t](h[self.order.index(t)]) for t in TASKS]


class Star(nn.Module):
    """Partitioned norm, two star layers (W_s * W, b_s + b), a layer of each scenario's own."""

    def __init__(self):
        super().__init__()
        self.norm = PartitionedNorm(D)
        self.star = nn.ModuleList([StarLayer(D, 6), StarLayer(6, 5)])
        self.own = nn.ModuleList(nn.Linear(5, 5) for _ in range(S))
        self.heads = heads(5)

    def forward(self, x, s):
        h = self.norm(x, s)
        for layer in self.star:
            h = torch.tanh(layer(h, s))
        h = torch.tanh(torch.stack([self.own[int(k)](row) for row, k in zip(h, s)]))
        return [self.heads[t](h) for t in TASKS]


class StarLayer(nn.ModuleDict):
    def __init__(self, inputs, outputs):
        super().__init__({"shared": nn.Linear(inputs, outputs)})
        for k in range(S):
            self[str(k)] = nn.Linear(inputs, outputs)
            nn.init.normal_(self[str(k)].weight, 1, 0.2)
            nn.init.normal_(self[str(k)].bias, 0, 0.2)

    def forward(self, x, s):
        rows = []
        for row, k in zip(x, s):
            own = self[str(int(k))]
            rows.append(F.linear(row, own.weight * self["shared"].weight, own.bias + self["shared"].bias))
        return torch.stack(rows)


class OwnNorm(nn.Module):
    """A scenario's factors, moving statistics and count of batches, in which less than 32 rows are a part of one."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(1 + 0.2 * torch.randn(width))
        self.bias = nn.Parameter(0.2 * torch.randn(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))
        self.register_buffer("num_batches_tracked", torch.zeros(1))

    def statistics(self, x, training):
        """Mean and variance to normalise x by; in training the moving ones come up to date."""
        mean, var, rows = x.mean(0), x.var(0, unbiased=False), len(x)
        moving = self.running_mean.clone(), self.running_var.clone()
        if not training:
            return moving
        seen = float(self.num_batches_tracked)
        part = min(1, rows / 32)
        share = (1 - 0.9**part) / (1 - 0.9 ** (seen + part))
        with torch.no_grad():
            apart = mean - self.running_mean
            self.running_mean += share * apart
            if rows < 32:
                # The law of total variance over the rows so far and these.
                self.running_var.copy_((1 - share) * (self.running_var + share * apart**2) + share * var)
            else:
                self.running_var.lerp_(x.var(0), share)
            self.num_batches_tracked += part
        return moving if rows < 32 and seen >= 1 else (mean, var)


class PartitionedNorm(nn.Module):
    """Batch norm of each scenario's rows, with gain g_s * g and shift b_s + b."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(1 + 0.2 * torch.randn(width))
        self.bias = nn.Parameter(0.2 * torch.randn(width))
        for k in range(S):
            self.add_module(str(k), OwnNorm(width))

    def forward(self, x, s):
        y = torch.zeros_like(x)
        for k in range(S):
            rows = s == k
            if rows.any():
                own = getattr(self, str(k))
                mean, var = own.statistics(x[rows], self.training)
                unit = (x[rows] - mean) / torch.sqrt(var + 1e-5)
                y = y.index_put((rows.nonzero()[:, 0],), unit * (own.weight * self.weight) + own.bias + self.bias)
        return y


class BatchNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = Stack(D, 6, 5, plain=2)
        self.norms = nn.ModuleList([nn.BatchNorm1d(6), nn.BatchNorm1d(5)])
        for norm in self.norms:
            nn.init.normal_(norm.weight, 1, 0.2)
            nn.init.normal_(norm.bias, 0, 0.2)
        self.heads = heads(5)

    def forward(self, x, s):
        for layer, norm in zip(self.trunk, self.norms):
            # Behind the activation: right behind the layer, its bias would have no gradient but rounding.
            x = norm(torch.tanh(layer(x)))
        return [self.heads[t](x) for t in TASKS]


class LayerNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = Stack(D, 6, plain=1)
        self.norms = nn.ModuleList([nn.LayerNorm(6)])
        nn.init.normal_(self.norms[0].weight, 1, 0.2)
        nn.init.normal_(self.norms[0].bias, 0, 0.2)
        self.heads = heads(6)

    def forward(self, x, s):
        h = F.gelu(self.norms[0](self.trunk(x)))
        return [self.heads[t](h) for t in TASKS]


class Dice(nn.Module):
    """x (p + a (1 - p)), p the sigmoid of x normalised by the batch, without gain and shift."""

    def __init__(self, units):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(units))
        self.register_buffer("running_mean", torch.zeros(units))
        self.register_buffer("running_var", torch.ones(units))

    def forward(self, x):
        unit = F.batch_norm(x, self.running_mean, self.running_var, training=self.training, momentum=0.1, eps=1e-5)
        p = torch.sigmoid(unit)
        return x * (p + self.weight * (1 - p))


class Activated(nn.Linear):
    def __init__(self, inputs, units, activation):
        super().__init__(inputs, units)
        self.activation = activation

    def forward(self, x):
        return self.activation(super().forward(x))


class Slopes(nn.Module):
    """Layers whose activation has a slope for every unit."""

    def __init__(self, make):
        super().__init__()
        self.trunk = nn.Sequential(Activated(D, 6, make(6)), Activated(6, 5, make(5)))
        self.heads = heads(5)

    def forward(self, x, s):
        h = self.trunk(x)
        return [self.heads[t](h) for t in TASKS]


class Funnel(nn.Module):
    """ESMM: `buy` is labelled where a click and a purchase are, and its probability is the product of two."""

    def __init__(self):
        super().__init__()
        self.towers = nn.ModuleDict({t: Stack(D, 5, 1, plain=1) for t in ("click", "conversion", "spend")})

    def forward(self, x, s):
        a, b = self.towers["click"](x), self.towers["conversion"](x)
        log_p = F.logsigmoid(a) + F.logsigmoid(b)
        return [a, self.towers["spend"](x), log_p - torch.log1p(-torch.exp(log_p))]


def losses(logits, labels):
    values = []
    for task, z, y in zip(TASKS, logits, labels.T):
        known = ~torch.isnan(y)
        if task == "spend":
            values.append(F.mse_loss(z[known, 0], y[known]))
        else:
            values.append(F.binary_cross_entropy_with_logits(z[known, 0], y[known]))
    return values


def named(prefix, model, pick):
    return {f"{prefix}/{name}": pick(value) for name, value in model.named_parameters()}


def state(prefix, model):
    return {
        f"{prefix}/{name}": value.detach().clone()
        for name, value in model.state_dict().items()
        if value.is_floating_point()
    }


def train(model, optimizer, labels, answer, penalty=None, alternate=None, batches=BATCHES):
    """Two passes of steps: the first one's logits, losses and gradients by name. answer(rows) gives logits."""
    tensors = {}
    for step in range(2 * batches):
        rows = slice(step % batches * B, (step % batches + 1) * B)
        logits = answer(rows)
        values = losses(logits, labels[rows])
        optimizer.zero_grad(set_to_none=False)
        total = sum(weight * value for weight, value in zip(WEIGHTS, values))
        (total + penalty() if penalty else total).backward()
        if step == 0:
            tensors |= {f"logits/{t}": z.detach().clone() for t, z in zip(TASKS, logits)}
            tensors["task_losses"] = torch.stack(values).detach()
            if penalty:
                tensors["penalty"] = torch.as_tensor(penalty()).detach().reshape(1)
            tensors |= named(
                "gradient", model, lambda p: torch.zeros_like(p) if p.grad is None else p.grad.clone()
            )
        optimizer.step()
        if alternate:
            alternate(step + 1)
    return tensors


def keep(name, tensors):
    """Writes NAME.safetensors beside this script."""
    data = save({key: value.contiguous() for key, value in tensors.items()})
    (HERE / f"{name}.safetensors").write_bytes(data)
    print(f"{name:<22} {len(data):>7} bytes")


def write_all(cases, write, seed):
    """Every case from a seed of its own, in float64, on one thread."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.set_default_dtype(torch.float64)
    for place, (name, make) in enumerate(cases.items()):
        write(name, make, seed + place)


def write(name, make, seed):
    torch.manual_seed(seed)
    model = make()
    x = torch.randn(BATCHES * B, D)
    s = torch.randint(0, S, (BATCHES * B,))
    labels = torch.stack(
        [
            (x[:, 0] + torch.randn(len(x)) > 0).double(),
            x[:, 1] * 2 + torch.randn(len(x)),
            (x[:, 2] + torch.randn(len(x)) > 0.5).double(),
        ],
        dim=1,
    )
    labels[torch.rand(labels.shape) < 0.25] = float("nan")
    tensors = {"x": x, "scenarios": s.double(), "labels": labels} | state("initial", model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, foreach=False)
    tensors |= train(model, optimizer, labels, lambda rows: model(x[rows], s[rows]))
    tensors |= state("final", model)
    model.eval()
    tensors |= {f"answers/{t}": z.detach() for t, z in zip(TASKS, model(x, s))}
    keep(f"graph_{name}", tensors)


def main():
    cases = {
        "mmoe": MMoE,
        "ple": PLE,
        "cross_stitch": CrossStitch,
        "star": Star,
        "batch_norm": BatchNorm,
        "layer_norm": LayerNorm,
        "funnel": Funnel,
        "prelu": lambda: Slopes(nn.PReLU),
        "dice": lambda: Slopes(Dice),
    }
    write_all(cases, write, 100)


if __name__ == "__main__":
    main()
