"""Planted faults: each generator takes a clean base and returns a table with one fault (checks.md 9.2)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from planted_bases import Base


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A table with a fault, the checks that name it, and the column it sits in."""

    frame: pl.DataFrame
    checks: tuple[str, ...]
    column: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    parts: bool = False
    """Whether the table has to be given a random train and validation part."""
    fixable: bool = True
    """Whether the recommended remedy changes the frame so that the finding goes away."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A generator with its parameters; `must` faults count for the recall target."""

    name: str
    make: Callable[[Base, np.random.Generator, Any], Planted | None]
    parameters: tuple[Any, ...]
    must: bool = True


def _codes(base: Base) -> np.ndarray:
    return base.frame[base.target].cast(pl.String).rank("dense").to_numpy().astype(int) - 1


def _numeric(base: Base, rng: np.random.Generator, *, positive: bool = False, many: int = 20) -> str | None:
    found = []
    for c in base.frame.columns:
        s = base.frame[c]
        if c != base.target and s.dtype.is_numeric() and s.n_unique() >= many and s.null_count() < 0.2 * len(s):
            if not positive or (s.drop_nulls() > 0).mean() > 0.99:
                found.append(c)
    return str(rng.choice(found)) if found else None


def _text(base: Base, rng: np.random.Generator) -> str | None:
    found = [c for c in base.frame.columns if c != base.target and base.frame.schema[c] == pl.String and 2 <= base.frame[c].n_unique() <= 60]
    return str(rng.choice(found)) if found else None


def _put(frame: pl.DataFrame, name: str, values) -> pl.DataFrame:
    return frame.with_columns(pl.Series(name, values))


def leak_copy(base: Base, rng: np.random.Generator, noise: float) -> Planted | None:
    if base.task == "regression":
        y = base.frame[base.target].to_numpy().astype(float)
        made = 3 * y + 7 + rng.normal(0, max(noise, 1e-9) * 10 * 3 * y.std(), len(y))
        return Planted(frame=_put(base.frame, "settled_amount", made), checks=("target-leak",), column="settled_amount")
    codes = _codes(base)
    k = codes.max() + 1
    hit = rng.random(len(codes)) < noise
    codes = np.where(hit, rng.integers(0, k, len(codes)), codes)
    names = np.array([f"code_{i}" for i in rng.permutation(k)])
    return Planted(frame=_put(base.frame, "case_state", names[codes]), checks=("target-leak",), column="case_state")


def missing_leak(base: Base, rng: np.random.Generator, coverage: float) -> Planted | None:
    if base.task == "regression" or base.frame.height < 300:
        return None
    codes = _codes(base)
    rare = int(np.bincount(codes).argmin())
    if (codes == rare).sum() * coverage < 40:
        return None
    filled = (codes == rare) & (rng.random(len(codes)) < coverage)
    return Planted(frame=_put(base.frame, "visit_length", pl.Series(np.where(filled, rng.normal(10, 2, len(codes)), np.nan)).fill_nan(None)), checks=("missingness-leak",), column="visit_length")


def row_id(base: Base, rng: np.random.Generator, how: str) -> Planted:
    n = base.frame.height
    if how == "sequential":
        values = np.arange(n) + 1000
    elif how == "shuffled":
        values = rng.permutation(n) + 1
    elif how == "gapped":
        values = np.sort(rng.choice(int(1.8 * n), n, replace=False))
    else:
        values = [f"{rng.integers(16**8):08x}-{rng.integers(16**4):04x}" for _ in range(n)]
    return Planted(frame=_put(base.frame, "record_key", values), checks=("id-column",), column="record_key")


def constant(base: Base, rng: np.random.Generator, value: Any) -> Planted:
    return Planted(frame=_put(base.frame, "fixed", [value] * base.frame.height), checks=("constant-column",), column="fixed")


def near_constant(base: Base, rng: np.random.Generator, share: float) -> Planted | None:
    if base.frame.height < 1000:
        return None
    values = np.where(rng.random(base.frame.height) < share, "yes", "no")
    values[:2] = "no"
    return Planted(frame=_put(base.frame, "flag", values), checks=("near-constant",), column="flag", fixable=False)


def words(base: Base, rng: np.random.Generator, share: float) -> Planted | None:
    c = _numeric(base, rng)
    if c is None:
        return None
    cells = base.frame[c].cast(pl.String).to_list()
    words_ = np.array(["see note", "about ten", "broken"])
    for i in np.flatnonzero(rng.random(len(cells)) < share):
        cells[i] = str(rng.choice(words_))
    cells[0] = "see note"
    return Planted(frame=_put(base.frame, c, cells), checks=("mixed-types",), column=c)


def tokens(base: Base, rng: np.random.Generator, marks: tuple[str, ...]) -> Planted | None:
    c = _text(base, rng) or _numeric(base, rng)
    if c is None:
        return None
    cells = base.frame[c].cast(pl.String).to_list()
    for i in rng.choice(len(cells), max(3, len(cells) // 30), replace=False):
        cells[i] = str(rng.choice(np.array(marks)))
    return Planted(frame=_put(base.frame, c, cells), checks=("placeholders", "numbers-as-text"), column=c)


def sentinel(base: Base, rng: np.random.Generator, how: tuple[float, float]) -> Planted | None:
    value, share = how
    c = _numeric(base, rng)
    if c is None or share * base.frame.height < 4:
        return None
    cells = base.frame[c].to_numpy().astype(float)
    known = cells[np.isfinite(cells)]
    gap = value - known.max() if value > 0 else known.min() - value
    if gap < (0.06 if abs(value) >= 999 else 1.1) * np.ptp(known):
        return None
    whole = np.all(known == np.floor(known))
    cells[rng.choice(len(cells), max(4, int(share * len(cells))), replace=False)] = value
    made = pl.Series(c, cells).fill_nan(None)
    return Planted(frame=base.frame.with_columns(made.cast(pl.Int64) if whole else made), checks=("sentinel-values",), column=c)


def variants(base: Base, rng: np.random.Generator, share: float) -> Planted | None:
    c = _text(base, rng)
    if c is None:
        return None
    cells = base.frame[c].to_list()
    for i in rng.choice(len(cells), max(3, int(share * len(cells))), replace=False):
        if cells[i]:
            cells[i] = str(rng.choice(np.array([cells[i].upper(), cells[i].lower() + " ", " " + cells[i].title()])))
    return Planted(frame=_put(base.frame, c, cells), checks=("text-variants",), column=c)


def infinite(base: Base, rng: np.random.Generator, sign: float) -> Planted | None:
    c = _numeric(base, rng)
    if c is None:
        return None
    cells = base.frame[c].to_numpy().astype(float).copy()
    cells[rng.integers(len(cells))] = sign * np.inf
    return Planted(frame=_put(base.frame, c, pl.Series(cells).fill_nan(None)), checks=("infinite-values",), column=c)


def extreme(base: Base, rng: np.random.Generator, value: float) -> Planted | None:
    c = _numeric(base, rng)
    if c is None:
        return None
    cells = base.frame[c].to_numpy().astype(float).copy()
    low, q1, q3, high = np.nanquantile(cells, [0.05, 0.25, 0.75, 0.95])
    if value / max((q3 - q1) / 1.349, (high - low) / 3.29, 1e-12) < 2e4:
        return None
    cells[rng.integers(len(cells))] = value
    return Planted(frame=_put(base.frame, c, pl.Series(cells).fill_nan(None)), checks=("extreme-values", "sentinel-values"), column=c)


def unit(base: Base, rng: np.random.Generator, how: tuple[float, float]) -> Planted | None:
    factor, share = how
    if share * base.frame.height < 60:
        return None
    # Only a column whose own spread is below the factor can show two clusters at all.
    fit = []
    for c in base.frame.columns:
        s = base.frame[c]
        if c != base.target and s.dtype.is_numeric() and s.n_unique() >= 20 and s.null_count() < 0.1 * len(s) and s.drop_nulls().min() > 0:
            q = s.drop_nulls().cast(pl.Float64).to_numpy()
            a, b = np.quantile(q, [0.01, 0.99])
            if b / a < factor / 1.6 and np.median(q) * factor**0.5 > 1.3 * b and a * factor > 1.3 * np.median(q) * factor**0.5:
                fit.append(c)
    if not fit:
        return None
    c = str(rng.choice(fit))
    cells = base.frame[c].to_numpy().astype(float).copy()
    hit = rng.random(len(cells)) < share
    cells[hit] *= factor
    return Planted(frame=_put(base.frame, c, pl.Series(cells).fill_nan(None)), checks=("unit-mix",), column=c)


def copies(base: Base, rng: np.random.Generator, share: float) -> Planted:
    n = base.frame.height
    picks = rng.choice(n, max(2, int(share * n)), replace=False)
    frame = pl.concat([base.frame, base.frame[picks]])
    return Planted(frame=frame[rng.permutation(frame.height)], checks=("duplicate-rows",), fixable=False)


def copies_across(base: Base, rng: np.random.Generator, share: float) -> Planted | None:
    n = base.frame.height
    if n < 300:
        return None
    cut = int(0.75 * n)
    picks = rng.choice(cut, max(3, int(share * (n - cut))), replace=False)
    frame = pl.concat([base.frame, base.frame[picks]])
    options = {"train": np.arange(cut), "validation": np.arange(cut, frame.height)}
    return Planted(frame=frame, checks=("copies-across-parts",), options=options, fixable=False)


def near_copies(base: Base, rng: np.random.Generator, how: tuple[float, float]) -> Planted | None:
    share, jitter = how
    numbers = [c for c in base.frame.columns if c != base.target and base.frame.schema[c].is_float() and base.frame[c].n_unique() > 0.3 * base.frame.height]
    if not numbers or base.frame.height < 300:
        return None
    c = str(rng.choice(numbers))
    rows = base.frame[rng.choice(base.frame.height, int(share * base.frame.height), replace=False)]
    iqr = float(base.frame[c].quantile(0.75) - base.frame[c].quantile(0.25))
    rows = rows.with_columns((pl.col(c) + pl.Series(rng.uniform(0.2, 0.9, rows.height) * jitter * iqr)).alias(c))
    frame = pl.concat([base.frame, rows])
    return Planted(frame=frame[rng.permutation(frame.height)], checks=("near-duplicates",), fixable=False)


def twins(base: Base, rng: np.random.Generator, share: float) -> Planted | None:
    if base.task == "regression" or base.frame.height < 300:
        return None
    picks = rng.choice(base.frame.height, max(4, int(share * base.frame.height)), replace=False)
    rows, codes = base.frame[picks], _codes(base)
    names = np.array(sorted(base.frame[base.target].cast(pl.String).unique().to_list()))
    other = names[(codes[picks] + 1) % len(names)]
    rows = rows.with_columns(pl.Series(base.target, other).cast(base.frame.schema[base.target]))
    frame = pl.concat([base.frame, rows])
    return Planted(frame=frame[rng.permutation(frame.height)], checks=("conflicting-labels",), fixable=False)


def flips(base: Base, rng: np.random.Generator, share: float) -> Planted | None:
    if base.task == "regression" or base.frame.height < 1000:
        return None
    codes = _codes(base)
    names = np.array(sorted(base.frame[base.target].cast(pl.String).unique().to_list()))
    hit = rng.random(len(codes)) < share
    codes = np.where(hit, (codes + rng.integers(1, len(names), len(codes))) % len(names), codes)
    return Planted(frame=base.frame.with_columns(pl.Series(base.target, names[codes]).cast(base.frame.schema[base.target])), checks=("label-noise",), fixable=False)


def groups(base: Base, rng: np.random.Generator, how: tuple[int, float]) -> Planted | None:
    """Rows per person; inputs of a person share an offset and most of the target."""
    size, effect = how
    n = min(base.frame.height, 4000)
    if n < 600:
        return None
    frame = base.frame.head(n)
    person = np.repeat(np.arange(n // size + 1), size)[:n]
    numbers = [c for c in frame.columns if c != base.target and frame.schema[c].is_numeric()][:6]
    if len(numbers) < 3:
        return None
    first = (person * size).clip(0, n - 1)
    out = {}
    for c in numbers:
        own = frame[c].cast(pl.Float64).fill_null(0).to_numpy()
        spread = own.std() or 1.0
        out[c] = own[first] + (1 - effect) * spread * rng.normal(0, 0.3, n)
    y = frame[base.target].to_list()
    keep = rng.random(n) < effect
    y = [y[f] if k else v for v, f, k in zip(y, first, keep, strict=True)]
    ids = np.array([f"P{v:05d}" for v in rng.permutation(person.max() + 1)])[person]
    frame = frame.with_columns([pl.Series(c, v) for c, v in out.items()]).with_columns(pl.Series(base.target, y, dtype=frame.schema[base.target]), pl.Series("patient_id", ids))
    return Planted(frame=frame[rng.permutation(n)], checks=("group-column",), column="patient_id", fixable=False)


def known_key(base: Base, rng: np.random.Generator, how: tuple[int, float]) -> Planted | None:
    """Rows of one person share a leaning of the target that no other column shows: only the key, given to the network, tells it."""
    size, effect = how
    n = min(base.frame.height, 4000)
    if n < 600:
        return None
    person = rng.permutation(np.arange(n) // size)
    ids = np.array([f"P{v:05d}" for v in rng.permutation(person.max() + 1)])[person]
    y = base.frame.head(n)[base.target]
    some = y.filter(y.is_not_null())
    leaning = some.sample(int(person.max()) + 1, with_replacement=True, seed=int(rng.integers(2**31)))[person.tolist()]
    kept = pl.Series(rng.random(n) < effect)
    frame = base.frame.head(n).with_columns(y.zip_with(~kept, leaning.alias(base.target)), pl.Series("patient_id", ids))
    return Planted(frame=frame, checks=("group-column",), column="patient_id", fixable=False)


def trend(base: Base, rng: np.random.Generator, strength: float) -> Planted | None:
    n = base.frame.height
    if n < 600:
        return None
    days = np.sort(rng.integers(0, 1500, n))
    from datetime import datetime, timedelta

    stamps = [datetime(2019, 1, 1) + timedelta(days=int(d)) for d in days]
    frame = base.frame
    if base.task == "regression":
        y = frame[base.target].cast(pl.Float64).to_numpy()
        frame = frame.with_columns(pl.Series(base.target, y + strength * y.std() * days / 750))
    else:
        names = sorted(frame[base.target].cast(pl.String).unique().to_list())
        y = frame[base.target].cast(pl.String).to_numpy().astype(object)
        hit = rng.random(n) < strength * days / 1500
        y[hit] = names[0]
        frame = frame.with_columns(pl.Series(base.target, y.tolist()).cast(base.frame.schema[base.target]))
    return Planted(frame=frame.with_columns(pl.Series("recorded", stamps))[rng.permutation(n)], checks=("time-trend",), column="recorded", fixable=False)


def rare(base: Base, rng: np.random.Generator, rows: int) -> Planted | None:
    if base.task == "regression":
        return None
    codes = _codes(base)
    k = int(np.bincount(codes).argmin())
    at = np.flatnonzero(codes == k)
    if len(at) <= rows:
        return None
    keep = np.r_[np.flatnonzero(codes != k), rng.choice(at, rows, replace=False)]
    return Planted(frame=base.frame[np.sort(keep)], checks=("rare-class",), fixable=False)


def absent_class(base: Base, rng: np.random.Generator, _: Any) -> Planted | None:
    if base.task != "multiclass":
        return None
    names = sorted(base.frame[base.target].cast(pl.String).unique().to_list())
    frame = base.frame.filter(pl.col(base.target).cast(pl.String) != names[-1])
    return Planted(frame=frame, checks=("coverage",), options={"declared_classes": names}, fixable=False)


def imbalance(base: Base, rng: np.random.Generator, share: float) -> Planted | None:
    if base.task != "binary" or base.frame.height < 2000:
        return None
    codes = _codes(base)
    k = int(np.bincount(codes).argmin())
    at = np.flatnonzero(codes == k)
    keep = np.r_[np.flatnonzero(codes != k), rng.choice(at, max(31, int(share * (codes != k).sum())), replace=False)]
    return Planted(frame=base.frame[np.sort(keep)], checks=("imbalance",), fixable=False)


def empty(base: Base, rng: np.random.Generator, share: float) -> Planted:
    n = base.frame.height
    values = pl.Series(np.where(rng.random(n) < share, np.nan, rng.normal(size=n))).fill_nan(None)
    return Planted(frame=base.frame.with_columns(values.alias("remark")), checks=("missing-values", "constant-column"), column="remark")


def shuffled_target(base: Base, rng: np.random.Generator, _: Any) -> Planted | None:
    if base.frame.height < 1000:
        return None
    return Planted(frame=base.frame.with_columns(base.frame[base.target].shuffle(int(rng.integers(1e6)))), checks=("no-signal",), fixable=False)


def same_column(base: Base, rng: np.random.Generator, how: str) -> Planted | None:
    c = _text(base, rng) if how == "recoded" else _numeric(base, rng)
    if c is None:
        return None
    s = base.frame[c]
    if how == "recoded":
        names = s.drop_nulls().unique().sort().to_list()
        made = s.replace_strict({v: int(i) for v, i in zip(names, rng.permutation(len(names)), strict=True)}, default=None, return_dtype=pl.Int64)
    elif how == "scaled":
        made = s.cast(pl.Float64) * 2.54
    else:
        made = -s.cast(pl.Float64)
    return Planted(frame=base.frame.with_columns(made.alias("again")), checks=("duplicate-columns", "correlated-columns"), column="again", fixable=False)


def text_numbers(base: Base, rng: np.random.Generator, mark: str) -> Planted | None:
    c = _numeric(base, rng)
    if c is None:
        return None
    cells = base.frame[c].cast(pl.String).to_list()
    if mark:
        for i in rng.choice(len(cells), 4, replace=False):
            cells[i] = mark
    return Planted(frame=_put(base.frame, c, cells), checks=("numbers-as-text", "placeholders"), column=c)


def text_dates(base: Base, rng: np.random.Generator, form: str) -> Planted:
    from datetime import date, timedelta

    cells = [(date(2020, 1, 1) + timedelta(days=int(d))).strftime(form) for d in rng.integers(0, 900, base.frame.height)]
    return Planted(frame=_put(base.frame, "opened", cells), checks=("dates-as-text",), column="opened")


def emails(base: Base, rng: np.random.Generator, _: Any) -> Planted:
    cells = [f"user{rng.integers(1e6)}@example.org" for _ in range(base.frame.height)]
    return Planted(frame=_put(base.frame, "contact", cells), checks=("personal-data",), column="contact")


def sorted_file(base: Base, rng: np.random.Generator, _: Any) -> Planted | None:
    if base.task != "regression" and base.frame.height < 140:
        return None
    return Planted(frame=base.frame.sort(base.target), checks=("row-order",), fixable=False)


def no_header(base: Base, rng: np.random.Generator, _: Any) -> Planted | None:
    numbers = [c for c in base.frame.columns if c != base.target and base.frame.schema[c].is_float()]
    if len(numbers) < 4:
        return None
    return Planted(frame=base.frame.select([*numbers, base.target]).rename({c: f"{base.frame[c].drop_nulls()[0] + i / 1000:.4f}" for i, c in enumerate(numbers)}), checks=("parse-faults",), fixable=False)


FAULTS: tuple[Fault, ...] = (
    Fault(name="target copy", make=leak_copy, parameters=(0.0, 0.02)),
    Fault(name="target copy, 5 % noise", make=leak_copy, parameters=(0.05,), must=False),
    Fault(name="filled for one class", make=missing_leak, parameters=(1.0, 0.9, 0.6)),
    Fault(name="row id", make=row_id, parameters=("sequential", "shuffled", "gapped", "uuid")),
    Fault(name="constant", make=constant, parameters=(7, "same")),
    Fault(name="near constant", make=near_constant, parameters=(0.996, 0.999)),
    Fault(name="words in numbers", make=words, parameters=(0.01, 0.05, 0.2)),
    Fault(name="missing tokens", make=tokens, parameters=(("?",), ("N/A", "-", "unknown"))),
    Fault(name="sentinel", make=sentinel, parameters=((-999.0, 0.002), (-999.0, 0.03), (9999.0, 0.01), (-99999.0, 0.03))),
    Fault(name="spelling variants", make=variants, parameters=(0.005, 0.05)),
    Fault(name="infinite", make=infinite, parameters=(1.0, -1.0)),
    Fault(name="extreme", make=extreme, parameters=(1e13,)),
    Fault(name="unit mix", make=unit, parameters=((60.0, 0.1), (1000.0, 0.02), (1000.0, 0.4), (100.0, 0.1), (24.0, 0.1))),
    Fault(name="copies", make=copies, parameters=(0.03, 0.1)),
    Fault(name="copies across parts", make=copies_across, parameters=(0.01, 0.05)),
    Fault(name="near copies", make=near_copies, parameters=((0.05, 0.001), (0.02, 0.0001))),
    Fault(name="contradicting twins", make=twins, parameters=(0.005, 0.02, 0.1)),
    Fault(name="flipped labels", make=flips, parameters=(0.1,)),
    Fault(name="flipped labels, 5 %", make=flips, parameters=(0.05,), must=False),
    Fault(name="groups", make=groups, parameters=((5, 0.9), (20, 0.9))),
    Fault(name="key that tells the target", make=known_key, parameters=((12, 0.5), (25, 0.8))),
    Fault(name="weak groups", make=groups, parameters=((5, 0.5),), must=False),
    Fault(name="time trend", make=trend, parameters=(0.6, 1.0)),
    Fault(name="rare class", make=rare, parameters=(5, 9, 29)),
    Fault(name="class absent", make=absent_class, parameters=(None,)),
    Fault(name="imbalance", make=imbalance, parameters=(0.01, 0.03)),
    Fault(name="empty column", make=empty, parameters=(0.97, 1.1)),
    Fault(name="shuffled target", make=shuffled_target, parameters=(None,)),
    Fault(name="same column twice", make=same_column, parameters=("recoded", "scaled", "negated")),
    Fault(name="numbers as text", make=text_numbers, parameters=("", " ")),
    Fault(name="dates as text", make=text_dates, parameters=("%Y-%m-%d", "%d.%m.%Y")),
    Fault(name="e-mail addresses", make=emails, parameters=(None,)),
    Fault(name="sorted file", make=sorted_file, parameters=(None,)),
    Fault(name="missing header", make=no_header, parameters=(None,)),
)
