"""Writes metrics.json: scikit-learn's metrics on rows with ties and missing labels (versions in requirements.txt)."""

import json
from pathlib import Path

import numpy as np
from sklearn import metrics

rng = np.random.default_rng(3)
ROWS, CLASSES = 211, 4

labels = (rng.random(ROWS) < 0.35).astype(float)
# Two decimals make many ties; 0 and 1 are cut by the log loss.
probabilities = np.clip(np.round(0.3 * labels + 0.8 * rng.random(ROWS) - 0.05, 2), 0, 1)
missing = rng.random(ROWS) < 0.2
classes = rng.integers(0, CLASSES, ROWS).astype(float)
class_probabilities = rng.dirichlet(np.ones(CLASSES), ROWS)
targets = rng.normal(size=ROWS)
predictions = targets + rng.normal(scale=0.5, size=ROWS)
kept = ~missing


def with_missing(values):
    return [None if gone else float(value) for value, gone in zip(values, missing)]


golden = {
    "labels": with_missing(labels),
    "probabilities": probabilities.tolist(),
    "classes": with_missing(classes),
    "class_probabilities": class_probabilities.ravel().tolist(),
    "targets": with_missing(targets),
    "predictions": predictions.tolist(),
    "auc": metrics.roc_auc_score(labels[kept], probabilities[kept]),
    "log_loss": metrics.log_loss(labels[kept], probabilities[kept]),
    "accuracy": metrics.accuracy_score(labels[kept], probabilities[kept] >= 0.5),
    "class_log_loss": metrics.log_loss(classes[kept], class_probabilities[kept], labels=list(range(CLASSES))),
    "class_accuracy": metrics.accuracy_score(classes[kept], class_probabilities[kept].argmax(axis=1)),
    "rmse": metrics.mean_squared_error(targets[kept], predictions[kept]) ** 0.5,
    "mae": metrics.mean_absolute_error(targets[kept], predictions[kept]),
}
Path(__file__).with_name("metrics.json").write_text(json.dumps(golden, indent=0) + "\n")
