"""Writes preprocessing.json: scikit-learn's, pandas' and category_encoders' features of a table with missing values, ties
and rare and unknown categories (versions in requirements-preprocessing.txt).

Where we differ from a library on purpose:
- QuantileTransformer puts all values equal to the least or greatest of the training rows at 0 or 1, we put them in the
  middle of their ties, as it does elsewhere: columns with ties at an end are compared with the formula without that rule.
- pandas.qcut closes intervals on the right, we on the left, as numpy.digitize does; values off the bounds agree.
- OneHotEncoder has a column for infrequent values, we leave all of a feature's columns 0 for them.
"""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import category_encoders
import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, QuantileTransformer, StandardScaler

rng = np.random.default_rng(11)
ROWS, SERVED, OFFSET, SMOOTHING, FEW = 1300, 60, 330, 20, 5
BOUNDS, CLIP, FILL = [0.5, 1, 2, 4], [-1.5, 2], 2.5

letters = np.array(list("abcdefghijklmnopqrstuvwxyz") + ["ä ö", "Z", "10", "9"])


def table(rows, offset):
    chances = 1 / np.arange(1, len(letters) + 1) ** 1.6
    categories = rng.choice(letters, rows, p=chances / chances.sum())
    x = np.round(rng.lognormal(0.3, 1, rows), 4) + offset
    s = np.round(rng.normal(0.2, 1.5, rows), 3)
    w = rng.poisson(1.7, rows).astype(float)
    y = (rng.random(rows) < 0.1 + 0.5 * (np.searchsorted(np.sort(letters), categories) % 3) / 3).astype(float)
    r = np.round(rng.normal(3, 2, rows), 3)
    for column, share in [(x, 0.1), (w, 0.08), (y, 0.05)]:
        column[rng.random(rows) < share] = np.nan
    start = datetime(1969, 11, 3, tzinfo=timezone.utc)
    times = [start + timedelta(seconds=int(seconds)) for seconds in rng.integers(0, 60 * 365 * 86400, rows)]
    frame = pd.DataFrame({"x": x, "s": s, "w": w, "y": y, "r": r, "t": times, "c": categories.astype(object)})
    frame.loc[rng.random(rows) < 0.06, "c"] = None
    return frame


train, served = table(ROWS, 0), table(SERVED, 0.01)
served.loc[0:3, "c"] = ["never seen", "a", None, "10"]
served.loc[0:3, "x"] = [0.0, 1e6, np.nan, train.x.min()]
served.loc[0:3, "w"] = [0, 99, np.nan, 3]
served.loc[4, "x"] = train.x.max()
served.loc[5, "x"] = 2  # one of the bounds
assert train.x.notna().sum() > 1001


def csv(frame):
    lines = ["x,s,w,y,r,t,c"]
    for row in frame.itertuples():
        cells = ["" if pd.isna(v) else f"{v:.15g}" for v in [row.x, row.s, row.w, row.y, row.r]]
        lines.append(",".join(cells + [row.t.strftime("%Y-%m-%dT%H:%M:%SZ"), "" if pd.isna(row.c) else row.c]))
    return "\n".join(lines) + "\n"


def column(values):
    return np.asarray(values, dtype=float).reshape(-1, 1)


dense, ids = {}, {}


def add(name, values):
    dense[name] = [float(f"{v:.10g}") for v in np.asarray(values, dtype=float).ravel()]


def imputed(strategy, fit, apply, **settings):
    return SimpleImputer(strategy=strategy, **settings).fit(column(fit)).transform(column(apply))


def signed_log(values):
    return np.sign(values) * np.log1p(np.abs(values))


# Numbers.
x, new = train.x, served.x
add("standard", imputed("mean", *[StandardScaler().fit(column(x)).transform(column(v)) for v in (x, new)]))
add("standard is missing", new.isna())
add("min_max", MinMaxScaler().fit(column(x)).transform(imputed("median", x, new)))
transformer = QuantileTransformer(n_quantiles=1001, subsample=None).fit(column(x))
add("quantile", transformer.transform(imputed("constant", x, new, fill_value=FILL)))
share, levels = np.linspace(0, 1, 1001), np.quantile(train.w.dropna(), np.linspace(0, 1, 1001))
filled = imputed("most_frequent", train.w, served.w).ravel()
rising = np.interp(filled, levels, share)
add("tied quantile", 0.5 * (rising - np.interp(-filled, -levels[::-1], -share[::-1])))
add("log", np.log1p(imputed("most_frequent", x, new)))
clipped = [signed_log(np.clip(v, *CLIP)) for v in (train.s, served.s)]
add("clipped", StandardScaler().fit(column(clipped[0])).transform(column(clipped[1])))

# Numbers as ids.
cuts = np.quantile(x.dropna(), np.arange(1, 8) / 8)
ids["buckets"] = [1 if np.isnan(v) else int(np.digitize(v, cuts)) + 2 for v in new]
known = x[x.notna() & ~x.isin(cuts)]
assert (pd.qcut(x.dropna(), 8, labels=False)[known.index] == np.digitize(known, cuts)).all()
ids["bounds"] = [1 if np.isnan(v) else int(np.digitize(v, BOUNDS)) + 2 for v in new]
tied = np.unique(np.quantile(train.w.dropna(), np.arange(1, 6) / 6))
ids["filled buckets"] = [int(np.digitize(v, tied)) + 2 for v in filled]

# Categories.
counts = train.c.value_counts()
order = sorted(counts[counts >= FEW].index, key=lambda value: (-counts[value], value.encode()))
id_of = {value: index + 2 for index, value in enumerate(order)}
ids["category"] = [1 if pd.isna(v) else id_of.get(v, 0) for v in served.c]
named = [frame.c.where(frame.c.notna(), "(missing)").astype(str) for frame in (train, served)]
encoder = OneHotEncoder(min_frequency=FEW, handle_unknown="infrequent_if_exist", sparse_output=False)
encoder.fit(named[0].to_frame())
hot = pd.DataFrame(encoder.transform(named[1].to_frame()), columns=encoder.get_feature_names_out())
for value in ["(missing)"] + order:
    add(f"hot={value}", hot[f"c_{value}"])
shares = named[0].value_counts(normalize=True)
add("share frequency", [shares.get(value, 0) for value in named[1]])
for name, label in [("mean target", "y"), ("amount target", "r")]:
    labelled = train[label].notna()
    means = category_encoders.MEstimateEncoder(m=SMOOTHING).fit(named[0][labelled].to_frame(), train[label][labelled])
    add(name, means.transform(named[1].to_frame())["c"])
rare = [v.where(v.isin(order + ["(missing)"]), "(rare)") for v in named]
labelled = train.y.notna()
means = category_encoders.MEstimateEncoder(m=3).fit(rare[0][labelled].to_frame(), train.y[labelled])
add("rare target", means.transform(rare[1].to_frame())["c"])

# The training rows' own encodings, without their fold.
folds = [((row * 0x9E3779B97F4A7C15) % 2**64 >> 32) % 5 for row in range(ROWS)]
out_of_fold = []
labels, categories = train.y.tolist(), named[0].tolist()
for row in range(ROWS):
    total = hits = rows = sums = 0
    for other in range(ROWS):
        if folds[other] == folds[row] or np.isnan(labels[other]):
            continue
        total += 1
        hits += labels[other]
        if categories[other] == categories[row]:
            rows += 1
            sums += labels[other]
    out_of_fold.append(float(f"{(sums + SMOOTHING * hits / total) / (rows + SMOOTHING):.10g}"))


# Times.
def calendar(time):
    local = time + timedelta(minutes=OFFSET)
    hour = local.hour + local.minute / 60 + local.second / 3600
    turn = 2 * np.pi
    return {
        "hour": hour, "weekday": local.weekday(), "day": local.day, "month": local.month, "year": local.year,
        "weekend": float(local.weekday() >= 5),
        "hour_sine": np.sin(turn * hour / 24), "hour_cosine": np.cos(turn * hour / 24),
        "weekday_sine": np.sin(turn * local.weekday() / 7), "weekday_cosine": np.cos(turn * local.weekday() / 7),
        "month_sine": np.sin(turn * (local.month - 1) / 12), "month_cosine": np.cos(turn * (local.month - 1) / 12),
        "days": (local - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds() / 86400,
    }


parts = [pd.DataFrame([calendar(time.to_pydatetime()) for time in frame.t]) for frame in (train, served)]
for part in parts[0]:
    values = column(parts[1][part])
    if part in ["hour", "weekday", "day", "month", "year", "days"]:
        values = StandardScaler().fit(column(parts[0][part])).transform(values)
    add(f"time {part}", values)

schema = {
    "features": [
        {"name": "standard", "column": "x", "type": "numeric"},
        {"name": "min_max", "column": "x", "type": "numeric", "scale": "min_max", "missing": "median",
         "missing_indicator": False},
        {"name": "quantile", "column": "x", "type": "numeric", "scale": "quantile", "missing": "constant", "fill": FILL,
         "missing_indicator": False},
        {"name": "tied quantile", "column": "w", "type": "numeric", "scale": "quantile", "missing": "most_frequent",
         "missing_indicator": False},
        {"name": "log", "column": "x", "type": "numeric", "log": True, "scale": "none", "missing": "most_frequent",
         "missing_indicator": False},
        {"name": "clipped", "column": "s", "type": "numeric", "log": True, "clip": CLIP},
        {"name": "buckets", "column": "x", "type": "numeric", "buckets": 8},
        {"name": "bounds", "column": "x", "type": "numeric", "bounds": BOUNDS},
        {"name": "filled buckets", "column": "w", "type": "numeric", "buckets": 6, "missing": "most_frequent"},
        {"name": "category", "column": "c", "type": "categorical", "minimum_count": FEW},
        {"name": "hot", "column": "c", "type": "categorical", "encoding": "one_hot", "minimum_count": FEW},
        {"name": "share", "column": "c", "type": "categorical", "encoding": "frequency"},
        {"name": "mean", "column": "c", "type": "categorical", "encoding": "target", "target": "y"},
        {"name": "amount", "column": "c", "type": "categorical", "encoding": "target", "target": "r"},
        {"name": "rare", "column": "c", "type": "categorical", "encoding": "target", "target": "y", "smoothing": 3,
         "minimum_count": FEW},
        {"name": "time", "column": "t", "type": "timestamp", "utc_offset": OFFSET, "parts": list(parts[0])},
    ],
    "labels": [{"name": "y", "type": "binary"}, {"name": "r", "type": "regression"}],
}
golden = {
    "schema": schema, "training": csv(train), "served": csv(served), "dense": dense, "ids": ids, "folds": folds,
    "outOfFold": out_of_fold,
}
Path(__file__).with_name("preprocessing.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
