"""Writes uplift.json: scikit-uplift's areas and uplift at a share, on scores with ties and without (versions in requirements.txt)."""

import json
from pathlib import Path

import numpy as np
from sklift.metrics import qini_auc_score, uplift_at_k, uplift_auc_score

rng = np.random.default_rng(29)
cases = []
for rows, effect, rounding in [(200, 0.3, 8), (200, -0.2, 8), (500, 0.1, 1), (60, 0.5, 2)]:
    treatment = (rng.random(rows) < 0.5).astype(int)
    who = rng.random(rows)
    labels = (rng.random(rows) < 0.3 + treatment * effect * who).astype(int)
    scores = np.round(who + rng.normal(size=rows) * 0.5, rounding)
    cases.append(
        {
            "labels": labels.astype(float).tolist(),
            "is_treated": [bool(one) for one in treatment],
            "scores": scores.tolist(),
            "qini": float(qini_auc_score(labels, scores, treatment)),
            "area": float(uplift_auc_score(labels, scores, treatment)),
            # Of ties that the edge runs through scikit-uplift takes those that stand first.
            "at_tenth": float(uplift_at_k(labels, scores, treatment, strategy="overall", k=0.1)) if rounding == 8 else None,
            "effect": float(labels[treatment == 1].mean() - labels[treatment == 0].mean()),
        }
    )
Path(__file__).with_name("uplift.json").write_text(json.dumps(cases, indent=0) + "\n")
