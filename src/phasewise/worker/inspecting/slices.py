"""Slices of the data on which a model differs from the rest, with false discoveries held at 5 % (V04)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from phasewise.records.metrics import metric
from phasewise.records.results import SliceRow
from phasewise.records.text import safe_text
from phasewise.stats.intervals import delong, interval
from phasewise.stats.multiple import benjamini_hochberg
from phasewise.stats.predictions import Predictions, encode
from phasewise.stats.scores import row_losses, score

CLASS = "\0class"
"""What slices by true class are cut by; no column can have this name."""
LEAST = 30
"""Slices of fewer rows are not judged."""
NEW = 0.95
"""A pair that keeps more of its smaller half than this says nothing that the half does not say alone."""


LOOKED = 40
"""Worse slices that are compared with each other."""
INSIDE, EXPLAINED = 0.8, 0.25
"""How much of a part must lie in a whole, and how much of its excess the rest of the whole may have, for the part to explain the whole."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A named slice as a mask [n]."""

    name: str
    mask: np.ndarray
    of: str


def column_cuts(name: str, values: Sequence | np.ndarray, *, least: int = LEAST, levels: int = 12) -> list[Cut]:
    """Slices of one column: its values when there are few, fifths when it is a number, and its missing rows.

    `values` [n] may hold None or NaN for missing; text of any origin is made safe for the slice's name.
    """
    array = np.asarray(values)
    shown = safe_text(name, 60)
    if array.dtype.kind in "iufb":
        number = array.astype(float)
        missing = ~np.isfinite(number)
        distinct = np.unique(number[~missing])
        if len(distinct) <= levels:
            cuts = [(f"{shown} = {text}", number == v) for v, text in zip(distinct, _spelled(distinct), strict=True)]
        else:
            edges = np.unique(np.quantile(number[~missing], [0.2, 0.4, 0.6, 0.8]))
            lows, highs, said = [-np.inf, *edges], [*edges, np.inf], _spelled(edges)
            cuts = [(_range(shown, a, b), (number > lo) & (number <= hi)) for lo, hi, a, b in zip(lows, highs, ["", *said], [*said, ""], strict=True)]
    else:
        missing = np.array([v is None or v != v for v in array.tolist()], bool)
        text = np.array(["" if m else str(v) for v, m in zip(array.tolist(), missing, strict=True)])
        names, counts = np.unique(text[~missing], return_counts=True)
        common = names[np.argsort(-counts, kind="stable")][:levels]
        cuts = [(f"{shown} = {safe_text(v, 60)}", (text == v) & ~missing) for v in common]
    cuts.append((f"{shown} is missing", missing))
    n = len(array)
    return [Cut(name=title, mask=mask, of=name) for title, mask in cuts if least <= mask.sum() <= n - least]


def _spelled(values: Sequence | np.ndarray) -> list[str]:
    """Numbers in order with as few digits as keep them apart, three at least; whole numbers whole, up to fifteen digits."""
    if all(float(v).is_integer() and abs(v) < 1e15 for v in values):
        return [f"{int(v)}" for v in values]
    for digits in range(3, 17):
        said = [f"{v:.{digits}g}" for v in values]
        if len(set(said)) == len(said):
            return said if not any("e" in s for s in said) else [f"{v:.0f}" if "e+" in s and abs(v) < 1e15 else s for v, s in zip(values, said, strict=True)]
    return [repr(float(v)) for v in values]


def _range(name: str, low: str, high: str) -> str:
    if not low:
        return f"{name} <= {high}"
    return f"{name} > {low}" if not high else f"{low} < {name} <= {high}"


def pairs(cuts: Sequence[Cut], *, columns: int = 8, least: int = LEAST, most: int = 400) -> list[Cut]:
    """Intersections of two columns' slices; columns are taken by how evenly they cut, never by the errors, so that q values stay honest."""
    by_column: dict[str, list[Cut]] = {}
    for cut in cuts:
        by_column.setdefault(cut.of, []).append(cut)
    even = sorted(by_column, key=lambda c: -len(by_column[c]))[:columns]
    out: list[Cut] = []
    for i, first in enumerate(even):
        for second in even[:i]:
            for a in by_column[first]:
                for b in by_column[second]:
                    mask = a.mask & b.mask
                    smaller = min(a.mask.sum(), b.mask.sum())
                    if least <= mask.sum() <= NEW * smaller and len(out) < most:
                        out.append(Cut(name=f"{a.name} and {b.name}", mask=mask, of=f"{a.of}*{b.of}"))
    return out


def _p_value(losses: np.ndarray, mask: np.ndarray, counts: bool) -> float:
    """Two-sided p: Fisher's exact test on right/wrong counts, else the rank-sum test on row losses."""
    from scipy.stats import fisher_exact, mannwhitneyu

    inside, outside = losses[mask], losses[~mask]
    if counts:
        wrong_in, wrong_out = int(inside.sum()), int(outside.sum())
        return float(fisher_exact([[wrong_in, len(inside) - wrong_in], [wrong_out, len(outside) - wrong_out]])[1])
    if np.ptp(losses) == 0:
        return 1.0
    return float(mannwhitneyu(inside, outside, alternative="two-sided").pvalue)


def _auc_se(auc: float, positives: float, negatives: float) -> float:
    """Standard error of an AUC of this height on so many rows (Hanley & McNeil 1982)."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    return float(np.sqrt((auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)) / (positives * negatives)))


def _auc_test(y: np.ndarray, positive: np.ndarray, mask: np.ndarray, least: int = 10) -> tuple[float, float]:
    """Two-sided p that the ROC AUC inside differs from the rest, and how much lower it is inside; p 1 with too few of a class.

    Errors are those of the overall AUC on as many rows (a score test): estimated inside a small slice they vanish by luck.
    """
    from scipy.stats import norm

    counts = [float(v) for v in (y[mask].sum(), (1 - y[mask]).sum(), y[~mask].sum(), (1 - y[~mask]).sum())]
    if min(counts) < least:
        return 1.0, 0.0
    whole = min(max(delong(y, positive)[0], 0.5), 1 - 1e-6)
    inside, rest = delong(y[mask], positive[mask])[0], delong(y[~mask], positive[~mask])[0]
    spread = float(np.hypot(_auc_se(whole, *counts[:2]), _auc_se(whole, *counts[2:])))
    return float(2 * norm.sf(abs(inside - rest) / spread)), float(rest - inside)


def judge(metric_id: str, y: np.ndarray, predictions: Predictions, cuts: Sequence[Cut], *, threshold: float | None = None, level: float = 0.05, top: int = 40) -> list[SliceRow]:
    """All slices against their rest: metric inside with interval, metric of the rest, p, Benjamini-Hochberg q over all of them, and harm.

    Significant slices that are worse come first, by harm (share of rows times excess error), the ceiling gain of fixing them; slices by
    true class come last and are compared by accuracy (the recall of each), because one class alone has no ranking and no trade-off.
    Tests: Fisher's exact for label metrics, a score test for binary ROC AUC, rank sums of row losses for everything else.
    """
    metrics = {c.of: "accuracy" if c.of == CLASS else metric_id for c in cuts}
    losses = {m: row_losses(m, y, predictions, threshold=threshold) for m in set(metrics.values())}
    counts = {m: predictions.task != "regression" and metric(m).needs == "labels" for m in losses}
    ranking = metric_id == "roc_auc" and predictions.task == "binary"
    tested = []
    for c in cuts:
        if ranking and c.of != CLASS:
            tested.append(_auc_test(encode(y, predictions.classes), predictions.proba[:, 1], c.mask))
        else:
            lost = losses[metrics[c.of]]
            tested.append((_p_value(lost, c.mask, counts[metrics[c.of]]), float(lost[c.mask].mean() - lost[~c.mask].mean())))
    ps = np.array([p for p, _ in tested])
    qs = benjamini_hochberg(ps)
    ranked = []
    for cut, (p, excess), q in zip(cuts, tested, qs, strict=True):
        harm = float(cut.mask.mean() * excess)
        ranked.append(((cut.of == CLASS, not (q < level and excess > 0), -harm if q < level else p), cut, float(p), float(q), harm))
    ranked.sort(key=lambda r: r[0])
    ranked = _wholes_last(ranked, losses, metrics, ranking)
    shown = [r for r in ranked if r[1].of != CLASS][:top] + [r for r in ranked if r[1].of == CLASS][:top]
    return [_row(metrics[cut.of], y, predictions, cut, p, q, harm, threshold, level) for _, cut, p, q, harm in shown]


def _wholes_last(ranked: list[tuple[Any, Cut, float, float, float]], losses: Mapping[str, np.ndarray], metrics: Mapping[str, str], ranking: bool) -> list[tuple[Any, Cut, float, float, float]]:
    """Worse slices whose errors are those of a slice inside them come after the others: men, where craftsmen are the trouble.

    A is explained by B when most of B lies in A and the rest of A is no worse than everybody else (a quarter of B's excess at most). A
    slice that is worse all over is explained by none of its parts, whose rest is as bad as they are.
    """
    if ranking:
        return ranked
    bad = [r for r in ranked if not r[0][1] and r[1].of != CLASS][:LOOKED]

    def explained(whole: Cut) -> bool:
        lost, outside = losses[metrics[whole.of]], ~whole.mask
        for part in (r[1] for r in bad):
            left = whole.mask & ~part.mask
            if part is whole or part.mask.sum() >= whole.mask.sum() or (part.mask & whole.mask).sum() < INSIDE * part.mask.sum() or left.sum() < LEAST:
                continue
            rest = outside & ~part.mask
            if rest.sum() < LEAST:
                continue
            base = lost[rest].mean()
            if lost[left].mean() - base < EXPLAINED * (lost[part.mask].mean() - base):
                return True
        return False

    wholes = [r for r in bad if explained(r[1])]
    if not wholes:
        return ranked
    moved = {id(r) for r in wholes}
    first = [r for r in bad if id(r) not in moved]
    held = {id(r) for r in bad}
    return [*first, *wholes, *(r for r in ranked if id(r) not in held)]


def _row(metric_id: str, y: np.ndarray, predictions: Predictions, cut: Cut, p: float, q: float, harm: float, threshold: float | None, level: float) -> SliceRow:
    inside, rest = predictions.take(cut.mask), predictions.take(~cut.mask)
    value = score(metric_id, y[cut.mask], inside, threshold=threshold)
    low, high, _ = interval(metric_id, y[cut.mask], inside, threshold=threshold, resamples=500) if np.isfinite(value) else (value, value, "")
    return SliceRow(
        name=cut.name, rows=int(cut.mask.sum()), value=value, low=low, high=high, rest=score(metric_id, y[~cut.mask], rest, threshold=threshold),
        p=p, q=q, harm=harm, significant=bool(q < level),
    )


def class_cuts(y: np.ndarray, predictions: Predictions, *, least: int = LEAST) -> list[Cut]:
    """One slice per true class; none for a regression."""
    if predictions.task == "regression" or not len(y):
        return []
    truth = encode(y, predictions.classes)
    cuts = [Cut(name=f"class = {safe_text(c, 60)}", mask=truth == i, of=CLASS) for i, c in enumerate(predictions.classes)]
    cuts = cuts[1:] if len(cuts) == 2 else cuts  # of two classes one is the rest of the other
    return [c for c in cuts if least <= c.mask.sum() <= len(y) - least]


def find(
    metric_id: str, y: np.ndarray, predictions: Predictions, columns: Mapping[str, Sequence | np.ndarray], *, threshold: float | None = None, with_pairs: bool = True,
) -> list[SliceRow]:
    """Slices by columns, their pairs, and (listed last) by true class, as one family of tests; `columns` maps names to values [n]."""
    single = [cut for name, values in columns.items() for cut in column_cuts(name, values)]
    found = [*single, *(pairs(single) if with_pairs else []), *class_cuts(y, predictions)]
    return judge(metric_id, y, predictions, found, threshold=threshold) if found else []
