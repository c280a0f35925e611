"""Doubtful labels and folders that look like each other, by a model that never saw the picture it judges (I14, I15)."""

from typing import Any

import numpy as np

from phasewise.checks.noise import label_margins, noise, told
from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable, Skip
from phasewise.checks.texts import finding, percent
from phasewise.records.findings import Finding

ROWS = 3_000
NEIGHBOURS = 15


def out_of_fold(dev: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, probabilities [m, classes]) of a logistic model on frozen features, or on edge directions, five folds."""
    if "doubts" not in dev.held:
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedKFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        counts = np.bincount(dev.y, minlength=len(dev.classes))
        if (counts < 5).any():
            raise Skip("a class has fewer than 5 pictures")
        rows = np.sort(np.random.default_rng(seed).permutation(len(dev.y))[:ROWS])
        x = _matrix(dev, rows)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=60, tol=1e-2))
        proba = cross_val_predict(model, x, dev.y[rows], cv=StratifiedKFold(5, shuffle=True, random_state=seed), method="predict_proba")
        dev.held["doubts"] = (rows, proba)
    return dev.held["doubts"]


def _matrix(dev: Any, rows: np.ndarray) -> np.ndarray:
    from phasewise.kinds.images import hog

    if dev.weights:
        from phasewise.kinds.images import preparing, transfer

        return transfer.of_development(dev, preparing.fit(dev, dev.train, None, {"features": True}))[rows]
    return hog.features(dev.pixels()[rows])


def second_opinion(dev: Any, seed: int) -> np.ndarray:
    """Out-of-fold probabilities [m, classes] of another kind of model on the same rows: 15 neighbours on 64 components, half a vote for what none of them is."""
    from sklearn.decomposition import PCA
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, proba = out_of_fold(dev, seed)
    x = _matrix(dev, rows)
    model = make_pipeline(StandardScaler(), PCA(min(64, x.shape[1], len(rows) // 2), random_state=seed), KNeighborsClassifier(NEIGHBOURS, weights="distance"))
    votes = cross_val_predict(model, x, dev.y[rows], cv=StratifiedKFold(5, shuffle=True, random_state=seed), method="predict_proba")
    return (NEIGHBOURS * votes + 0.5 / proba.shape[1]) / (NEIGHBOURS + 0.5)


@check("label-noise", source="I15, T30, D18", cost="model", rows=ROWS)
def label_noise(table: CheckTable) -> list[Finding]:
    """Pictures whose label models that never saw them contradict, more than their own certainty explains (`checks.noise`).

    Measured: 3,000 digits and 1,200 flowers with features, untouched: nothing; with 5 % and 10 % of labels changed: 4 to 10 % are named.
    Flowers without weights: the model is right in 36 %, and its 92 contradictions of 1,200 say nothing.
    """
    dev = table.subject
    rows, proba = out_of_fold(dev, table.seed)
    y = dev.y[rows]
    found = noise(proba, y, float((proba.argmax(1) == y).mean()), lambda: second_opinion(dev, table.seed))
    order = np.argsort(label_margins(proba, y), kind="stable")[:5]
    other = proba.copy()
    other[np.arange(len(y)), y] = -1
    return told(found, len(dev.y), [f"{dev.table['path'][int(rows[i])]}: {dev.classes[int(other[i].argmax())]}?" for i in order], "pictures")


@check("folders-alike", source="I14", cost="model", rows=ROWS)
def folders_alike(table: CheckTable) -> list[Finding]:
    """Two class folders whose pictures are taken for each other more often than not."""
    dev = table.subject
    rows, proba = out_of_fold(dev, table.seed)
    k = len(dev.classes)
    counts = np.bincount(dev.y[rows] * k + proba.argmax(1), minlength=k * k).reshape(k, k)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    out = []
    for a in range(k):
        for b in range(a + 1, k):
            if share[a, b] > 0.5 and share[b, a] > 0.5:
                out.append(finding("folders-alike", "block", f"{dev.classes[a]!r} and {dev.classes[b]!r} look swapped", f"{percent(share[a, b])} and {percent(share[b, a])} of their pictures are taken for the other class.", place=f"{dev.classes[a]}/{dev.classes[b]}", harm=50, numbers={"share": float(share[a, b])}, remedies=[remedy("merge-levels", map={dev.classes[a]: dev.classes[b]}, columns=[table.target]), remedy("accept")]))
    return out


def doubts(table: CheckTable) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str], Any]:
    """The review queue's rows (see `checks.review`): the same out-of-fold model, each picture with its path, facts and a thumbnail."""
    from phasewise.kinds.images.showing import row as facts
    from phasewise.kinds.images.showing import thumbnail

    dev = table.subject
    rows, proba = out_of_fold(dev, table.seed)
    held = dev.pixels()

    def shown(position: int) -> dict[str, Any]:
        path, size, *looks = facts(dev, position)
        return {"cells": {"path": path, "size": size, **{name: value for name, _, value in (w.partition(" ") for w in looks)}}, "thumbnail": thumbnail(np.array(held[position]).transpose(2, 0, 1), 20)}

    return rows, dev.y[rows], proba, list(dev.classes), shown
