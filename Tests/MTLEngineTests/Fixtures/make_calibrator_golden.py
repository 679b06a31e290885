"""Write calibrators.json: scikit-learn's calibrators of random predictions.

Platt's is `_SigmoidCalibration` on logits, temperature `_TemperatureScaling`, isotonic `IsotonicRegression`, beta scikit-learn's unpenalised
logistic regression on ln p and -ln(1 - p), which is what the package of its authors runs (a coefficient below 0 is left out and the rest fitted again).
"""

import json
from pathlib import Path

import numpy as np
from scipy.special import expit, logit
from sklearn.calibration import _SigmoidCalibration, _TemperatureScaling
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression


def beta(p, y, q):
    def columns(p):
        return np.stack([np.log(p), -np.log(1 - p)], axis=1)

    def regression(x):
        return LogisticRegression(C=np.inf, tol=1e-12, max_iter=10000, solver="newton-cholesky").fit(x, y)

    kept = [0, 1]
    coefficients = regression(columns(p)).coef_[0]
    if coefficients[0] < 0:
        kept = [1]
    elif coefficients[1] < 0:
        kept = [0]
    return regression(columns(p)[:, kept]).predict_proba(columns(q)[:, kept])[:, 1]


def steps(p, y, q):
    """Isotonic regression; no rows say never or always: their mean becomes that of half a row more of the other kind, unless the neighbour is nearer."""
    fitted = IsotonicRegression(out_of_bounds="clip").fit(p, y)
    places, values, reached = fitted.X_thresholds_, fitted.y_thresholds_.copy(), fitted.predict(p)
    inner = values[(values > 0) & (values < 1)]
    if len(inner):
        count = (reached == 0).sum()
        values[values == 0] = min(0.5 / (count + 0.5), inner[0])
        count = (reached == 1).sum()
        values[values == 1] = max(count / (count + 0.5), inner[-1])
    return np.interp(q, places, values)


def main():
    random = np.random.default_rng(5)
    cases = []
    for count, slope, shift, ties in [(400, 0.5, 0.7, False), (1000, 2.0, -1.0, True), (60, 1.0, -2.0, False), (300, -0.4, 0.2, False)]:
        z = random.normal(size=count) * 1.5
        if ties:
            z = np.round(z, 1)
        p = expit(z)
        y = (random.random(count) < expit(slope * z + shift)).astype(float)
        q = np.concatenate([[0.001, 0.999], expit(random.normal(size=40) * 2)])
        case = {"probabilities": p.tolist(), "labels": y.tolist(), "asked": q.tolist()}
        case["isotonic"] = steps(p, y, q).tolist()
        if slope > 0:
            case["platt"] = _SigmoidCalibration().fit(z, y).predict(logit(q)).tolist()
            case["temperature"] = _TemperatureScaling().fit(z, y).predict(logit(q))[:, 1].tolist()
            case["beta"] = beta(p, y, q).tolist()
        cases.append(case)
    path = Path(__file__).parent / "calibrators.json"
    path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
