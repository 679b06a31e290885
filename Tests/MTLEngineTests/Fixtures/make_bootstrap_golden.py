"""Writes bootstrap.json: percentile intervals of scipy.stats.bootstrap (of a mean, of the difference of two areas under the ROC over the same rows,
of a mean over rows of groups that are drawn whole), Student's quantiles and the paired interval of scipy.stats.ttest_rel (numpy, scipy and scikit-learn;
versions in requirements.txt)."""

import json
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.metrics import roc_auc_score

rng = np.random.default_rng(31)
ROWS, GROUPS, RESAMPLES = 160, 40, 9_999


def bounds(found):
    return [float(found.confidence_interval.low), float(found.confidence_interval.high)]


values = rng.exponential(size=ROWS)
mean = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=RESAMPLES, rng=1)

labels = (rng.random(ROWS) < 0.4).astype(float)
first = np.round(labels * 0.5 + rng.random(ROWS), 2)
second = np.round(labels * 0.6 + 0.6 * first + 0.4 * rng.random(ROWS), 2)


def difference(labels, first, second):
    return roc_auc_score(labels, second) - roc_auc_score(labels, first)


areas = stats.bootstrap(
    (labels, first, second), difference, paired=True, vectorized=False, method="percentile", n_resamples=RESAMPLES, rng=2
)

# Rows of a group are alike: what a group has in common is as large as what its rows differ by.
groups = np.sort(rng.integers(0, GROUPS, ROWS))
clustered = rng.normal(size=GROUPS)[groups] + rng.normal(size=ROWS)
known = np.unique(groups)
sums = np.array([clustered[groups == group].sum() for group in known])
counts = np.array([(groups == group).sum() for group in known], float)
of_groups = stats.bootstrap(
    (sums, counts),
    lambda sums, counts, axis=-1: sums.sum(axis) / counts.sum(axis),
    paired=True,
    method="percentile",
    n_resamples=RESAMPLES,
    rng=3,
)
of_rows = stats.bootstrap((clustered,), np.mean, method="percentile", n_resamples=RESAMPLES, rng=4)

degrees = [1, 2, 3, 4, 5, 9, 30, 199]
shares = [0.5, 0.75, 0.95, 0.975, 0.9995]
seeds = [rng.normal(0.78, 0.002, 5), rng.normal(0.775, 0.002, 5)]
paired = stats.ttest_rel(seeds[0], seeds[1]).confidence_interval(0.95)

golden = {
    "values": values.tolist(),
    "mean_distribution": np.asarray(mean.bootstrap_distribution)[:500].tolist(),
    "mean_distribution_bounds": [
        [float(bound) for bound in np.percentile(mean.bootstrap_distribution[:500], [100 * tail, 100 * (1 - tail)])]
        for tail in (0.025, 0.05, 0.25)
    ],
    "mean_bounds": bounds(mean),
    "labels": labels.tolist(),
    "first": first.tolist(),
    "second": second.tolist(),
    "area_difference": float(difference(labels, first, second)),
    "area_bounds": bounds(areas),
    "groups": groups.tolist(),
    "clustered": clustered.tolist(),
    "group_bounds": bounds(of_groups),
    "row_bounds": bounds(of_rows),
    "degrees": degrees,
    "shares": shares,
    "quantiles": [[float(stats.t.ppf(share, degree)) for share in shares] for degree in degrees],
    "seeds": [own.tolist() for own in seeds],
    "paired": [float(paired.low), float(paired.high)],
}
Path(__file__).with_name("bootstrap.json").write_text(json.dumps(golden, indent=0) + "\n")
