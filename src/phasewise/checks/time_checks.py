"""Rows that belong together or follow each other: group and time columns (T31, T32, P04, P05)."""

import re

import numpy as np
import polars as pl

from phasewise.checks.coding import coded
from phasewise.checks.columns import looks_like_id_name
from phasewise.checks.quick import _score, folds_of, out_of_fold
from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable, Skip
from phasewise.checks.texts import finding, q
from phasewise.records.findings import Finding


@check("groups-across-parts", source="P04", cost="pass")
def group_overlap(table: CheckTable) -> list[Finding]:
    """Declared groups with rows in train and in validation."""
    if table.groups is None or table.train is None or table.validation is None or len(table.validation) == 0:
        raise Skip("no declared groups, or no separate validation part")
    if table.options.get("policy") == "time":
        raise Skip("the parts are cut by time: later rows of the same groups are meant")
    shared = np.intersect1d(table.groups[table.train], table.groups[table.validation])
    if len(shared) == 0:
        return []
    rows = int(np.isin(table.groups[table.validation], shared).sum())
    return [finding("groups-across-parts", "block", f"{len(shared):,} groups have rows in train and validation", f"{rows:,} validation rows belong to them.", columns=[table.group] if table.group else [], rows=rows, harm=10, remedies=[remedy("group-split", recommended=True), remedy("accept")])]


@check("group-column", source="T31", cost="model", rows=6_000)
def group_column(table: CheckTable) -> list[Finding]:
    """A column whose values repeat and whose rows resemble each other: a random split would know the answers."""
    if table.groups is not None or table.options.get("policy") == "grouped":
        raise Skip("groups are declared")
    if table.options.get("policy") == "time":
        raise Skip("the parts are cut by time: later rows of the same keys are meant")
    facts, out = table.facts, []
    candidates = _candidates(table)
    if not candidates:
        return []
    rows = facts.leak_rows
    for c in candidates[:5]:
        # Whole groups are sampled: thinning rows would hide what belongs together.
        keys = table.frame[c].rank("dense").fill_null(0).to_numpy()[facts.known]
        chosen = _whole_groups(keys, facts, 6_000)
        if chosen is None:
            continue
        at = facts.known[chosen]
        frame = table.frame.select([f for f in facts.coded if f != c])[at]
        matrix = np.stack([coded(frame[f]) for f in frame.columns], 1) if frame.width else np.zeros((len(at), 0))
        if matrix.shape[1] == 0:
            continue
        gap, se = _gap(table, matrix, facts.y[at], keys[chosen])
        named, groups = looks_like_id_name(c) or _entity(c), len(np.unique(keys))
        seen = f"a random split scores {100 * gap:.1f} points better than a split by group."
        alike = gap > 0.02 and gap > 3 * se
        if not alike and named and c in table.features:
            gap, se = _known(table, facts.y[at], keys[chosen])
            seen = f"the key alone, known from other rows, foretells the target {100 * gap:.1f} points better than chance; for new keys it says nothing."
        if alike or (gap > KNOWN and gap > 3 * se):
            severity = "block" if alike and named and gap > 0.03 else "warn"
            date = _panel(table, c)
            if date:
                seen += f" It is a panel: nearly every {q(c)} has a row at most of the times in {q(date)}. Split by time if later rows of the same keys are what matters, by group if new keys are."
            ways = [remedy("time-split", recommended=True, column=date), remedy("group-split", column=c)] if date else [remedy("group-split", recommended=True, column=c)]
            out.append(finding("group-column", severity, f"Rows with the same {q(c)} belong together", f"{groups:,} groups of about {len(keys) / groups:.1f} rows; {seen}", column=c, numbers={"gap": gap, "se": se, "groups": groups}, harm=100 * gap, remedies=[*ways, remedy("drop-column"), remedy("accept")]))
    return out if len(rows) else []


def _panel(table: CheckTable, key: str) -> str:
    """The date column at (nearly) each of whose times a key has exactly one row, as in sales by shop and day; empty where there is none."""
    for c, dtype in table.schema.items():
        if not dtype.is_temporal() or c == table.target:
            continue
        pairs = table.frame.select(key, c).drop_nulls()
        if pairs.height < 0.9 * table.rows or pairs.n_unique() < 0.95 * pairs.height:
            continue
        if pairs.group_by(key).len()["len"].median() > 0.5 * pairs[c].n_unique() >= 5:
            return c
    return ""


KNOWN = 0.1
"""AUC above one half (or R2) from which on a key that the network is given tells the target: a weak tie of a named key is no leak."""
_ENTITIES = ("patient", "person", "subject", "user", "customer", "client", "member", "household", "family", "session", "device", "machine", "sensor", "site", "hospital", "school", "student", "player", "speaker", "author", "group", "store", "shop", "company", "vehicle", "driver", "account", "batch", "plot", "well", "animal", "participant", "donor", "cell_line", "tail")


_UNITS = re.compile(r"(^|[^a-z])(unit|engine|asset|equipment|turbine|robot|meter|station|cow|mouse|rat|trial|recording|battery|cell|pump)s?([^a-z]|$)", re.I)


def _entity(name: str) -> bool:
    plain = name.lower()
    return any(e in plain for e in _ENTITIES) or bool(_UNITS.search(re.sub(r"([a-z])([A-Z])", r"\1_\2", name)))


def _candidates(table: CheckTable) -> list[str]:
    """Columns that could be keys of groups: named ones first, then codes and texts with 2-67 % distinct values."""
    facts, named, others = table.facts, [], []
    schema = table.schema
    for c in table.frame.columns[:5000]:
        if c in (table.target, "__row__"):
            continue
        dtype = schema[c]
        whole = dtype.is_integer() or dtype == pl.String
        if not whole or table.rows < 300:
            continue
        filled = table.rows - table.frame[c].null_count()
        distinct = facts.distinct(c)
        share = distinct / max(filled, 1)
        if filled < 0.9 * table.rows or not 0.005 <= share <= 0.67 or distinct < 20:
            continue
        hint = looks_like_id_name(c) or _entity(c)
        if hint:
            named.append(c)
        elif share >= 0.02 and dtype == pl.String and table.role(c) != "text":
            others.append(c)
        elif share >= 0.02 and dtype.is_integer() and table.role(c) == "category":
            others.append(c)
    return named + others


def _whole_groups(keys: np.ndarray, facts, limit: int) -> np.ndarray | None:
    unique, index, counts = np.unique(keys, return_inverse=True, return_counts=True)
    if len(unique) < 20 or (counts > 1).sum() < 10:
        return None
    order = facts.rng(77).permutation(len(unique))
    reach = np.cumsum(counts[order])
    taken = order[: max(int(np.searchsorted(reach, limit)), 20)]
    return np.flatnonzero(np.isin(index, taken))


def _gap(table: CheckTable, matrix: np.ndarray, y: np.ndarray, keys: np.ndarray) -> tuple[float, float]:
    """Score of random folds minus score of group folds, with its standard error over three repeats of each."""
    k = len(table.facts.classes) if table.classification else 0
    random, grouped = [], []
    for seed in range(2):
        random.append(_neighbour_score(matrix, y, k, folds_of(y, k, 4, seed)))
        grouped.append(_neighbour_score(matrix, y, k, folds_of(y, k, 4, seed, keys)))
    rows = np.arange(len(y))
    boosted = out_of_fold(matrix, y, k, rows=rows, seed=0).score - out_of_fold(matrix, y, k, rows=rows, seed=0, groups=keys).score
    # The number of groups, not of rows, is what limits a score by groups.
    se = float(np.hypot(np.std(random), np.std(grouped))) / np.sqrt(2) + 0.15 / np.sqrt(len(np.unique(keys)))
    return max(float(np.mean(random) - np.mean(grouped)), boosted), se


def _known(table: CheckTable, y: np.ndarray, keys: np.ndarray) -> tuple[float, float]:
    """What the mean target of a key's other rows foretells (AUC above 0.5, or R2), with its standard error: the gap of a model that is given the key."""
    k = len(table.facts.classes) if table.classification else 0
    _, index, counts = np.unique(keys, return_inverse=True, return_counts=True)
    target = np.eye(k)[y] if k else np.asarray(y, np.float64)[:, None]
    fold, told = folds_of(y, k, 4, 0), np.zeros_like(target)
    for f in range(4):
        held, fit = fold == f, fold != f
        middle = target[fit].mean(0)
        sums = np.stack([np.bincount(index[fit], column, len(counts)) for column in target[fit].T], 1)
        seen = np.bincount(index[fit], minlength=len(counts))[:, None]
        told[held] = ((sums + 2 * middle) / (seen + 2))[index[held]]
    score = _score(y, told if k else None, None if k else told[:, 0]) - (0.5 if k else 0.0)
    return score, 0.15 / np.sqrt(len(counts)) + 0.3 / np.sqrt(len(y))


def _neighbour_score(matrix: np.ndarray, y: np.ndarray, classes: int, fold: np.ndarray) -> float:
    """AUC or R2 of five nearest neighbours: the model that profits most from rows of the same group."""
    from sklearn.neighbors import NearestNeighbors

    filled = np.where(np.isnan(matrix), np.nanmedian(np.where(np.isnan(matrix).all(0), 0.0, matrix), axis=0), matrix)
    spread = filled.std(0)
    scaled = (filled - filled.mean(0))[:, spread > 0] / spread[spread > 0]
    proba = np.zeros((len(y), classes)) if classes else None
    values = None if classes else np.zeros(len(y))
    for f in range(int(fold.max()) + 1):
        held, fit = np.flatnonzero(fold == f), np.flatnonzero(fold != f)
        if len(held) == 0 or len(fit) < 5:
            continue
        near = fit[NearestNeighbors(n_neighbors=5).fit(scaled[fit]).kneighbors(scaled[held], return_distance=False)]
        if classes:
            proba[held] = np.eye(classes)[y[near]].mean(axis=1)
        else:
            values[held] = y[near].mean(axis=1)
    return _score(y, proba, values)


FILLED = 0.9
"""Share of rows a date must be known for, to order the rows."""


@check("time-trend", source="T32", cost="model", rows=6_000)
def time_trend(table: CheckTable) -> list[Finding]:
    """The data changes along a date column, so a random split looks into the future."""
    dates = [c for c, dtype in table.schema.items() if c != table.target and dtype.is_temporal() and (c == table.time or not _OWN_DATE.search(c))]
    if table.time and table.time not in dates and table.time in table.frame.columns:
        dates.append(table.time)
    dates += [c for c in table.features if c not in dates and timelike(table.frame[c])]
    if not dates:
        raise Skip("no date column")
    if table.options.get("policy") == "time":
        raise Skip("the split is by time already")
    facts, out = table.facts, []
    for c in dates[:3]:
        when = coded(table.frame[c])[facts.leak_rows]
        known = np.isfinite(when)
        if known.sum() < max(100, FILLED * len(when)) or len(np.unique(when[known])) < (10 if table.schema[c].is_temporal() else 3):
            continue  # a date that many rows lack orders nothing: whether it is filled is another check's question
        k = len(facts.classes) if table.classification else 0
        from phasewise.checks.onecolumn import column_score

        tells = column_score(when, facts.leak_y, k, seed=table.seed).score
        first, last = when <= np.nanquantile(when, 1 / 3), when > np.nanquantile(when, 2 / 3)
        moved = _moved(table, c, first, last)
        target_moved = _target_moved(table, first, last)
        if target_moved or tells >= 0.15 or len(moved) >= 1:
            what = ["the target"] * target_moved + [q(m) for m in moved[:3]]
            seen = f"Between the first and the last third of {q(c)} {', '.join(what)} changed." if what else f"{q(c)} alone scores {tells:.2f} of 1."
            severity = "warn" if target_moved or tells >= 0.15 else "info"
            grouped = table.options.get("policy") == "grouped"
            if grouped:
                seen += " The rows are split by group already; a split by time would take that back."
            out.append(finding("time-trend", severity, f"The data changes along {q(c)}", seen, column=c, numbers={"score": tells, "moved": moved}, harm=2.3, remedies=[remedy("time-split", recommended=not grouped, column=c), remedy("accept", recommended=grouped)]))
    return out


def calendar(column: pl.Series) -> bool:
    """Whether a date column only counts on, a row at (nearly) every tick: a trend along it is the series itself and no leak."""
    if not column.dtype.is_temporal() or len(column) < 10:
        return False
    moments = column.drop_nulls().unique().sort()
    if len(moments) < 0.95 * len(column):
        return False
    gaps = moments.cast(pl.Datetime("us")).dt.epoch("us").diff().drop_nulls().to_numpy()
    return bool((gaps <= 1.5 * np.median(gaps)).mean() >= 0.75)  # working days jump on one gap in five; moments at random on one in three


_TRAIT = re.compile(r"buil[dt]|birth|born|remod|renov|constr|model|found|manufact|made|vintage|install|baujahr|geburt|release|first|hire|join|start|open|enrol|register|gradu", re.I)
"""Years that tell how old a thing is, not when its row was taken: rows ordered by them are no series."""


_OWN_DATE = re.compile(r"birth|(^|_)dob(_|$)|geburt|buil[dt]|manufactur|baujahr", re.I)


def timelike(column: pl.Series) -> bool:
    """Whether whole numbers are years or seconds (or milliseconds) since 1970, by name and range."""
    if not column.dtype.is_integer() or column.null_count() == len(column):
        return False
    low, high = int(column.min()), int(column.max())
    if re.search(r"year|jahr|annee|año", column.name, re.I):
        return not _TRAIT.search(column.name) and 1800 <= low < high <= 2200
    if not re.search(r"time|date|stamp|epoch|unix|(^|_)ts($|_)|created|updated|_at$", column.name, re.I):
        return False
    return low < high and (3e8 <= low and high <= 4e9 or 3e11 <= low and high <= 4e12)


def _moved(table: CheckTable, date: str, first: np.ndarray, last: np.ndarray) -> list[str]:
    from phasewise.stats.drift import compare_columns

    facts = table.facts
    names = [c for c in facts.coded if c != date and not table.schema[c].is_temporal()]
    before = {c: (facts.coded[c][first], facts.is_level[c]) for c in names}
    after = {c: facts.coded[c][last] for c in names}
    return [d.column for d in compare_columns(before, after, effect=0.15) if d.drifted]


def _target_moved(table: CheckTable, first: np.ndarray, last: np.ndarray) -> bool:
    from phasewise.stats.drift import compare_columns

    y = table.facts.leak_y.astype(float)
    # Class shares are compared as between parts (P06): a total variation of 0.05 beyond chance is another mix.
    return compare_columns({"y": (y[first], table.classification)}, {"y": y[last]}, effect=0.05 if table.classification else 0.1)[0].drifted
