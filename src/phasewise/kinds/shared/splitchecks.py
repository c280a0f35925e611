"""Split checks P01-P12 (checks.md 3.7): run inside the split job, counts only."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from phasewise.kinds.shared import assigning
from phasewise.kinds.shared.assigning import DROPPED, PARTS, TEST, TRAIN, VALIDATION
from phasewise.records.findings import Finding, Remedy, Severity
from phasewise.records.text import safe_text


def _finding(check: str, source: str, severity: Severity, title: str, seen: str = "", **more: object) -> Finding:
    return Finding(id=check, check=check, source=source, severity=severity, title=title, seen=seen, **more)


def across(label: np.ndarray, part: np.ndarray) -> int:
    """How many labels (clusters, groups, hashes) occur in more than one part in use."""
    keep = part != DROPPED
    pairs = np.unique(np.stack([label[keep].astype(np.int64), part[keep].astype(np.int64)], axis=1), axis=0)
    return int((np.unique(pairs[:, 0], return_counts=True)[1] > 1).sum())


def copies(hashes: np.ndarray, part: np.ndarray, near: int, quarantined: int, *, pictures: bool = False) -> list[Finding]:
    """P01 and P02: the same row (of a table, or one of `pictures`), or nearly, in two parts."""
    dense = np.unique(hashes, return_inverse=True)[1]
    shared = across(dense, part)
    out = []
    if shared:
        out.append(_finding("copies-across-parts", "P01", "warn", "The same row stands in two parts", f"{shared:,} distinct rows occur in more than one part.", why="A model that has seen a row scores better on its copy than on new rows.", why_fine="When columns have few values, rows repeat by chance.", rows=shared))
    elif quarantined:
        out.append(_finding("copies-across-parts", "P01", "warn", "Training rows stood in the test file" if not pictures else "Copies stood in two parts", f"{quarantined:,} rows of the data file are copies of test rows; they were left out of training and validation." if not pictures else f"{quarantined:,} pictures are copies, or nearly, of a picture that judges (test, or validation): they were left out of training.", why="A copied row makes the test look better than it is.", rows=quarantined, remedies=[Remedy(action="accept", title="Right: a copy of what judges is nothing to learn from", recommended=True)]))
    else:
        out.append(_finding("copies-across-parts", "P01", "pass", "No row stands in two parts"))
    if near < 0:
        out.append(_finding("near-copies-across-parts", "P02", "pass", "Near copies are kept together"))
    elif near:
        out.append(_finding("near-copies-across-parts", "P02", "warn", "Near copies stand in two parts", f"{near:,} clusters of near copies are parted.", rows=near))
    return out


def classes(y: np.ndarray, names: Sequence[str], part: np.ndarray, folds: int, policy: str = "") -> list[Finding]:
    """P03: every class in every part, at least 10 rows in test (and validation). A class of at least 10 that training never sees blocks; a remedy that is in force already is not offered again."""
    from phasewise.stats.power import miss_chance

    lacking, thin = [], []
    for code in (VALIDATION, TEST) if not folds else (TEST,):
        held = np.bincount(y[part == code], minlength=len(names))
        lacking += [(names[i], PARTS[code]) for i in np.flatnonzero(held == 0)]
        thin += [(names[i], PARTS[code], int(held[i])) for i in np.flatnonzero((held > 0) & (held < 10))]
    missing_in_train = [names[i] for i in np.flatnonzero(np.bincount(y[part == TRAIN], minlength=len(names)) == 0)]
    lacking += [(n, "train") for n in missing_in_train]
    if lacking:
        said = "; ".join(f"{safe_text(n, 40)!r} is not in {p}" for n, p in lacking[:5])
        share = float((y == list(names).index(lacking[0][0])).mean())
        single = next((PARTS[code] for code in ((TRAIN, VALIDATION, TEST) if not folds else (TRAIN, TEST)) if len(np.unique(y[part == code])) < 2), "")
        anew = Remedy(action="stratify", title="Split anew, classes in equal shares", recommended=True)
        if single:
            rarest = int(np.bincount(y, minlength=len(names)).argmin())
            few = f": {safe_text(names[rarest], 40)!r} has {int((y == rarest).sum()):,} in all" if policy == "stratified" else ""
            return [_finding("class-missing-in-part", "P03", "block", f"The {single} part holds one class only{few}", f"{said}. Nothing can be learned from it or judged on it.", why="With one class every answer is right.", numbers={"missing": len(lacking)}, remedies=[anew] if policy != "stratified" else [])]
        lost = [n for n in missing_in_train if int((y == list(names).index(n)).sum()) >= 10]
        if lost:
            shown = ", ".join(repr(safe_text(n, 40)) for n in lost[:5])
            return [_finding("class-missing-in-part", "P03", "block", "Training never sees a class", f"{said}. A network cannot answer {shown}.", why="What is never seen is never learned.", numbers={"missing": len(lacking)}, remedies=[
                *([Remedy(action="stratify", title="Split anew, classes in equal shares")] if policy != "stratified" else []), Remedy(action="merge-class", title="Merge rare classes"), Remedy(action="accept", title="Go on: it is always answered wrongly"),
            ])]
        return [_finding("class-missing-in-part", "P03", "warn", "A class is missing in a part", f"{said}. A random part of {int((part == TEST).sum()):,} rows misses a class of share {share:.2%} with chance {miss_chance(share, int((part == TEST).sum())):.1%}.", why="What is not there cannot be judged.", numbers={"missing": len(lacking)}, remedies=[Remedy(action="merge-class", title="Merge rare classes"), Remedy(action="accept", title="Go on, and report the class as not judged", recommended=True)])]
    if thin:
        said = "; ".join(f"{safe_text(n, 40)!r} has {c} in {p}" for n, p, c in thin[:5])
        return [_finding("class-missing-in-part", "P03", "info", "A class has few rows in a part", f"{said} (10 are needed, 30 recommended).", numbers={"thin": len(thin)})]
    return [_finding("class-missing-in-part", "P03", "pass", "Every class is in every part")]


def group_and_time(part: np.ndarray, group: np.ndarray | None, order: np.ndarray | None, policy: str, claim: str, gap: float, column: str | None = None) -> list[Finding]:
    """P04 groups (declared in `column`) in two parts, P05 order of time."""
    out = []
    if group is not None:
        shared = across(group, part)
        out.append(_finding("groups-across-parts", "P04", "block" if shared else "pass", "A group stands in two parts" if shared else "No group stands in two parts", f"{shared:,} groups" if shared else "", columns=[column] if column and shared else [], remedies=[Remedy(action="group-split", title="Split by group", recommended=True), Remedy(action="accept", title="The same groups will come again: go on")] if shared else []))
    if order is not None:
        train, test = order[(part == TRAIN) & np.isfinite(order)], order[(part == TEST) & np.isfinite(order)]
        late = bool(len(train) and len(test) and test.min() > train.max() + gap)
        if policy == "time" or claim == "later_time":
            out.append(_finding("time-order", "P05", "pass" if late else "block", "Test rows come after training rows" if late else "Test rows do not come after training rows", "" if late else "The claim is about later time, but times overlap.", remedies=[] if late else [Remedy(action="split-by-time", title="Split by time", recommended=True)]))
    return out


def suggested_groups(shared: int, column: str, said: str, alike: float) -> Finding:
    """P04 for groups that nobody named: `shared` of them stand in two parts, and rows of one group are alike with chance `alike`."""
    return _finding(
        "groups-across-parts", "P04", "warn", "Pictures that belong together stand in two parts", f"{shared:,} groups by {said}: a picture lies nearer to one of its group than to another of its class in {alike:.0%} of comparisons.",
        columns=[column], rows=shared, numbers={"groups": shared, "alike": alike},
        remedies=[Remedy(action="group-split", title="Keep whole groups together", args={"column": column}), Remedy(action="accept", title="The same groups will come again: go on", recommended=True)],
    )


def shift(stratum: np.ndarray, part: np.ndarray, policy: str = "") -> list[Finding]:
    """P06: label distribution of validation and test against train (chi-squared p < 0.001 and total variation > 0.05); later times may differ."""
    from scipy.stats import chi2_contingency

    worst = 0.0
    shifted = []
    for code in (VALIDATION, TEST):
        if not (part == code).any() or not (part == TRAIN).any():
            continue
        table = np.stack([np.bincount(stratum[part == c], minlength=int(stratum.max()) + 1) for c in (TRAIN, code)])
        table = table[:, table.sum(0) > 0]
        distance = assigning.total_variation(stratum, part, TRAIN, code)
        worst = max(worst, distance)
        if table.shape[1] > 1 and distance > 0.05 and chi2_contingency(table).pvalue < 0.001:
            shifted.append(PARTS[code])
    if shifted:
        offers = [Remedy(action="accept", title="Go on: later rows may differ, and the claim is about them", recommended=True)] if policy == "time" else [Remedy(action="split-stratified", title="Draw a stratified split"), Remedy(action="accept", title="Go on, and read scores with the shares beside them", recommended=True)]
        return [_finding("label-shift-across-parts", "P06", "info" if policy == "time" else "warn", "The target is distributed differently", f"Total variation up to {worst:.3f} between train and {' and '.join(shifted)}.", numbers={"total_variation": worst}, remedies=offers)]
    return [_finding("label-shift-across-parts", "P06", "pass", "The target is distributed alike", f"Total variation at most {worst:.3f}.", numbers={"total_variation": worst})]


def unseen(frame: pl.DataFrame, categories: Sequence[str], part: np.ndarray, policy: str) -> list[Finding]:
    """P08: levels in validation or test that train does not have, above 1 % of the rows."""
    from phasewise.stats.intervals import wilson

    found = []
    for name in categories[:200]:
        column = frame[name].cast(pl.String)
        known = column.filter(pl.Series(part == TRAIN)).unique()
        for code in (VALIDATION, TEST):
            cells = column.filter(pl.Series(part == code)).drop_nulls()
            strange = int((~cells.is_in(known.implode())).sum()) if len(cells) else 0
            share = strange / max(len(cells), 1)
            # A row or two of a rare level is what any draw has: the share must be above 1 % beyond the luck of the draw.
            if strange and wilson(strange, len(cells), 0.95)[0] > 0.01:
                found.append((share, name, PARTS[code]))
    if found:
        found.sort(reverse=True)
        said = "; ".join(f"{safe_text(n, 40)!r}: {s:.1%} of {p}" for s, n, p in found[:4])
        return [_finding("unseen-levels-in-part", "P08", "info" if policy == "time" else "warn", "Levels that training never sees", f"{said}.", columns=[n for _, n, _ in found[:10]], why="They are treated as unknown.", remedies=[Remedy(action="accept", title="Treat them as unknown", recommended=True)])]
    return [_finding("unseen-levels-in-part", "P08", "pass", "Nearly all levels are seen in training")]


def size(rows: int, half_width: float | None, folds: int, policy: str = "") -> list[Finding]:
    """P09 and G01: too few test rows, or an interval wider than 5 points on each side; a drawn split may take folds instead."""
    go_on = Remedy(action="accept", title="Go on and read the intervals", recommended=True)
    if rows < 100:
        fold = not folds and policy in ("random", "stratified", "grouped")
        ways = [Remedy(action="folds", title="Judge models by folds over all other rows"), go_on] if fold else [go_on]
        return [_finding("part-size", "P09", "warn", "The test part is small", f"{rows:,} rows{f': the interval will be about {half_width * 100:.1f} points on each side' if half_width else ''}; it can only reject disasters.", why="Few rows make wide intervals.", numbers={"test_rows": rows}, remedies=ways)]
    if half_width is not None and half_width > 0.05:
        return [_finding("part-size", "P09", "warn", "The test interval will be wide", f"About {half_width * 100:.1f} points on each side with {rows:,} rows.", numbers={"test_rows": rows}, remedies=[go_on])]
    return [_finding("part-size", "P09", "pass", "The test part is large enough", f"{rows:,} rows.")]


def distinguishable(x: np.ndarray, part: np.ndarray, policy: str, seed: int, names: Sequence[str] = ()) -> list[Finding]:
    """P07: a small model tells train from test (AUC > 0.6 and z > 3); own random draws pass by construction.

    `x` float [n, d] is a plain coding of the inputs, `names` [d] what they are called: those that tell by themselves are named.
    """
    if policy in ("random", "stratified", "grouped"):
        return [_finding("parts-distinguishable", "P07", "pass", "Parts are drawn at random", "Not measured: rows or whole groups are drawn at random.")]
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    rng = np.random.default_rng(seed)
    picks = [rng.permutation(np.flatnonzero(part == c))[:3000] for c in (TRAIN, TEST)]
    if min(map(len, picks)) < 50 or x.shape[1] == 0:
        return []
    rows, truth = np.concatenate(picks), np.repeat([0, 1], [len(p) for p in picks])
    guess = cross_val_predict(HistGradientBoostingClassifier(max_iter=40, random_state=seed), x[rows], truth, cv=StratifiedKFold(3, shuffle=True, random_state=seed), method="predict_proba")[:, 1]
    auc = float(roc_auc_score(truth, guess))
    n0, n1 = len(picks[0]), len(picks[1])
    z = (auc - 0.5) / np.sqrt((n0 + n1 + 1) / (12 * n0 * n1))
    if auc > 0.6 and z > 3:
        return [_finding("parts-distinguishable", "P07", "info" if policy == "time" else "warn", "Train and test rows can be told apart", f"A small model does so with AUC {auc:.3f}{_by(x[rows], truth, names)}.", numbers={"auc": auc, "z": float(z)}, why="Scores on validation may then not carry over to test.", remedies=[Remedy(action="accept", title="Go on: the parts are as they were given", recommended=True)])]
    return [_finding("parts-distinguishable", "P07", "pass", "Train and test rows look alike", f"AUC {auc:.3f}.", numbers={"auc": auc, "z": float(z)})]


def by_construction() -> list[Finding]:
    """P11 and P12: nothing that learns runs before the split; resampling and augmentation exist for training rows only."""
    return [
        _finding("fitted-before-split", "P11", "pass", "Nothing was fitted before the split"),
        _finding("resampled-outside-train", "P12", "pass", "Resampling and augmentation touch training rows only"),
    ]


def _by(x: np.ndarray, truth: np.ndarray, names: Sequence[str]) -> str:
    """The columns whose order alone tells the parts apart (AUC above 0.6), the clearest first."""
    from sklearn.metrics import roc_auc_score

    told = []
    for name, column in zip(names, x.T, strict=True) if len(names) == x.shape[1] else ():
        known = np.isfinite(column)
        if known.sum() >= 100 and len(np.unique(truth[known])) == 2:
            auc = float(roc_auc_score(truth[known], column[known]))
            told.append((max(auc, 1 - auc), name))
    clear = [f"{safe_text(n, 40)!r} ({a:.2f} by itself)" for a, n in sorted(told, reverse=True)[:3] if a > 0.6]
    return f", most clearly by {', '.join(clear)}" if clear else ""
