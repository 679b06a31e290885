"""One training step in PyTorch or JAX on the CPU, as a process that compare.py can interleave with others.

Prints {"ready": true, ...} once the step is compiled and warm. Then, for each line "run SECONDS" on standard
input, trains for about that long and prints one JSON line with samples_per_second; "quit" ends it.

x [B, D] -> linear -> ReLU (for each hidden width) -> T linear heads of one output, float32, loss (1/T) sum of
the tasks' mean squared errors.
  joint        one backward of the sum, one Adam(1e-3).
  alternating  for each batch T turns; turn i trains the shared layers and head i on (1/T) loss i with an
               Adam(1e-3) of its own. A batch's rows count once, however many turns they take.
Both schedules cycle through the same pool of batches, which is in memory before the clock starts.

Letters: B batch, D inputs, T tasks, N batches in the pool.
"""

import argparse
import json
import os
import sys
import time

LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8

# Large enough that a small batch is not trained on from the first-level cache alone, small enough to start
# quickly.
POOL_BYTES = 64 << 20
POOL_BATCHES = (4, 64)

# Steps between two looks at the clock, as time: long enough that looking (and, in JAX, waiting for the queue
# of steps to drain) costs nothing, short enough that a run of one second ends after about one second.
BLOCK_SECONDS = 0.05


def pool_size(batch, inputs):
    least, most = POOL_BATCHES
    return max(least, min(most, POOL_BYTES // (batch * inputs * 4)))


def make_pool(options):
    """x [N, B, D] and labels [N, B, T], which can be learned in part: the loss falls, but not to nothing."""
    import numpy as np

    count = pool_size(options.batch, options.inputs)
    random = np.random.default_rng(7)
    x = random.standard_normal((count, options.batch, options.inputs), dtype=np.float32)
    teacher = random.standard_normal((options.inputs, options.tasks), dtype=np.float32) / options.inputs**0.5
    noise = random.standard_normal((count, options.batch, options.tasks), dtype=np.float32)
    return x, (x @ teacher + 0.5 * noise).astype(np.float32)


def make_weights(options):
    """[(weight [in, out], bias [out]), ...]: the hidden layers, then all heads side by side as one layer."""
    import numpy as np

    random = np.random.default_rng(8)
    widths = [options.inputs, *options.hidden, options.tasks]
    weights = []
    for fan_in, fan_out in zip(widths, widths[1:]):
        bound = fan_in**-0.5
        weight = random.uniform(-bound, bound, (fan_in, fan_out)).astype(np.float32)
        weights.append((weight, random.uniform(-bound, bound, fan_out).astype(np.float32)))
    return weights


class TorchPeer:
    variants = ("eager", "compile")

    def __init__(self, options):
        import torch

        torch.set_num_threads(options.threads)
        torch.manual_seed(0)
        self.version = torch.__version__
        self.position = 0
        x, labels = make_pool(options)
        self.x = [torch.from_numpy(one) for one in x]
        self.labels = [torch.from_numpy(one) for one in labels]
        weights = make_weights(options)

        def linear(weight, bias):
            layer = torch.nn.Linear(*weight.shape)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(weight).T)
                layer.bias.copy_(torch.from_numpy(bias))
            return layer

        shared = [layer for pair in weights[:-1] for layer in (linear(*pair), torch.nn.ReLU())]
        self.trunk = torch.nn.Sequential(*shared)
        mse = torch.nn.functional.mse_loss
        maybe_compile = torch.compile if options.variant == "compile" else lambda function: function

        # Fused measured up to 1.5 times as fast as foreach on 100-64-64, within noise of it on 512-512-512.
        def adam(*modules):
            parameters = [parameter for module in modules for parameter in module.parameters()]
            return torch.optim.Adam(
                parameters, lr=LEARNING_RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=True
            )

        if options.schedule == "joint":
            # All heads as one layer: up to 1.4 times as fast as T modules. The mean over [B, T] is (1/T) sum
            # of the tasks' means.
            self.heads = [linear(*weights[-1])]
            optimizers = [adam(self.trunk, self.heads[0])]
            targets = [[one] for one in self.labels]
        else:
            weight, bias = weights[-1]
            self.heads = [linear(weight[:, i : i + 1], bias[i : i + 1]) for i in range(options.tasks)]
            # A task's optimiser over all parameters would skip the other heads, which have no gradient in its
            # turn: leaving them out gives the same update without the cost of skipping.
            optimizers = [adam(self.trunk, head) for head in self.heads]
            targets = [list(one.contiguous().split(1, dim=1)) for one in self.labels]
            targets = [[column.contiguous() for column in one] for one in targets]
        scale = 1.0 / len(self.heads)
        losses = [
            maybe_compile(lambda x, y, head=head: mse(head(self.trunk(x)), y) * scale) for head in self.heads
        ]

        def step():
            x, labels = self.x[self.position], targets[self.position]
            self.position = (self.position + 1) % len(self.x)
            for loss, optimizer, label in zip(losses, optimizers, labels):
                optimizer.zero_grad(set_to_none=True)
                loss(x, label).backward()
                optimizer.step()

        self.step = step
        self.steps_per_block = 1

    def calibrate(self):
        self.steps_per_block = steps_in(BLOCK_SECONDS, self.step)

    def block(self):
        for _ in range(self.steps_per_block):
            self.step()
        return self.steps_per_block

    def loss(self):
        import torch

        with torch.no_grad():
            shared = self.trunk(self.x[0])
            logits = torch.cat([head(shared) for head in self.heads], dim=1)
            return float(((logits - self.labels[0]) ** 2).mean())


class JaxPeer:
    variants = ("step", "scan")

    def __init__(self, options):
        limit_jax_threads(options.threads)
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        import jax
        import jax.numpy as jnp

        self.jax = jax
        self.version = jax.__version__
        self.position = 0
        self.scans = options.variant == "scan"
        self.host_pool = make_pool(options)
        self.count = len(self.host_pool[0])
        layers = [
            {"weight": jnp.array(weight), "bias": jnp.array(bias)} for weight, bias in make_weights(options)
        ]
        trunk, heads = layers[:-1], layers[-1]
        tasks = options.tasks

        def zeros(tree):
            return jax.tree.map(jnp.zeros_like, tree)

        def logits(trunk, head, x):
            for layer in trunk:
                x = jax.nn.relu(x @ layer["weight"] + layer["bias"])
            return x @ head["weight"] + head["bias"]

        def adam(parameters, gradients, first, second, count):
            # The two corrections are scalars of the step, kept out of the element-wise loops.
            rate = LEARNING_RATE / (1 - BETA1**count)
            root = 1 / jnp.sqrt(1 - BETA2**count)
            first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradients)
            second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, gradients)
            parameters = jax.tree.map(
                lambda p, m, v: p - rate * m / (jnp.sqrt(v) * root + EPSILON), parameters, first, second
            )
            return parameters, first, second

        def turn(parameters, first, second, count, x, labels):
            def loss(parameters):
                return jnp.mean((logits(*parameters, x) - labels) ** 2) * (labels.shape[1] / tasks)

            return adam(parameters, jax.grad(loss)(parameters), first, second, count)

        if options.schedule == "joint":
            heads = [heads]
            columns = [slice(0, tasks)]
        else:
            heads = [jax.tree.map(lambda a, i=i: a[..., i : i + 1], heads) for i in range(tasks)]
            columns = [slice(i, i + 1) for i in range(tasks)]
        moments = [(zeros((trunk, head)), zeros((trunk, head))) for head in heads]
        self.state = (trunk, heads, moments, jnp.zeros((), jnp.float32))

        # All turns in one call: measured 1.05 to 1.45 times as fast as a call per turn.
        def step(state, x, labels):
            trunk, heads, moments, count = state
            heads, moments, count = list(heads), list(moments), count + 1
            for i, column in enumerate(columns):
                (trunk, heads[i]), first, second = turn(
                    (trunk, heads[i]), *moments[i], count, x, labels[:, column]
                )
                moments[i] = (first, second)
            return trunk, heads, moments, count

        def scan(state, x, labels):
            return jax.lax.scan(lambda state, batch: (step(state, *batch), None), state, (x, labels))[0]

        def loss(state, x, labels):
            trunk, heads, _, _ = state
            predicted = jnp.concatenate([logits(trunk, head, x) for head in heads], axis=1)
            return jnp.mean((predicted - labels) ** 2)

        self.compiled_step = jax.jit(step, donate_argnums=0)
        self.compiled_scan = jax.jit(scan, donate_argnums=0)
        self.compiled_loss = jax.jit(loss)
        self.batches = [tuple(jax.device_put(a[i]) for a in self.host_pool) for i in range(self.count)]
        self.steps_per_block = 1

    def step(self):
        x, labels = self.batches[self.position]
        self.position = (self.position + 1) % self.count
        self.state = self.compiled_step(self.state, x, labels)

    def wait(self):
        self.jax.block_until_ready(self.state)

    def calibrate(self):
        if not self.scans:
            self.steps_per_block = steps_in(BLOCK_SECONDS, self.step, self.wait)
            return
        # As long as the pool where that takes a fraction of a second, else shorter, so that a run ends in
        # time.
        length = min(self.count, steps_in(4 * BLOCK_SECONDS, self.step, self.wait))
        self.steps_per_block = length
        self.batches = [
            tuple(self.jax.device_put(a[start : start + length]) for a in self.host_pool)
            for start in range(0, self.count - length + 1, length)
        ]
        self.position, self.count = 0, len(self.batches)
        self.compiled_step = self.compiled_scan

    def block(self):
        for _ in range(1 if self.scans else self.steps_per_block):
            self.step()
        self.wait()
        return self.steps_per_block

    def loss(self):
        return float(self.compiled_loss(self.state, *(a[0] for a in self.host_pool)))


def limit_jax_threads(threads):
    """JAX has no call for this; its pool has one thread for each CPU that the process may use."""
    os.environ["PJRT_NPROC"] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        if threads < len(allowed):
            os.sched_setaffinity(0, allowed[:threads])
    if threads == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()


def steps_in(seconds, step, wait=lambda: None):
    """How many steps fit into `seconds`, at least one; also compiles and warms what the step needs."""
    for _ in range(3):
        step()
        wait()
    taken, start = 0, time.perf_counter()
    while time.perf_counter() - start < 2 * seconds:
        step()
        wait()
        taken += 1
    return max(1, round(taken * seconds / (time.perf_counter() - start)))


def run(peer, seconds):
    steps, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        steps += peer.block()
    return steps / elapsed


def parse(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--framework", choices=["torch", "jax"], required=True)
    parser.add_argument("--variant", choices=["eager", "compile", "step", "scan"], required=True)
    parser.add_argument("--schedule", choices=["joint", "alternating"], required=True)
    parser.add_argument("--inputs", type=int, default=100)
    parser.add_argument(
        "--hidden", default="64,64", type=lambda text: [int(width) for width in text.split(",")]
    )
    parser.add_argument("--tasks", type=int, default=3)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    if options.variant not in PEERS[options.framework].variants:
        parser.error(f"{options.framework} has the variants {', '.join(PEERS[options.framework].variants)}")
    return options


PEERS = {"torch": TorchPeer, "jax": JaxPeer}


def main():
    options = parse()
    description = {
        "framework": options.framework,
        "variant": options.variant,
        "schedule": options.schedule,
        "inputs": options.inputs,
        "hidden": options.hidden,
        "tasks": options.tasks,
        "batch": options.batch,
        "threads": options.threads,
    }
    peer = PEERS[options.framework](options)
    before = peer.loss()
    peer.calibrate()
    run(peer, 0.3)
    # Both losses, so that a step which trains nothing shows before its speed is believed.
    print(
        json.dumps(
            {
                "ready": True,
                **description,
                "version": peer.version,
                "loss_before": before,
                "loss_after_warming": peer.loss(),
            }
        ),
        flush=True,
    )
    for line in sys.stdin:
        words = line.split()
        if words == ["quit"]:
            return
        if len(words) != 2 or words[0] != "run":
            sys.exit(f"expected 'run SECONDS' or 'quit', found {line!r}")
        rate = run(peer, float(words[1])) * options.batch
        print(json.dumps({**description, "samples_per_second": rate}), flush=True)


if __name__ == "__main__":
    main()
