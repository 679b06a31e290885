"""Writes metrics_weighted.json: scikit-learn's and scipy's metrics, and short texts of those that neither has, on rows with ties, weights, missing
labels and groups (versions in requirements.txt)."""

import itertools
import json
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn import metrics

rng = np.random.default_rng(17)
ROWS, CLASSES = 240, 4

labels = (rng.random(ROWS) < 0.3).astype(float)
probabilities = np.clip(np.round(0.3 * labels + 0.7 * rng.random(ROWS), 2), 0, 1)
weights = rng.integers(0, 5, ROWS) / 2
missing = rng.random(ROWS) < 0.15
classes = rng.integers(0, CLASSES, ROWS).astype(float)
class_probabilities = rng.dirichlet(np.ones(CLASSES), ROWS)
class_probabilities[::7] = 0.25
targets = np.round(rng.normal(size=ROWS), 1)
predictions = np.round(targets + rng.normal(scale=0.7, size=ROWS), 1)
groups = rng.integers(0, 45, ROWS)


def with_missing(values):
    return [None if gone else float(value) for value, gone in zip(values, missing)]


def calibration_error(p, y, w, count=15):
    """Bins of equal numbers; equal predictions in one."""
    distinct = np.unique(p)
    own = np.array([w[p == value].sum() for value in distinct])
    middle = (np.cumsum(own) - own / 2) / own.sum()
    place = np.minimum(count - 1, np.floor(middle * count)).astype(int)
    error = 0
    for number in range(count):
        inside = np.isin(p, distinct[place == number])
        if w[inside].sum() > 0:
            error += abs((w * (p - y))[inside].sum())
    return error / w.sum()


def lift(p, y, w, share):
    """The expected share of label 1 among the highest scores, ties in any order, over that of all."""
    taken, hits = share * w.sum(), 0.0
    for value in np.unique(p)[::-1]:
        tied = p == value
        part = min(1, max(0, taken) / w[tied].sum())
        hits += part * (w * y)[tied].sum()
        taken -= w[tied].sum()
    return hits / (share * w.sum()) / ((w * y).sum() / w.sum())


def pairs(p, y, w):
    right = total = 0.0
    for i, j in itertools.combinations(range(len(y)), 2):
        if y[i] != y[j]:
            total += w[i] * w[j]
            right += w[i] * w[j] * (0.5 if p[i] == p[j] else float((p[i] > p[j]) == (y[i] > y[j])))
    return right / total


def spearman(p, y, w):
    """Pearson's correlation of weighted mid-ranks."""

    def ranks(values):
        return np.array([w[values < value].sum() + w[values == value].sum() / 2 for value in values])

    return np.cov(np.array([ranks(p), ranks(y)]), aweights=w)[0, 1] / np.sqrt(
        np.prod(np.diag(np.cov(np.array([ranks(p), ranks(y)]), aweights=w)))
    )


def ranking(scores, y, number, cut):
    """The expected values over all orders of rows with equal scores, by looking at every order."""
    ndcg, rank, hit, precision, recall = [], [], [], [], []
    for group in np.unique(number):
        s, relevant = scores[number == group], y[number == group]
        if relevant.sum() == 0:
            continue
        if len(s) > 1:
            ndcg.append(metrics.ndcg_score([relevant], [s], k=cut))
        else:
            ndcg.append(1.0)
        tied = [np.flatnonzero(s == value) for value in np.unique(s)[::-1]]
        values = []
        for order in itertools.product(*(itertools.permutations(rows) for rows in tied)):
            ordered = relevant[np.concatenate(order)] > 0
            first = np.flatnonzero(ordered)[0]
            found = ordered[:cut].sum()
            values.append((1 / (first + 1), float(first < cut), found / cut, found / ordered.sum()))
        for one, value in zip((rank, hit, precision, recall), np.mean(values, axis=0)):
            one.append(value)
    return [float(np.mean(one)) for one in (ndcg, rank, hit, precision, recall)]


def judged(w):
    keep = ~missing & (w > 0)
    y, p, w = labels[keep], probabilities[keep], w[keep]
    t, q = targets[keep], predictions[keep]
    c, cp = classes[keep], class_probabilities[keep]
    fpr, tpr, _ = metrics.roc_curve(y, p, sample_weight=w)
    thresholds = np.unique(p)[::-1]
    f1 = [metrics.f1_score(y, p >= threshold, sample_weight=w) for threshold in thresholds]
    share = (w * y).sum() / w.sum()
    loss = metrics.log_loss(y, p, sample_weight=w)
    return {
        "auc": metrics.roc_auc_score(y, p, sample_weight=w),
        "average_precision": metrics.average_precision_score(y, p, sample_weight=w),
        "ks": float(np.abs(tpr - fpr).max()),
        "lift": lift(p, y, w, 0.1),
        "f1": metrics.f1_score(y, p >= 0.5, sample_weight=w),
        "best_f1": max(f1),
        "best_threshold": float(thresholds[int(np.argmax(f1))]),
        "log_loss": loss,
        "brier": metrics.brier_score_loss(y, p, sample_weight=w),
        "calibration_ratio": (w * p).sum() / (w * y).sum(),
        "normalized_entropy": loss / -(share * np.log(share) + (1 - share) * np.log(1 - share)),
        "calibration_error": calibration_error(p, y, w),
        "accuracy": metrics.accuracy_score(y, p >= 0.5, sample_weight=w),
        "macro_auc": float(
            np.mean([metrics.roc_auc_score(c == k, cp[:, k], sample_weight=w) for k in range(CLASSES)])
        ),
        "top2": metrics.top_k_accuracy_score(c, cp, k=2, sample_weight=w),
        "confusion": metrics.confusion_matrix(c, cp.argmax(axis=1), sample_weight=w).ravel().tolist(),
        "rmse": metrics.mean_squared_error(t, q, sample_weight=w) ** 0.5,
        "mae": metrics.mean_absolute_error(t, q, sample_weight=w),
        "mape": metrics.mean_absolute_percentage_error(t[t != 0], q[t != 0], sample_weight=w[t != 0]),
        "r2": metrics.r2_score(t, q, sample_weight=w),
        "spearman": spearman(q, t, w),
        "pairs": pairs(q, t, w),
        "pinball": metrics.mean_pinball_loss(t, q, alpha=0.8, sample_weight=w),
    }


once = judged(np.ones(ROWS))
known = ~missing
assert abs(once["spearman"] - stats.spearmanr(predictions[known], targets[known])[0]) < 1e-12
golden = {
    "labels": with_missing(labels),
    "probabilities": probabilities.tolist(),
    "weights": weights.tolist(),
    "classes": with_missing(classes),
    "class_probabilities": class_probabilities.ravel().tolist(),
    "targets": with_missing(targets),
    "predictions": predictions.tolist(),
    "groups": groups.tolist(),
    "once": once,
    "weighted": judged(weights),
    "ranking": ranking(np.round(probabilities, 1)[known], labels[known], groups[known], 3),
}
Path(__file__).with_name("metrics_weighted.json").write_text(json.dumps(golden, indent=0) + "\n")
