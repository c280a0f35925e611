"""Has a distribution moved: per-column tests with size and significance, and a classifier that tells old from new."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from phasewise.stats.multiple import benjamini_hochberg

EFFECT, STRONG, Q, Z = 0.1, 0.25, 0.001, 3.3


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    """One column: p, adjusted q, effect (KS statistic or total variation), and the verdict."""

    column: str
    p: float
    q: float
    effect: float
    drifted: bool
    levels: bool
    detail: str = ""


def compare_columns(
    reference: Mapping[str, tuple[np.ndarray, bool]], new: Mapping[str, np.ndarray], *, q: float = Q, effect: float = EFFECT
) -> list[ColumnDrift]:
    """Each column's new values [m] against the reference [n]; the flag says whether they are level codes.

    Numbers: two-sample Kolmogorov-Smirnov; levels: chi squared and total variation; a change in the missing share counts
    as well. Drifted means Benjamini-Hochberg q below 0.001 and an effect of at least 0.1. (checks.md says 0.01; that is one false alarm in a
    hundred batches by construction, and the figure asked for is none from 300 rows.)
    """
    raw = []
    for name, (old, levels) in reference.items():
        if name in new:
            raw.append((name, levels, *_one(np.asarray(old, float), np.asarray(new[name], float), levels)))
    adjusted = benjamini_hochberg([r[2] for r in raw])
    return [
        ColumnDrift(column=name, p=p, q=float(aq), effect=size, drifted=bool(aq < q and size >= effect), levels=levels, detail=detail)
        for (name, levels, p, size, detail), aq in zip(raw, adjusted, strict=True)
    ]


def _one(old: np.ndarray, new: np.ndarray, levels: bool) -> tuple[float, float, str]:
    from scipy.stats import fisher_exact, ks_2samp

    gone_old, gone_new = np.isnan(old), np.isnan(new)
    p_missing = 1.0
    if gone_old.any() or gone_new.any():
        table = [[int(gone_old.sum()), int((~gone_old).sum())], [int(gone_new.sum()), int((~gone_new).sum())]]
        p_missing = float(fisher_exact(table)[1])
    shift_missing = abs(float(gone_new.mean()) - float(gone_old.mean())) if len(new) and len(old) else 0.0
    a, b = old[~gone_old], new[~gone_new]
    if len(a) < 5 or len(b) < 5:
        return p_missing, shift_missing, f"missing {gone_old.mean():.0%} before, {gone_new.mean():.0%} now"
    if levels:
        p, size, detail = _levels(a, b)
    else:
        found = ks_2samp(a, b, method="asymp")
        p, size = float(found.pvalue), float(found.statistic)
        detail = f"median {np.median(a):.4g} before, {np.median(b):.4g} now"
    if p_missing < p and shift_missing > size:
        return p_missing, shift_missing, f"missing {gone_old.mean():.0%} before, {gone_new.mean():.0%} now"
    return min(1.0, 2 * min(p, p_missing)) if p_missing < 1 else p, size, detail


def _levels(a: np.ndarray, b: np.ndarray) -> tuple[float, float, str]:
    """Chi squared p and total variation of two code vectors; rare levels are pooled so that the test holds."""
    from scipy.stats import chi2_contingency

    names, index = np.unique(np.r_[a, b], return_inverse=True)
    x = np.bincount(index[: len(a)], minlength=len(names)).astype(float)
    y = np.bincount(index[len(a) :], minlength=len(names)).astype(float)
    expected = (x + y) * len(b) / (len(a) + len(b))
    small = expected < 5
    if small.any() and not small.all():
        x, y = np.r_[x[~small], x[small].sum()], np.r_[y[~small], y[small].sum()]
    keep = (x + y) > 0
    x, y = x[keep], y[keep]
    if len(x) < 2:
        return 1.0, 0.0, ""
    p = float(chi2_contingency(np.stack([x, y]), correction=False).pvalue)
    size = float(np.abs(x / x.sum() - y / y.sum()).sum() / 2)
    return p, size, f"total variation {size:.2f}"


@dataclass(frozen=True, kw_only=True)
class Domain:
    """How well a classifier tells new rows from old: out-of-fold AUC, its lower 95 % end, the columns it used."""

    auc: float
    low: float
    se: float
    z: float
    drifted: bool
    other_population: bool
    causes: tuple[str, ...] = ()


def domain(reference: np.ndarray, new: np.ndarray, names: tuple[str, ...] = (), *, seed: int = 0, rows: int = 10_000) -> Domain:
    """A domain classifier on floats [n, d] against [m, d] with three folds; drifted: AUC > 0.55 and z > 3.3 (D03)."""
    from phasewise.stats.intervals import delong

    rng = np.random.default_rng(seed)
    take = min(rows, len(new), len(reference))
    old = reference[rng.permutation(len(reference))[: min(rows, max(take, min(len(reference), 4 * take)))]]
    recent = new[rng.permutation(len(new))[:take]]
    matrix = np.concatenate([old, recent])
    label = np.r_[np.zeros(len(old), int), np.ones(len(recent), int)]
    fold = np.empty(len(label), int)
    for part in (0, 1):
        at = np.flatnonzero(label == part)
        fold[at] = rng.permutation(len(at)) % 3
    scores, gains = np.zeros(len(label)), np.zeros(matrix.shape[1])
    aucs, variances = [], []
    for f in range(3):
        held = fold == f
        model = _classifier(len(label), seed).fit(matrix[~held], label[~held])
        scores[held] = model.predict_proba(matrix[held])[:, 1]
        auc, se = delong(label[held], scores[held])
        aucs.append(auc)
        variances.append(se**2)
        if names and auc > 0.55:
            gains += _importance(model, matrix[held], label[held], auc, rng)
    auc = float(np.mean(aucs))
    m, n = len(recent), len(old)
    # DeLong's error vanishes for extreme scores; the null error keeps z honest.
    null = float(np.sqrt((m + n + 1) / (12 * m * n)))
    se = max(float(np.sqrt(np.sum(variances)) / 3), null)
    z = (auc - 0.5) / se
    causes = tuple(names[i] for i in np.argsort(-gains)[:3] if gains[i] > 0.01) if names else ()
    return Domain(auc=auc, low=auc - 1.959964 * se, se=se, z=z, drifted=bool(auc > 0.55 and z > Z), other_population=bool(auc > 0.75 and z > Z), causes=causes)


def _classifier(n: int, seed: int):
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=40, learning_rate=0.1, max_leaf_nodes=8, min_samples_leaf=max(5, n // 200), early_stopping=False, random_state=seed, max_bins=64)


def _importance(model, matrix: np.ndarray, label: np.ndarray, auc: float, rng: np.random.Generator) -> np.ndarray:
    """Loss of AUC when one column is shuffled, per column."""
    from phasewise.stats.intervals import delong

    out = np.zeros(matrix.shape[1])
    for j in range(matrix.shape[1]):
        shuffled = matrix.copy()
        shuffled[:, j] = shuffled[rng.permutation(len(shuffled)), j]
        out[j] = auc - delong(label, model.predict_proba(shuffled)[:, 1])[0]
    return out
