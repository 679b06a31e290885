"""Writes delong.json: DeLong's variances and covariance of two areas, from their definition over all pairs (numpy; versions in
requirements.txt), on scores with ties."""

import json
from pathlib import Path

import numpy as np

rng = np.random.default_rng(23)
ROWS = 90
labels = (rng.random(ROWS) < 0.4).astype(float)
first = np.round(labels * 0.4 + rng.random(ROWS), 1)
second = np.round(labels * 0.5 + 0.5 * first + 0.5 * rng.random(ROWS), 1)


def placements(scores):
    """Structural components (DeLong et al. 1988, formulas 4 and 5)."""
    yes, no = scores[labels == 1], scores[labels == 0]
    pairs = (yes[:, None] > no[None, :]) + 0.5 * (yes[:, None] == no[None, :])
    return pairs.mean(axis=1), pairs.mean(axis=0), pairs.mean()


(v1, w1, area1), (v2, w2, area2) = placements(first), placements(second)
covariance = np.cov(v1, v2) / len(v1) + np.cov(w1, w2) / len(w1)
golden = {
    "labels": labels.tolist(),
    "first": first.tolist(),
    "second": second.tolist(),
    "areas": [area1, area2],
    "covariance": covariance.ravel().tolist(),
}
Path(__file__).with_name("delong.json").write_text(json.dumps(golden, indent=0) + "\n")
