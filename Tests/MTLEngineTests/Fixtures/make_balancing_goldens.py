"""Weights of tasks by other libraries' text, for balancing.json.

    python3 -m venv .venv
    .venv/bin/pip install -r requirements.txt
    .venv/bin/pip install torchjd==0.18.0 qpsolvers quadprog cvxpy clarabel ecos scipy
    .venv/bin/python make_balancing_goldens.py

A case is a method's options as an experiment has them and its steps: `losses` (null for a task that is left out), `gram`, `risks`,
`after` as the method needs them, `indicators` where the epoch ends behind the step (`end`), and what is expected: `weights`, or
`direction`, the weighted sum of `rows`. TorchJD 0.18 is called where it has the method. Where it has not, or stops its solver early, the
functions below are the papers' formulas; each says which. Everything is in float64.
"""

import json
import math
import pathlib

import cvxpy
import numpy as np
import torch
from engine_generator import Generator
from quadprog import solve_qp
from scipy.optimize import root
from torchjd.aggregation import (
    AlignedMTLWeighting, CAGradWeighting, ConFIG, CRMOGMWeighting, DualProjWeighting, ExcessMTLWeighting,
    FairGradWeighting, GradVacWeighting, IMTLGWeighting, MGDAWeighting, MoDoWeighting, NashMTL, PCDWeighting,
    PCGradWeighting, SDMGradWeighting, UPGradWeighting)
from torchjd.scalarization import DWA, FAMO, IMTLL, PBI, UW, GeometricMean

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
cases = []
def numbers(values):
    return None if values is None else [None if math.isnan(float(v)) else float(v) for v in np.ravel(values)]


def case(name, options, tasks, steps, seed=7, kind="regression", tolerance=1e-8):
    cases.append(dict(
        name=name, options=options, tasks=tasks, kind=kind, seed=seed, tolerance=tolerance,
        steps=[{k: (v if isinstance(v, bool) else numbers(v)) for k, v in s.items()} for s in steps]))


def gradients(rng, tasks, size=12, conflict=0.8):
    """Rows of different lengths, some against each other."""
    common = rng.normal(size=size)
    rows = rng.normal(size=(tasks, size)) + np.outer(rng.normal(size=tasks), common) * conflict
    return rows * np.exp(rng.normal(size=(tasks, 1)))


def slopes(function, losses):
    """What a scalarisation multiplies each loss's gradient by."""
    values = torch.tensor(losses, requires_grad=True)
    function(values).backward()
    return values.grad.numpy().copy()


def loss_steps(rng, tasks, count=6):
    return [np.exp(rng.normal(size=tasks)) for _ in range(count)]


# Methods of losses.

def make_learned(name, options, scalarizer, tasks, kind="regression", rate=0.01):
    steps, rng = [], np.random.default_rng(1)
    optimizer = torch.optim.Adam(scalarizer.parameters(), lr=rate)
    for losses in loss_steps(rng, tasks, 40):
        values = torch.tensor(losses, requires_grad=True)
        optimizer.zero_grad()
        scalarizer(values).backward()
        optimizer.step()
        steps.append(dict(losses=losses, weights=values.grad.numpy().copy()))
    case(name, options, tasks, steps, kind=kind)


class LiebelKoerner(torch.nn.Module):
    """arXiv 1805.06334, the variance by its logarithm; 1/2 of the loss for a Gaussian, all of it for classes."""

    def __init__(self, tasks, factor):
        super().__init__()
        self.s, self.factor = torch.nn.Parameter(torch.zeros(tasks)), factor

    def forward(self, losses):
        return (self.factor * torch.exp(-self.s) * losses + torch.log1p(torch.exp(self.s))).sum()


make_learned("uw", {"type": "uw"}, UW(3), 3)
make_learned("uw, rate", {"type": "uw", "learning_rate": 0.1}, UW(3), 3, rate=0.1)
make_learned("uw, Liebel and Koerner", {"type": "uw", "form": "liebel_koerner"}, LiebelKoerner(3, 0.5), 3)
make_learned(
    "uw, Liebel and Koerner, classes", {"type": "uw", "form": "liebel_koerner"}, LiebelKoerner(2, 1.0), 2,
    kind="binary")
make_learned("imtl_l", {"type": "imtl_l"}, IMTLL(3), 3)


def make_formulas():
    rng = np.random.default_rng(2)
    softmax = lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum()
    steps = [dict(losses=l, weights=softmax(1 / l / 0.7)) for l in loss_steps(rng, 4)]
    case("uw_so", {"type": "uw_so", "temperature": 0.7}, 4, steps)
    steps = [dict(losses=l, weights=slopes(GeometricMean(), l)) for l in loss_steps(rng, 4)]
    case("gls", {"type": "gls"}, 4, steps)
    preference = np.array([1, 3, 0.5])
    steps = [
        dict(losses=l, weights=slopes(PBI(2.0, torch.tensor(preference)), l)) for l in loss_steps(rng, 3)]
    case("pbi", {"type": "pbi", "penalty": 2, "preference": {"b": 3, "c": 0.5}}, 3, steps)
    seed = 2**63 + 11
    steps = []
    for step, losses in enumerate(loss_steps(rng, 3)):
        generator = Generator(seed).split(step)
        steps.append(dict(losses=losses, weights=softmax(np.array([generator.normal() for _ in range(3)]))))
    case("rlw", {"type": "rlw"}, 3, steps, seed=seed)

    steps, first = [], None
    for step, losses in enumerate(loss_steps(rng, 3, 9)):
        first = losses if step % 3 == 0 else first
        steps.append(dict(losses=losses, weights=(losses / first) ** 0.5, end=step % 3 == 2))
    case("lbtw", {"type": "lbtw"}, 3, steps)

    average, steps = None, []
    for losses in loss_steps(rng, 3, 5):
        indicators = rng.uniform(0.4, 0.99, size=3)
        weights = np.ones(3) if average is None else -((1 - average) ** 2) * np.log(average)
        steps.append(dict(losses=losses, weights=weights, end=True, indicators=indicators))
        average = indicators if average is None else 0.6 * average + 0.4 * indicators
    case("dtp", {"type": "dtp", "focusing": 2, "momentum": 0.6}, 3, steps)

    gammas = np.array([0.9, 0.5, 0.9])
    steps = [
        dict(losses=l, weights=gammas ** (step // 2), end=step % 2 == 1)
        for step, l in enumerate(loss_steps(rng, 3))]
    case("decay", {"type": "decay", "gamma": 0.9, "tasks": {"b": 0.5}}, 3, steps)

    dwa, steps = DWA(1.5), []
    for step, losses in enumerate(loss_steps(rng, 3, 12)):
        steps.append(dict(losses=losses, weights=slopes(dwa, losses), end=step % 3 == 2))
        if step % 3 == 2:
            dwa.step()
    case("dwa", {"type": "dwa", "temperature": 1.5}, 3, steps)


def make_variation(name, options, momentum):
    """arXiv 2009.01717: ratios to the mean before, Welford's sums; weights of a step are of the steps before it."""
    rng, steps = np.random.default_rng(3), []
    mean_loss = mean = squares = None
    for step, losses in enumerate(loss_steps(rng, 3, 12)):
        weights = np.full(3, 1 / 3)
        if step > 1:
            deviations = np.sqrt(squares / step + 1e-8)
            weights = deviations / mean / (deviations / mean).sum()
        ratios = np.ones(3) if step == 0 else losses / mean_loss
        kept = 0 if step == 0 else 1 - 1 / (step + 1) if momentum is None else momentum
        old = np.zeros(3) if step == 0 else mean
        mean = kept * old + (1 - kept) * ratios
        squares = (0 if step == 0 else squares) + (ratios - old) * (ratios - mean)
        mean_loss = kept * (0 if step == 0 else mean_loss) + (1 - kept) * losses
        steps.append(dict(losses=losses, weights=weights))
    case(name, options, 3, steps)


def make_tchebycheff():
    """The authors' multi-task code (arXiv 2402.19078) and LibMTL's, without their 1e-20."""
    rng, steps, seen, mu = np.random.default_rng(4), [], [], 0.5
    for step, losses in enumerate(loss_steps(rng, 3, 12)):
        epoch = step // 3
        if epoch <= 1:
            function = lambda l: torch.log(l).sum()
            if epoch == 1:
                seen.append(losses)
        else:
            nadir = torch.tensor(np.mean(seen, axis=0))
            function = lambda l: 3 * mu * torch.logsumexp(torch.log(l / nadir) / mu, 0)
        steps.append(dict(losses=losses, weights=slopes(function, losses), end=step % 3 == 2))
    case("stch", {"type": "stch", "mu": 0.5, "warmup": 2}, 3, steps)


def make_famo(name, options, rate=0.025, decay=1e-3):
    rng, steps, famo = np.random.default_rng(5), [], FAMO(4, lr=rate, weight_decay=decay)
    famo._w.data = famo._w.data.double()
    for losses in loss_steps(rng, 4, 30):
        weights = slopes(famo, losses)
        after = losses * np.exp(0.3 * rng.normal(size=4))
        famo.update(torch.tensor(after))
        steps.append(dict(losses=losses, weights=weights, after=after))
    case(name, options, 4, steps)


def make_discrepancy():
    """arXiv 2502.08585: v = σ(s), s from 1 on, in one optimiser with the model."""
    rng, steps = np.random.default_rng(15), []
    s = torch.ones(4, requires_grad=True)
    optimizer = torch.optim.Adam([s], lr=0.1)
    for losses in loss_steps(rng, 4, 20):
        values = torch.tensor(losses, requires_grad=True)
        v = torch.sigmoid(s)
        weighted = v * values
        total = weighted.sum() / v.sum().detach() + 0.3 * (weighted[:-1] - weighted[1:]).abs().sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        steps.append(dict(losses=losses, weights=values.grad.numpy().copy()))
    case("ldc_mtl", {"type": "ldc_mtl", "penalty": 0.3, "learning_rate": 0.1}, 4, steps)


make_formulas()
make_discrepancy()
make_variation("cov", {"type": "cov"}, None)
make_variation("cov, momentum", {"type": "cov", "momentum": 0.8}, 0.8)
make_tchebycheff()
make_famo("famo", {"type": "famo"})
make_famo("famo, options", {"type": "famo", "learning_rate": 0.2, "weight_decay": 0.1}, 0.2, 0.1)


# Methods of gradients.

def make_gram(name, options, reference, sizes=((2, 4), (3, 4), (5, 3)), tolerance=1e-7, direction=False, seed=7):
    """A case for each size; `reference` makes a function of rows and losses, which may remember."""
    for tasks, count in sizes:
        rng, steps = np.random.default_rng(100 + tasks), []
        function = reference(tasks)
        for step in range(count):
            rows, losses = gradients(rng, tasks), np.exp(rng.normal(size=tasks))
            entry = dict(losses=losses, gram=rows @ rows.T)
            result = function(rows, losses, step)
            entry.update(dict(rows=rows, direction=result) if direction else dict(weights=result))
            steps.append(entry)
        case(f"{name}, {tasks}", options, tasks, steps, tolerance=tolerance, seed=seed)


def torchjd(weighting):
    """A weighting of TorchJD as it is."""
    def make(tasks):
        object = weighting()
        return lambda rows, losses, step: object(torch.tensor(rows @ rows.T)).detach().numpy().copy()
    return make


def shortest(rows):
    """min ‖Σ w g‖ over the simplex by quadprog. Frank-Wolfe as TorchJD stops it must not be better."""
    gram = rows @ rows.T
    tasks = len(rows)
    scale = np.trace(gram)
    w = solve_qp(
        gram / scale + 1e-13 * np.eye(tasks), np.zeros(tasks), np.vstack([np.ones(tasks), np.eye(tasks)]).T,
        np.concatenate([[1.0], np.zeros(tasks)]), 1)[0]
    walked = MGDAWeighting()(torch.tensor(gram)).numpy()
    assert w @ gram @ w <= walked @ gram @ walked + 1e-9 * scale
    if tasks == 2:
        assert np.allclose(w, walked, atol=1e-6), (w, walked)
    return w


def normalized(kind):
    def make(tasks):
        def function(rows, losses, step):
            lengths = np.linalg.norm(rows, axis=1)
            divisors = {
                "none": np.ones(tasks), "norm": lengths, "loss": losses, "loss_norm": losses * lengths}[kind]
            return shortest(rows / divisors[:, None]) / divisors
        return function
    return make


def shuffled(weighting):
    """TorchJD's own text with the engine's random orders. GradVac draws one of the other tasks alone."""
    def make(tasks):
        object = weighting()

        def function(rows, losses, step):
            generator, task = Generator(7).split(step), [0]

            def randperm(count):
                order = generator.order(tasks)
                if count < tasks:
                    order = [j - (j > task[0]) for j in order if j != task[0]]
                task[0] += 1
                return torch.tensor(order)

            original, torch.randperm = torch.randperm, randperm
            try:
                return object(torch.tensor(rows @ rows.T)).numpy().copy()
            finally:
                torch.randperm = original
        return function
    return make


def bargain(power, name):
    """M w = w^(-p) to the last digits, from TorchJD's answer on, which it has to be near."""
    def make(tasks):
        fair = FairGradWeighting(alpha=1 / power)

        def function(rows, losses, step):
            gram = rows @ rows.T
            start = fair(torch.tensor(gram)).numpy()
            solve = lambda t: gram @ np.exp(t) * np.exp(power * t) - 1
            result = root(solve, np.log(start), tol=1e-15)
            w = np.exp(result.x)
            assert np.abs(solve(result.x)).max() < 1e-9 and np.allclose(w, start, rtol=1e-3), (w, start)
            if name == "fairgrad":
                return w
            w = w * np.sqrt(np.linalg.norm(gram))
            w = w / max(1, np.linalg.norm(w @ rows))
            theirs = NashMTL(n_tasks=tasks)(torch.tensor(rows)).numpy()
            ours = w @ rows
            # Their sequence of conic programs stops at a residual of 1e-3, or after 20 of them.
            cosine = ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs)
            print(f"nash_mtl, {tasks}: cosine with TorchJD's direction {cosine:.6f}")
            return w
        return function
    return make


def kept(every):
    def make(tasks):
        inner, last = bargain(1, "nash")(tasks), {}

        def function(rows, losses, step):
            if step % every == 0:
                gram = rows @ rows.T
                w = inner(rows, losses, step)
                # Before the bound on the length.
                last["w"] = w / np.linalg.norm(w @ rows) * np.sqrt(np.linalg.norm(gram) * tasks)
            w = last["w"]
            return w / max(1, np.linalg.norm(w @ rows) / 2.5)
        return function
    return make


def pareto_efficient(floors):
    """RecSys 2019: the stationary point without signs by least squares, then the nearest point that keeps the floors."""
    def make(tasks):
        c = floors(tasks)

        def function(rows, losses, step):
            gram = rows @ rows.T
            system = np.block([[gram, np.ones((tasks, 1))], [np.ones((1, tasks)), np.zeros((1, 1))]])
            right = np.concatenate([-gram @ c, [1 - c.sum()]])
            free = np.linalg.lstsq(system, right, rcond=None)[0][:tasks]
            return c + solve_qp(
                np.eye(tasks), free, np.vstack([np.ones(tasks), np.eye(tasks)]).T,
                np.concatenate([[1 - c.sum()], np.zeros(tasks)]), 1)[0]
        return function
    return make


def least(gram, radius):
    """CAGrad's dual to the last digits: on the support that TorchJD's answer has, its stationarity by Newton's method."""
    tasks = len(gram)
    gram = gram / np.trace(gram)
    mean = np.full(tasks, 1 / tasks)
    length = radius * np.sqrt(mean @ gram @ mean)
    pull = gram @ mean
    w = cvxpy.Variable(tasks)
    factor = np.linalg.cholesky(gram + 1e-15 * np.eye(tasks))
    problem = cvxpy.Problem(
        cvxpy.Minimize(pull @ w + length * cvxpy.norm(factor.T @ w)), [w >= 0, cvxpy.sum(w) == 1])
    problem.solve(cvxpy.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    free = np.flatnonzero(w.value > 1e-6)

    def slopes(z):
        v = np.zeros(tasks)
        v[free] = z[:-1]
        return np.concatenate([(pull + length * gram @ v / np.sqrt(v @ gram @ v))[free] - z[-1], [v.sum() - 1]])

    start = w.value[free]
    result = root(slopes, np.concatenate([start, [slopes(np.concatenate([start, [0]]))[:-1].mean()]]), tol=1e-15)
    v = np.zeros(tasks)
    v[free] = result.x[:-1]
    assert np.abs(slopes(result.x)).max() < 1e-12 and v.min() >= 0
    return mean + length / np.sqrt(v @ gram @ v) * v


def averse(radius, rescale):
    def make(tasks):
        weighting = CAGradWeighting(c=radius)

        def function(rows, losses, step):
            w = least(rows @ rows.T, radius)
            # TorchJD stops its solver at a precision of about 1e-5.
            assert np.allclose(w, weighting(torch.tensor(rows @ rows.T)).numpy(), atol=3e-4)
            return w / (1 + radius**2 if rescale else 1)
        return function
    return make


def equal_projections(tasks):
    weighting = IMTLGWeighting()

    def function(rows, losses, step):
        w = weighting(torch.tensor(rows @ rows.T)).numpy()
        # LibMTL's inverse, where the gradients are independent.
        units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        d, u = rows[0] - rows[1:], units[0] - units[1:]
        alpha = rows[0] @ u.T @ np.linalg.inv(d @ u.T)
        assert np.allclose(w, np.concatenate([[1 - alpha.sum()], alpha]), rtol=1e-6)
        # Both make all losses rise where the weights' sum, 1, has the wrong sign; the engine turns round.
        rises = rows @ (w @ rows) < 0
        assert rises.all() or not rises.any()
        return -w if rises.all() else w
    return function


def metabalance(main, relaxation=0.7, momentum=0.9):
    """arXiv 2203.06801 for one block, without the 1e-5 that the authors add to a length."""
    def make(tasks):
        average = np.zeros(tasks)

        def function(rows, losses, step):
            average[:] = momentum * average + (1 - momentum) * np.linalg.norm(rows, axis=1)
            w = relaxation * average[main] / average + 1 - relaxation
            w[main] = 1
            return w
        return function
    return make


def craft(relaxation, cosine, momentum=0.8):
    """arXiv 2407.19682, for parameters that all tasks reach."""
    def make(tasks):
        average = np.zeros(tasks)

        def function(rows, losses, step):
            average[:] = momentum * average + (1 - momentum) * np.linalg.norm(rows, axis=1)
            scaled = rows * (relaxation * average.max() / average + 1 - relaxation)[:, None]
            lengths = np.linalg.norm(scaled, axis=1)
            result = []
            for g, length in zip(scaled, lengths):
                against = scaled @ g < 0
                others = scaled[against]
                extra = cosine * length * lengths[against]
                result.append(g + others.T @ np.linalg.solve(others @ others.T, extra - others @ g))
            return np.mean(result, axis=0)
        return function
    return make


def gate(is_weighted):
    def make(tasks):
        def function(rows, losses, step):
            cosines = rows @ rows[1] / np.linalg.norm(rows, axis=1) / np.linalg.norm(rows[1])
            return np.maximum(cosines, 0) if is_weighted else (cosines > 0) * 1.0
        return function
    return make


def equal_lengths(tasks):
    """arXiv 2308.12029 without a moving average: weights of the plain gradients."""
    def function(rows, losses, step):
        of_logs = rows / (losses[:, None] + 1e-8)
        lengths = np.linalg.norm(of_logs, axis=1)
        return lengths.max() / lengths / (losses + 1e-8)
    return function


make_gram("mgda", {"type": "mgda"}, normalized("none"))
for kind in ("norm", "loss", "loss_norm"):
    make_gram(f"mgda, {kind}", {"type": "mgda", "normalization": kind}, normalized(kind), sizes=((3, 3),))
make_gram("pe_ltr", {"type": "pe_ltr"}, pareto_efficient(np.zeros))
make_gram(
    "pe_ltr, floors", {"type": "pe_ltr", "floor": 0.1, "tasks": {"b": 0.3}},
    pareto_efficient(lambda tasks: np.array([0.3 if t == 1 else 0.1 for t in range(tasks)])))
make_gram("pcgrad", {"type": "pcgrad"}, shuffled(PCGradWeighting))
make_gram("gradvac", {"type": "gradvac"}, shuffled(lambda: GradVacWeighting(eps=0)), sizes=((2, 5), (5, 5)))
make_gram("cagrad", {"type": "cagrad"}, averse(0.5, True))
make_gram("cagrad, plain", {"type": "cagrad", "radius": 0.2, "rescaled": False}, averse(0.2, False))
make_gram("nash_mtl", {"type": "nash_mtl"}, bargain(1, "nash"))
make_gram("nash_mtl, kept", {"type": "nash_mtl", "every": 2, "maximum_norm": 2.5}, kept(2), sizes=((3, 4),))
make_gram("fairgrad", {"type": "fairgrad"}, bargain(1, "fairgrad"))
make_gram("fairgrad, 2", {"type": "fairgrad", "alpha": 2}, bargain(0.5, "fairgrad"))
make_gram("fairgrad, .5", {"type": "fairgrad", "alpha": 0.5}, bargain(2, "fairgrad"))
for scale in ("min", "median", "rmse"):
    make_gram(
        f"aligned_mtl, {scale}", {"type": "aligned_mtl", "scale": scale},
        torchjd(lambda: AlignedMTLWeighting(scale_mode=scale)))
make_gram("upgrad", {"type": "upgrad"}, torchjd(UPGradWeighting))
make_gram("dualproj", {"type": "dualproj"}, torchjd(DualProjWeighting))
make_gram(
    "upgrad, smoothed", {"type": "upgrad", "smoothing": 0.7},
    torchjd(lambda: CRMOGMWeighting(UPGradWeighting(), alpha=0.7)))
make_gram(
    "config", {"type": "config"}, lambda tasks: lambda rows, losses, step: ConFIG()(torch.tensor(rows)).numpy(),
    direction=True)
make_gram("imtl_g", {"type": "imtl_g"}, equal_projections)
make_gram("pcd", {"type": "pcd", "progress": 0.3}, torchjd(lambda: PCDWeighting(tau=0.3)), sizes=((2, 6), (4, 6)))
make_gram("pcd, usual", {"type": "pcd"}, torchjd(PCDWeighting), sizes=((2, 6), (4, 6)))
make_gram("metabalance", {"type": "metabalance", "main": "b"}, metabalance(1))
make_gram(
    "gradcraft", {"type": "gradcraft", "relaxation": 0.6, "momentum": 0.8, "cosine": 0.1}, craft(0.6, 0.1),
    direction=True)
make_gram("gradcraft, plain", {"type": "gradcraft", "momentum": 0.8}, craft(1, 0), direction=True)
make_gram("cosine_gate", {"type": "cosine_gate", "main": "b"}, gate(False))
make_gram("cosine_gate, weighted", {"type": "cosine_gate", "main": "b", "weighted": True}, gate(True))
make_gram("db_mtl", {"type": "db_mtl", "momentum": 0}, equal_lengths)


def make_dependent():
    """Rows that depend on each other: weights are not the only ones, the direction is."""
    steps = {"imtl_g": [], "config": [], "aligned_mtl": []}
    rng = np.random.default_rng(8)
    for _ in range(3):
        rows = gradients(rng, 3)
        rows = np.vstack([rows, rows[0] + 0.5 * rows[1] + rows[2], rows[2]])
        gram = torch.tensor(rows @ rows.T)
        losses = np.exp(rng.normal(size=5))
        entry = dict(losses=losses, gram=gram, rows=rows)
        steps["config"].append(entry | dict(direction=ConFIG()(torch.tensor(rows)).numpy()))
        steps["aligned_mtl"].append(entry | dict(direction=AlignedMTLWeighting()(gram).numpy() @ rows))
    case("config, dependent", {"type": "config"}, 5, steps["config"], tolerance=1e-6)
    case("aligned_mtl, dependent", {"type": "aligned_mtl"}, 5, steps["aligned_mtl"], tolerance=1e-6)


def make_left_out():
    """Batches without labels of a task, between others: the weights of those that are there are as if they were alone."""
    rng, steps, famo = np.random.default_rng(9), [], FAMO(3)
    for step in range(12):
        losses = np.exp(rng.normal(size=4))
        after = losses * np.exp(0.3 * rng.normal(size=4))
        there = [0, 1, 3]
        weights = np.zeros(4)
        weights[there] = slopes(famo, losses[there])
        famo.update(torch.tensor(after[there]))
        losses[2] = after[2] = math.nan
        steps.append(dict(losses=losses, after=after, weights=weights))
    case("famo, one left out", {"type": "famo"}, 4, steps)
    for name, weighting in (("upgrad", UPGradWeighting()), ("aligned_mtl", AlignedMTLWeighting()),
                            ("cagrad", lambda m: torch.tensor(least(m.numpy(), 0.5) / 1.25))):
        steps = []
        for step in range(4):
            rows, losses = gradients(rng, 5), np.exp(rng.normal(size=5))
            rows[2], losses[2] = 0, math.nan
            there = [0, 1, 3, 4]
            weights = np.zeros(5)
            weights[there] = weighting(torch.tensor(rows[there] @ rows[there].T)).numpy()
            steps.append(dict(losses=losses, gram=rows @ rows.T, weights=weights))
        case(f"{name}, one left out", {"type": name}, 5, steps, tolerance=1e-7)


def make_gradnorm():
    """LibMTL's: w = T softmax(s), L(0) the means of epoch 0, weights from epoch 1 on, by autograd."""
    rng, steps = np.random.default_rng(10), []
    s = torch.ones(3, requires_grad=True)
    optimizer, seen = torch.optim.Adam([s], lr=0.05), []
    for step in range(12):
        rows, losses = gradients(rng, 3), np.exp(rng.normal(size=3))
        if step < 4:
            seen.append(losses)
            weights = np.ones(3)
        else:
            w = 3 * torch.softmax(s, 0)
            weights = w.detach().numpy().copy()
            lengths = (w[:, None] * torch.tensor(rows)).norm(dim=1)
            ratios = torch.tensor(losses / np.mean(seen, axis=0))
            target = (lengths.mean() * (ratios / ratios.mean()) ** 1.5).detach()
            optimizer.zero_grad()
            (lengths - target).abs().sum().backward()
            optimizer.step()
        steps.append(dict(losses=losses, gram=rows @ rows.T, weights=weights, end=step % 4 == 3))
    case("gradnorm", {"type": "gradnorm", "learning_rate": 0.05}, 3, steps)


def make_priorities(name, options, order, tolerance, phase, rate, momentum, end, left_out=()):
    """arXiv 2412.12092 in one run, after docs/balancing.md: a task's Lagrangian min L_k + Σ λ_i (L_i - b_i), scaled by 1 + Σ λ, over the
    tasks i above k; λ by dual ascent on the smoothed loss over its bound b_i = (1 + tolerance) times the least mean of an epoch."""
    rng, steps, tasks = np.random.default_rng(16), [], len(order)
    multipliers, smoothed, best = {}, {}, {}
    means = [[] for _ in range(tasks)]
    for step, losses in enumerate(loss_steps(rng, tasks, 36)):
        losses = losses * 0.95**step
        for task in left_out:
            if step % 5 == 2:
                losses[task] = math.nan
        there = [t for t in range(tasks) if not math.isnan(losses[t])]
        k = min(step // (end * phase), tasks - 1)
        now, above = order[k], [t for t in order[:k] if t in there]
        values = torch.tensor(losses, requires_grad=True)
        total = (values[now] if now in there else 0) + sum(multipliers[t] * values[t] for t in above)
        total = total / (1 + sum(multipliers[t] for t in above))
        weights = np.zeros(tasks)
        if isinstance(total, torch.Tensor):
            total.backward()
            weights = np.nan_to_num(values.grad.numpy().copy())
        steps.append(dict(losses=losses, weights=weights, end=step % end == end - 1))
        for t in there:
            smoothed[t] = momentum * smoothed[t] + (1 - momentum) * losses[t] if t in smoothed else losses[t]
            means[t].append(losses[t])
            if t in order[:k]:
                violation = smoothed[t] / ((1 + tolerance[t]) * best[t]) - 1
                multipliers[t] = max(0, multipliers[t] + rate * np.clip(violation, -1, 1))
        if step % end == end - 1:
            for t in order[:k + 1]:
                if means[t]:
                    best[t] = min(best.get(t, math.inf), np.mean(means[t]))
            means = [[] for _ in range(tasks)]
            if k < tasks - 1 and (step + 1) // (end * phase) > k:
                multipliers[now] = 1.0
    case(name, options, tasks, steps)


def make_preferences(name, options, tasks, alpha, penalty, seed, left_out=None):
    """arXiv 2103.13392, its authors' loss: Σ p_t L_t - λ cos(L, p) by autograd, p drawn by the engine's generator."""
    rng, steps = np.random.default_rng(18), []
    for step, losses in enumerate(loss_steps(rng, tasks, 8)):
        ray = torch.tensor(Generator(seed).split(step).preference(alpha, tasks))
        there = [t for t in range(tasks) if t != left_out or step % 3]
        weights = np.zeros(tasks)
        weights[there] = slopes(
            lambda l: (l * ray[there]).sum()
            - penalty * torch.nn.functional.cosine_similarity(l, ray[there], dim=0, eps=0), losses[there])
        if len(there) < tasks:
            losses[left_out] = math.nan
        steps.append(dict(losses=losses, weights=weights))
    case(name, options, tasks, steps, seed=seed)


def make_scales(name, options, metric, window, end, phase):
    """arXiv 2508.13979's two phases: weights that equalise a window's gradients, or losses; then their mean. Gradients of a window are
    those of its rows together: the length is the root of the mean square."""
    rng, steps, weights, seen, found = np.random.default_rng(17), [], np.ones(3), [], []
    for step in range(24):
        rows, losses = gradients(rng, 3), np.exp(rng.normal(size=3))
        steps.append(dict(losses=losses, gram=rows @ rows.T, weights=weights, end=step % end == end - 1))
        if step < phase * end:
            seen.append(np.linalg.norm(rows, axis=1) ** 2 if metric == "magnitude" else losses)
            if len(seen) == window or step % end == end - 1:
                size = np.mean(seen, axis=0)
                size = size**0.5 if metric == "magnitude" else size
                weights = 3 / size / (1 / size).sum()
                found.append(weights)
                seen = []
            if step == phase * end - 1:
                weights = np.mean(found, axis=0)
    case(name, options, 3, steps)


def make_followed():
    """Two batches for each step: products that are not symmetric."""
    for name, options, weighting in (
        ("sdmgrad", {"type": "sdmgrad"}, SDMGradWeighting()),
        ("sdmgrad, options", {"type": "sdmgrad", "lambda": 1, "learning_rate": 0.5, "momentum": 0.2, "iterations": 5},
         SDMGradWeighting(lr=0.5, momentum=0.2, n_iter=5, lambda_=1.0)),
        ("modo", {"type": "modo"}, MoDoWeighting()),
        ("modo, options", {"type": "modo", "learning_rate": 0.01, "penalty": 0.5}, MoDoWeighting(0.01, 0.5)),
    ):
        rng, steps = np.random.default_rng(11), []
        for _ in range(6):
            rows = gradients(rng, 4) * 3
            other = rows + rng.normal(size=rows.shape)
            cross = rows @ other.T
            weights = weighting(torch.tensor(cross)).numpy().copy()
            steps.append(dict(losses=np.ones(4), gram=cross, weights=weights))
        case(name, options, 4, steps, tolerance=1e-6)


def simplex(y):
    sorted_y, total = np.sort(y)[::-1], 0.0
    for i, value in enumerate(sorted_y):
        total += value
        threshold = (total - 1) / (i + 1)
        if i + 1 == len(y) or threshold >= sorted_y[i + 1]:
            return np.maximum(y - threshold, 0)


def make_tracked():
    """MoCo (arXiv 2210.12624, projected) and DB-MTL with its moving average. The test keeps the averages as it is told to."""
    rng, steps, y, w = np.random.default_rng(12), [], np.zeros((3, 12)), np.full(3, 1 / 3)
    for step in range(8):
        rows, losses = gradients(rng, 3), np.exp(rng.normal(size=3))
        k = step + 1
        target = rows / np.linalg.norm(rows, axis=1, keepdims=True) * losses[:, None]
        y = y - 0.5 / k**0.5 * (y - target)
        w = simplex(w - 0.1 / k**0.5 * (y @ y.T + 0.2 * np.eye(3)) @ w)
        steps.append(dict(losses=losses, rows=rows, direction=y.T @ w, weights=w))
    case("moco", {"type": "moco", "penalty": 0.2}, 3, steps)
    rng, steps, y = np.random.default_rng(13), [], np.zeros((3, 12))
    for step in range(8):
        rows, losses = gradients(rng, 3), np.exp(rng.normal(size=3))
        target = rows / (losses[:, None] + 1e-8)
        y = target + 0.9 / (step + 1) ** 0.5 * (y - target)
        lengths = np.linalg.norm(y, axis=1)
        steps.append(dict(losses=losses, rows=rows, direction=(lengths.max() / lengths) @ y,
                          weights=lengths.max() / lengths))
    case("db_mtl, tracked", {"type": "db_mtl", "momentum": 0.9, "decay": 0.5}, 3, steps)


def make_excess():
    """TorchJD's with one step of warm-up, which is LibMTL's; times T. Its 1e-7 beside the first risk is the tolerance."""
    rng, steps, sums = np.random.default_rng(14), [], 0
    weighting = ExcessMTLWeighting(robust_step_size=0.3, n_warmup_steps=1)
    for _ in range(8):
        rows = gradients(rng, 3)
        sums = sums + rows**2
        weights = 3 * weighting(torch.tensor(rows)).numpy()
        steps.append(dict(
            losses=np.ones(3), rows=rows, risks=(rows**2 / np.sqrt(sums + 1e-7)).sum(axis=1), weights=weights))
    case("excess_mtl", {"type": "excess_mtl", "step_size": 0.3}, 3, steps, tolerance=1e-6)


make_dependent()
make_left_out()
make_gradnorm()
make_priorities(
    "priorities", {"type": "priorities"}, [0, 1, 2], [0.002] * 3, 1, 1.0, 0.9, 6)
make_priorities(
    "priorities, options",
    {"type": "priorities", "order": ["c", "a", "d", "b"], "tolerance": 0.05, "tasks": {"a": 0.2}, "phase": 2,
     "learning_rate": 0.3, "momentum": 0.5},
    [2, 0, 3, 1], [0.2, 0.05, 0.05, 0.05], 2, 0.3, 0.5, 4, left_out=(0, 3))
make_scales("autoscale", {"type": "autoscale", "window": 3}, "magnitude", 3, 8, 1)
make_scales(
    "autoscale, loss_scale", {"type": "autoscale", "metric": "loss_scale", "window": 4, "fixed_after": 2}, "loss_scale",
    4, 8, 2)
make_preferences("cosmos", {"type": "cosmos"}, 2, 1.0, 0.01, 5)
make_preferences(
    "cosmos, options", {"type": "cosmos", "alpha": 0.3, "penalty": 4}, 4, 0.3, 4.0, 2**63 + 5, left_out=1)
make_followed()
make_tracked()
make_excess()

path = pathlib.Path(__file__).parent / "balancing.json"
path.write_text(json.dumps(cases, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
print(f"{len(cases)} cases, {path.stat().st_size} bytes")
