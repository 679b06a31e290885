"""Writes linear.json: the minima of every linear coupling, by solvers of another kind (versions in requirements.txt).

Convex problems go to Clarabel's interior-point method through CVXPY, which sees each objective as its paper states
it: matrices M, parts of W and the nuclear norm are variables and cones, nothing is minimised out. The objective is
then evaluated again in NumPy from the definitions. MultiTaskLasso, MultiTaskElasticNet and LogisticRegression come
from scikit-learn, alternating structure optimisation from L-BFGS on its singular values.
"""

import json
import warnings
from pathlib import Path

import cvxpy as cp
import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, MultiTaskElasticNet, MultiTaskLasso

# "Inaccurate" is measured by 1e-11 here; the status is printed.
warnings.filterwarnings("ignore", "Solution may be inaccurate")
rng = np.random.default_rng(11)
TASKS = 5


def labels_of(scores, logistic, missing):
    if logistic:
        labels = (rng.random(scores.shape) < 1 / (1 + np.exp(-scores))).astype(float)
    else:
        labels = np.round(scores + 0.5 * rng.normal(size=scores.shape), 3)
    labels[rng.random(scores.shape) < missing] = np.nan
    return labels


def features_of(rows, width):
    # A mean apart from 0, so that an intercept matters.
    return np.round(rng.normal(size=(rows, width)) + 0.7, 3)


def weights_of(width):
    low_rank = rng.normal(size=(width, 2)) @ rng.normal(size=(2, TASKS))
    low_rank[width // 2 :] = 0
    low_rank[:, -1] = rng.normal(size=width)
    return low_rank


def shared(rows, width, logistic=False, missing=0.2):
    features = features_of(rows, width)
    labels = labels_of(features @ weights_of(width) - 0.5, logistic, missing)
    return [{"features": features, "labels": labels}]


def own(width):
    weights = weights_of(width)
    blocks = []
    for task, rows in enumerate([14, 25, 31, 9, 20]):
        features = features_of(rows, width)
        labels = labels_of(features @ weights[:, [task]] + 1, False, 0.1)
        blocks.append({"features": features, "labels": labels})
    return blocks


DATA = {
    "regression": shared(40, 8),
    "complete": shared(30, 7, missing=0),
    "wide": shared(12, 16),
    "classification": shared(60, 6, logistic=True),
    "own": own(6),
}


def columns(data):
    """Per task its labelled rows."""
    result = []
    for block in DATA[data]:
        for labels in block["labels"].T:
            kept = ~np.isnan(labels)
            result.append((block["features"][kept], labels[kept]))
    return result


def scale(y, reduction):
    return 1 / len(y) if reduction == "mean" else 1


def loss_value(data, logistic, reduction, w, b):
    total = 0
    for t, (x, y) in enumerate(columns(data)):
        z = x @ w[:, t] + b[t]
        terms = np.logaddexp(0, z) - y * z if logistic else 0.5 * (z - y) ** 2
        total += scale(y, reduction) * terms.sum()
    return total


def loss_expression(data, logistic, reduction, w, b):
    total = 0
    for t, (x, y) in enumerate(columns(data)):
        z = x @ w[:, t] + b[t]
        terms = cp.sum(cp.logistic(z)) - y @ z if logistic else 0.5 * cp.sum_squares(z - y)
        total += scale(y, reduction) * terms
    return total


def rows_max(p):
    return cp.sum(cp.max(cp.abs(p), axis=1))


def columns_2(p):
    return cp.sum(cp.norm(p, 2, axis=0))


def rows_2(p):
    return cp.sum(cp.norm(p, 2, axis=1))


def nuclear(w):
    return np.linalg.svd(w, compute_uv=False).sum()


def coupling_terms(c, width):
    """CVXPY's penalty, constraints and parts, and NumPy's penalty of the solution."""
    kind = c["kind"]
    w = cp.Variable((width, TASKS))
    q = cp.Variable((width, TASKS))
    lam, l1, l2 = c.get("penalty", 0), c.get("l1", 0), c.get("l2", 0)
    if kind == "independent":
        return l1 * cp.sum(cp.abs(w)) + l2 * cp.sum_squares(w), [], [w], lambda w: l1 * abs(w).sum() + l2 * (w**2).sum()
    if kind == "jointFeatures":
        return (lam * rows_2(w) + l2 * cp.sum_squares(w), [], [w],
                lambda w: lam * np.linalg.norm(w, axis=1).sum() + l2 * (w**2).sum())
    if kind == "traceNorm":
        return (lam * cp.normNuc(w) + l2 * cp.sum_squares(w), [], [w],
                lambda w: lam * nuclear(w) + l2 * (w**2).sum())
    if kind == "dirty":
        return (c["shared"] * rows_max(w) + c["sparse"] * cp.sum(cp.abs(q)), [], [w, q],
                lambda p, q: c["shared"] * abs(p).max(axis=1).sum() + c["sparse"] * abs(q).sum())
    if kind == "robust":
        return (c["lowRank"] * cp.normNuc(w) + c["outliers"] * columns_2(q), [], [w, q],
                lambda p, q: c["lowRank"] * nuclear(p) + c["outliers"] * np.linalg.norm(q, axis=0).sum())
    if kind == "robustFeatures":
        return (c["shared"] * rows_2(w) + c["outliers"] * columns_2(q), [], [w, q],
                lambda p, q: c["shared"] * np.linalg.norm(p, axis=1).sum()
                + c["outliers"] * np.linalg.norm(q, axis=0).sum())
    if kind == "sparseLowRank":
        return (c["sparse"] * cp.sum(cp.abs(w)), [cp.normNuc(q) <= c["traceBound"]], [w, q],
                lambda p, q: c["sparse"] * abs(p).sum())
    if kind == "meanRegularized":
        r = np.eye(TASKS) - 1 / TASKS
        return (lam * cp.sum_squares(w @ r) + l1 * cp.sum(cp.abs(w)), [], [w],
                lambda w: lam * ((w - w.mean(axis=1, keepdims=True)) ** 2).sum() + l1 * abs(w).sum())
    if kind == "graph":
        edges = c["edges"]
        return (lam * sum(e[2] * cp.sum_squares(w[:, e[0]] - w[:, e[1]]) for e in edges) + l1 * cp.sum(cp.abs(w)),
                [], [w],
                lambda w: lam * sum(e[2] * ((w[:, e[0]] - w[:, e[1]]) ** 2).sum() for e in edges) + l1 * abs(w).sum())
    if kind == "taskCovariance":
        omega = cp.Variable((TASKS, TASKS), PSD=True)
        return (lam * cp.matrix_frac(w.T, omega) + l2 * cp.sum_squares(w), [cp.trace(omega) == 1], [w],
                lambda w: lam * nuclear(w) ** 2 + l2 * (w**2).sum())
    if kind in ("convexAlternatingStructure", "clustered"):
        eta = l2 / lam
        size = width if kind != "clustered" else TASKS
        m = cp.Variable((size, size), PSD=True)
        factor = lam * eta * (1 + eta)
        stacked = w if kind != "clustered" else w.T

        def value(w):
            # With M at a feasible point near the solver's, this bounds the minimum from above.
            found, vectors = np.linalg.eigh(m.value)
            found = np.clip(found, 0, 1)
            found *= min(1, c["count"] / found.sum())
            side = w if kind != "clustered" else w.T
            return factor * (((vectors.T @ side) ** 2).sum(axis=1) / (eta + found)).sum()

        return (factor * cp.matrix_frac(stacked, eta * np.eye(size) + m),
                [m << np.eye(size), cp.trace(m) == c["count"]], [w], value)
    raise ValueError(kind)


def convex(case):
    logistic = case["loss"] == "logistic"
    width = DATA[case["data"]][0]["features"].shape[1]
    penalty, constraints, parts, value = coupling_terms(case["coupling"], width)
    b = cp.Variable(TASKS) if case["intercept"] else np.zeros(TASKS)
    problem = cp.Problem(
        cp.Minimize(loss_expression(case["data"], logistic, case["reduction"], sum(parts), b) + penalty), constraints)
    tight = {name: 1e-11 for name in ("tol_gap_abs", "tol_gap_rel", "tol_feas")}
    problem.solve(solver=cp.CLARABEL, max_iter=300, **tight)
    found = [part.value for part in parts]
    intercepts = b.value if case["intercept"] else b
    w = sum(found)
    objective = loss_value(case["data"], logistic, case["reduction"], w, intercepts) + value(*found)
    print(f"{case['name']:38} {problem.status:18} {objective:.12f} {problem.value - objective:+.1e}")
    return objective, w, intercepts


def alternating(case):
    """The lowest of the stationary points L-BFGS finds, the first start as the paper's: the ridge solution."""
    c = case["coupling"]
    logistic = case["loss"] == "logistic"
    width = DATA[case["data"]][0]["features"].shape[1]
    rows = columns(case["data"])

    def function(flat, dimensions):
        w, b = flat[: width * TASKS].reshape(width, TASKS), flat[width * TASKS :]
        value = loss_value(case["data"], logistic, case["reduction"], w, b) + c["l2"] * (w**2).sum()
        u, s, vt = np.linalg.svd(w, full_matrices=False)
        s[:dimensions] = 0
        dw, db = 2 * c["penalty"] * (u * s) @ vt + 2 * c["l2"] * w, np.zeros(TASKS)
        for t, (x, y) in enumerate(rows):
            z = x @ w[:, t] + b[t]
            residual = scale(y, case["reduction"]) * ((expit(z) if logistic else z) - y)
            dw[:, t] += x.T @ residual
            db[t] = residual.sum() if case["intercept"] else 0
        return value + c["penalty"] * (s**2).sum(), np.concatenate([dw.ravel(), db])

    def solve(start, dimensions):
        # Restarted, since the line search ends early where the value no longer shows progress.
        for _ in range(5):
            start = minimize(function, start, (dimensions,), jac=True, method="L-BFGS-B",
                             options={"maxiter": 100_000, "maxfun": 100_000, "ftol": 0, "gtol": 1e-11}).x
        return start

    start = solve(np.zeros((width + 1) * TASKS), 0)
    found = solve(start, c["count"])
    objective = function(found, c["count"])[0]
    others = [function(solve(rng.normal(size=found.size), c["count"]), c["count"])[0] for _ in range(4)]
    print(f"{case['name']:38} {'L-BFGS':18} {objective:.12f} others {np.array(others) - objective}")
    return objective, found[: width * TASKS].reshape(width, TASKS), found[width * TASKS :]


def scikit_learn(case):
    c = case["coupling"]
    data = DATA[case["data"]][0]
    if case["loss"] == "logistic":
        w, b = [], []
        for x, y in columns(case["data"]):
            # C·Σ loss + ½‖w‖²: the objective of this case, divided by 2·l2.
            model = LogisticRegression(C=1 / (2 * c["l2"]), fit_intercept=case["intercept"], tol=1e-12,
                                       solver="newton-cholesky", max_iter=1000).fit(x, y)
            w.append(model.coef_[0])
            b.append(float(np.atleast_1d(model.intercept_)[0]))
        w, b = np.array(w).T, np.array(b)
        value = c["l2"] * (w**2).sum()
    else:
        # (1/2n)‖Y - XW‖² + α·r‖W‖₂₁ + ½α(1 - r)‖W‖²
        alpha = c["penalty"] + 2 * c["l2"]
        common = dict(alpha=alpha, fit_intercept=case["intercept"], tol=1e-14, max_iter=1_000_000)
        model = MultiTaskLasso(**common) if c["l2"] == 0 else MultiTaskElasticNet(
            l1_ratio=c["penalty"] / alpha, **common)
        model.fit(data["features"], data["labels"])
        w, b = model.coef_.T, np.broadcast_to(model.intercept_, TASKS)
        value = c["penalty"] * np.linalg.norm(w, axis=1).sum() + c["l2"] * (w**2).sum()
    objective = loss_value(case["data"], case["loss"] == "logistic", case["reduction"], w, b) + value
    print(f"{case['name']:38} {'scikit-learn':18} {objective:.12f}")
    return objective, w, b


def case(data, solver=convex, reduction="mean", intercept=True, **coupling):
    loss = "logistic" if data == "classification" else "squared"
    name = f"{coupling['kind']}, {data}" + (", scikit-learn" if solver is scikit_learn else "")
    name += "" if intercept else ", no intercept"
    name += ", no l2" if coupling.get("l2") == 0 else ""
    entry = dict(name=name, data=data, loss=loss, reduction=reduction, intercept=intercept, coupling=coupling)
    objective, w, b = solver(entry)
    # Where the minimum is one point, also the point; with more features than rows W may not be unique.
    return entry | dict(objective=objective, coefficients=None if data == "wide" else w.tolist(),
                        intercepts=None if data == "wide" else list(b), precise=solver is scikit_learn)


EDGES = [[0, 1, 1.0], [1, 2, 0.5], [3, 4, 2.0]]
CASES = [
    case("complete", scikit_learn, kind="jointFeatures", penalty=0.3, l2=0),
    case("complete", scikit_learn, kind="jointFeatures", penalty=0.3, l2=0, intercept=False),
    case("complete", scikit_learn, kind="jointFeatures", penalty=0.2, l2=0.15),
    case("classification", scikit_learn, reduction="sum", kind="independent", l1=0, l2=0.5),
    case("classification", scikit_learn, reduction="sum", intercept=False, kind="independent", l1=0, l2=0.05),
    case("classification", kind="independent", l1=0.02, l2=0.01),
]
for data, f in [("regression", 1), ("classification", 0.15), ("wide", 0.5), ("own", 0.7)]:
    CASES += [
        case(data, kind="jointFeatures", penalty=0.2 * f, l2=0.05 * f),
        case(data, kind="traceNorm", penalty=0.3 * f, l2=0),
        case(data, kind="dirty", shared=0.25 * f, sparse=0.15 * f),
        case(data, kind="robust", lowRank=0.3 * f, outliers=0.2 * f),
        case(data, kind="robustFeatures", shared=0.2 * f, outliers=0.25 * f),
        case(data, kind="sparseLowRank", sparse=0.15 * f, traceBound=4 * f),
        case(data, kind="meanRegularized", penalty=0.1 * f, l1=0.05 * f),
        case(data, kind="graph", penalty=0.2 * f, l1=0.03 * f, edges=EDGES),
        case(data, kind="taskCovariance", penalty=0.01 * f, l2=0.02 * f),
        case(data, kind="convexAlternatingStructure", count=2, penalty=0.2 * f, l2=0.06 * f),
        case(data, kind="clustered", count=2, penalty=0.05 * f, l2=0.04 * f),
    ]
CASES += [
    case("regression", reduction="sum", intercept=False, kind="traceNorm", penalty=6.0, l2=0.5),
    case("own", reduction="sum", kind="robust", lowRank=3.0, outliers=2.0),
    case("classification", reduction="sum", intercept=False, kind="meanRegularized", penalty=2.0, l1=0.0),
    case("regression", kind="graph", penalty=0.4, l1=0.0, edges=EDGES),
    case("own", kind="clustered", count=1, penalty=0.3, l2=0.01),
    case("regression", alternating, kind="alternatingStructure", count=2, penalty=0.4, l2=0),
    case("classification", alternating, kind="alternatingStructure", count=1, penalty=0.05, l2=0.01),
]

names = [entry["name"] for entry in CASES]
for index, entry in enumerate(CASES):
    if names[:index].count(entry["name"]):
        entry["name"] += ", again"


def plain(values):
    return [[None if np.isnan(v) else float(v) for v in row] for row in values]


golden = {
    "data": {
        name: [{"features": plain(b["features"]), "labels": plain(b["labels"])} for b in blocks]
        for name, blocks in DATA.items()
    },
    "cases": CASES,
}
Path(__file__).with_name("linear.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
