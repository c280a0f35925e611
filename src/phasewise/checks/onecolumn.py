"""How well one column alone tells the target, cross-fitted (check T20): the leak score."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Score:
    """`score` in [0, 1]: normalised Gini weighted over classes, or R2 / Spearman squared; `best_class` the best one-vs-rest."""

    score: float
    best: float = 0.0
    best_class: int = -1


def _bins(values: np.ndarray, levels: bool) -> np.ndarray:
    """Bin number per row; missing has its own bin; levels are bins of their own, capped at the 2,000 most frequent."""
    missing = ~np.isfinite(values)
    out = np.zeros(len(values), dtype=np.int64)
    filled = values[~missing]
    if levels:
        found, index, counts = np.unique(filled, return_inverse=True, return_counts=True)
        if len(found) > 2000:
            keep = np.argsort(-counts)[:2000]
            mapping = np.full(len(found), 2000)
            mapping[keep] = np.arange(2000)
            index = mapping[index]
        out[~missing] = index + 1
        return out
    count = int(np.clip(len(values) / 40, 8, 128))
    if len(filled):
        unique = np.unique(filled)
        edges = unique if len(unique) <= count else np.unique(np.quantile(filled, np.linspace(0, 1, count + 1)[1:-1]))
        out[~missing] = np.searchsorted(edges, filled, side="right" if len(unique) > count else "left") + 1
    return out


def _gini(scores: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> float:
    """2 AUC - 1 from cells with a score and counts of both classes."""
    order = np.argsort(-scores, kind="stable")
    ranked, positive, negative = scores[order], positive[order], negative[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    p, n = np.add.reduceat(positive, starts), np.add.reduceat(negative, starts)
    if p.sum() == 0 or n.sum() == 0:
        return 0.0
    below = n.sum() - np.cumsum(n)
    return float(2 * (p * (below + n / 2)).sum() / (p.sum() * n.sum()) - 1)


def column_score(values: np.ndarray, y: np.ndarray, classes: int, *, levels: bool = False, folds: int = 5, smoothing: float = 5.0, seed: int = 0) -> Score:
    """The cross-fitted score of one column [n] for class codes (`classes` > 0) or values (`classes` = 0)."""
    if len(values) < 20:
        return Score(score=0.0)
    bins = _bins(values, levels)
    width = int(bins.max()) + 1
    fold = np.random.default_rng(seed).permutation(len(y)) % folds
    cell = fold * width + bins
    rows = np.bincount(cell, minlength=folds * width).astype(float).reshape(folds, width)
    used = rows > 0
    if classes == 0:
        sums = np.bincount(cell, weights=y, minlength=folds * width).reshape(folds, width)
        other_rows, other_sums = rows.sum(0) - rows, sums.sum(0) - sums
        mean = other_sums.sum(1, keepdims=True) / np.maximum(other_rows.sum(1, keepdims=True), 1)
        guess = (other_sums + smoothing * mean) / (other_rows + smoothing)
        total = ((y - y.mean()) ** 2).sum()
        if total == 0:
            return Score(score=0.0)
        r2 = 1 - ((y - guess[fold, bins]) ** 2).sum() / total
        return Score(score=float(max(r2, 0.0 if levels else _spearman2(values, y), 0.0)))
    counts = np.stack([np.bincount(cell[y == c], minlength=folds * width).reshape(folds, width) for c in range(classes)])
    others = counts.sum(1, keepdims=True) - counts
    other_rows = rows.sum(0) - rows
    prior = others.sum(2, keepdims=True) / np.maximum(other_rows.sum(1)[None, :, None], 1)
    share = (others + smoothing * prior) / (other_rows + smoothing)
    ginis, weights, judged = [], [], []
    for c in range(classes if classes > 2 else 1):
        chosen = c if classes > 2 else 1
        if chosen >= classes or counts[chosen].sum() < 5:
            continue
        # Each fold's smoothed shares are on a slightly different footing: rank within folds, then average.
        per_fold = [_gini(share[chosen, f][used[f]], counts[chosen, f][used[f]], (rows[f] - counts[chosen, f])[used[f]]) for f in range(folds)]
        ginis.append(float(np.mean(per_fold)))
        weights.append(counts[chosen].sum())
        judged.append(chosen)  # classes of a handful of rows are passed over
    if not ginis:
        return Score(score=0.0)
    top = int(np.argmax(ginis))
    return Score(score=float(max(0.0, np.average(ginis, weights=weights))), best=max(0.0, ginis[top]), best_class=judged[top])


def _spearman2(values: np.ndarray, y: np.ndarray) -> float:
    from scipy.stats import rankdata

    known = np.isfinite(values)
    if known.sum() < 0.5 * len(values) or np.ptp(values[known]) == 0:
        return 0.0
    r = np.corrcoef(rankdata(values[known]), rankdata(y[known]))[0, 1]
    return float(r * r * known.mean()) if np.isfinite(r) else 0.0
