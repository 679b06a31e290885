"""Writes data_report.json: a table cut by time, and what scikit-learn and NumPy say of its features.

Areas are of training rows: of a number, of whether it is missing, and of a category's label rate over rows of the same
value in other folds, drawn towards the overall rate by 20 rows. Drift is the population stability index (versions in
requirements-checks.txt).
"""

import json
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

rng = np.random.default_rng(11)
TRAINING, VALIDATION, TEST = 820, 150, 230
ROWS = TRAINING + VALIDATION + TEST
months = np.repeat(["2026-01-15", "2026-02-15", "2026-03-15"], [TRAINING, VALIDATION, TEST])

# Forty values of 40, 39, 38, … training rows: which are the most frequent is no matter of ties.
city = np.concatenate([np.repeat(np.arange(40), np.arange(40, 0, -1)), rng.integers(0, 60, ROWS - TRAINING)])
city[:TRAINING] = rng.permutation(city[:TRAINING])
order = np.concatenate([rng.permutation(ROWS)])
months, city = months[order], city[order]
test = months == "2026-03-15"

age = np.round(rng.normal(40, 6, ROWS) + 5 * test).astype(int)
click = (rng.random(ROWS) < 1 / (1 + np.exp(-(age - 42) / 4 - np.sin(city)))).astype(int)
age_missing = rng.random(ROWS) < np.where(click == 1, 0.2, 0.05)
city_missing = rng.random(ROWS) < 0.03
click_missing = rng.random(ROWS) < 0.1

lines = ["time,age,city,click"]
for row in range(ROWS):
    lines.append(
        f"{months[row]},{'' if age_missing[row] else age[row]},"
        f"{'' if city_missing[row] else f'c{city[row]}'},{'' if click_missing[row] else click[row]}"
    )

training = months == "2026-01-15"
known = training & ~click_missing
present = known & ~age_missing
folds = np.array([((row * 0x9E3779B97F4A7C15) % 2**64 >> 32) % 5 for row in range(ROWS)])
value = np.where(city_missing, -1, city)
overall = click[known].mean()
rates = np.empty(ROWS)
for row in np.flatnonzero(training):
    others = known & (value == value[row]) & (folds != folds[row])
    rates[row] = (click[others].sum() + 20 * overall) / (others.sum() + 20)


def stability(first, second):
    first = np.maximum(first / first.sum(), 1e-4)
    second = np.maximum(second / second.sum(), 1e-4)
    return float(((second - first) * np.log(second / first)).sum())


edges = np.unique(np.quantile(age[training & ~age_missing], np.arange(1, 10) / 10))
frequent = np.bincount(city[training & ~city_missing]).argsort()[::-1][:19]


def numbers(part):
    bins = np.where(age_missing, len(edges) + 1, np.digitize(age, edges))
    return np.bincount(bins[part], minlength=len(edges) + 2)


def categories(part):
    place = {one: index for index, one in enumerate(frequent)}
    bins = np.array([len(place) + 1 if gone else place.get(one, len(place)) for one, gone in zip(city, city_missing)])
    counts = np.bincount(bins[part], minlength=len(place) + 2)
    both = np.bincount(bins[training], minlength=len(place) + 2) + counts
    return np.where(both > 0, counts, 0)


known_values = set(city[training & ~city_missing])
test_values = city[test & ~city_missing]
golden = {
    "csv": "\n".join(lines) + "\n",
    "age_auc": roc_auc_score(click[present], age[present]),
    "age_missing_auc": roc_auc_score(click[known], age_missing[known]),
    "city_auc": roc_auc_score(click[known], rates[known]),
    "age_drift": stability(numbers(training), numbers(test)),
    "city_drift": stability(categories(training), categories(test)),
    "unseen_share": float(np.mean([one not in known_values for one in test_values])),
    "click_rates": [float(click[(months == m) & ~click_missing].mean()) for m in sorted(set(months))],
}
Path(__file__).with_name("data_report.json").write_text(json.dumps(golden))
