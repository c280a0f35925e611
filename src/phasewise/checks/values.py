"""Values of number columns: sentinels, infinite and extreme values, mixed units, target shape (T08-T10, T26)."""

import numpy as np
import polars as pl

from phasewise.checks.plausible import zero_is_none
from phasewise.checks.registry import check
from phasewise.checks.remedies import remedy
from phasewise.checks.table import CheckTable
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import Finding

SENTINELS = (-1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, -999999.0, -888.0, -8888.0, 999.0, 99.0, 98.0, 97.0, 88.0, 77.0, 9999.0, 99999.0, 999999.0, 9999999.0, -999.9, -99.9, -9999.9, 1e20, -1e20, 32767.0, -32768.0, 65535.0, 2147483647.0, -2147483648.0)
LONE = -9.0
"""A whole number at most this large that is the only negative value of a column may be a code, whether it is a usual one or not."""
SCALE_CODES = (77.0, 88.0, 97.0, 98.0, 99.0)
NO_DATES = ("0001-01-01", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01", "1970-01-01", "2099-12-31", "2999-12-31", "9999-12-31")
_CHECKED_FACTORS = (24.0, 60.0, 100.0, 1000.0)


@check("sentinel-values", source="T08", cost="pass", rows=100_000)
def sentinel_values(table: CheckTable) -> list[Finding]:
    """Codes such as -999 that stand for "no value" among real numbers."""
    out, levels = [], {}
    for c in table.facts.numbers():
        if table.facts.distinct(c) < 5:
            continue
        cells = table.facts.cells(c)
        hits = codes(cells)
        if not hits and zero_is_none(c, cells):
            hits = [(0.0, int((cells == 0).sum()))]
        if not hits:
            continue
        if table.roles.get(c) == "category":
            levels[c] = hits
            continue
        out.append(_coded(table, c, cells, hits, table.facts.filled(c)))
    if levels:
        marks = sorted({v for hits in levels.values() for v, _ in hits})
        out.append(finding("sentinel-values", "info", f"{len(levels)} column{'s' if len(levels) > 1 else ''} of levels may code missing values as {', '.join(f'{v:g}' for v in marks)}", f"{', '.join(q(c) for c in list(levels)[:6])}{' ...' if len(levels) > 6 else ''}: as levels of their own they do no harm.", place="levels", columns=list(levels), examples=marks, remedies=[remedy("accept", recommended=True), remedy("to-missing", columns=list(levels), values=[int(v) if v == int(v) else v for v in marks])]))
    if (target := table.frame[table.target]).dtype.is_numeric():
        cells = target.drop_nulls().cast(pl.Float64).to_numpy()
        cells = cells[np.isfinite(cells)]
        if len(np.unique(cells)) >= 4 and (hits := codes(cells)):
            out.append(_coded(table, table.target, cells, hits, len(cells), harm=20))
    return [*out, *_dates(table)]


def _coded(table: CheckTable, column: str, cells: np.ndarray, hits: list[tuple[float, int]], filled: int, harm: float = 0.5) -> Finding:
    share = sum(n for _, n in hits) / len(cells)
    values = [int(v) if v == int(v) and abs(v) < 1e15 else v for v, _ in hits]
    target = " These rows have no target then and are left out." if column == table.target else ""
    return finding("sentinel-values", "warn", f"{q(column)} seems to code missing values as {', '.join(map(str, values))}", f"{percent(share)} of the filled cells, apart from all other values.{target}", column=column, rows=round(share * filled), examples=values, numbers={"values": values, "share": share}, harm=harm, remedies=[remedy("to-missing", recommended=True, values=values), remedy("accept")])


def codes(cells: np.ndarray) -> list[tuple[float, int]]:
    """Codes among the cells with their counts; every candidate is compared with the cells that are no candidate."""
    if len(cells) < 30:
        return []
    low = float(cells.min())
    lone = (low,) if low <= LONE and low == np.floor(low) and (cells > low).any() and cells[cells > low].min() >= 0 else ()
    counts = {code: int((cells == code).sum()) for code in dict.fromkeys((*SENTINELS, *lone))}
    present = {code: n for code, n in counts.items() if n >= max(3, 0.001 * len(cells))}
    if not present:
        return []
    rest = cells[~np.isin(cells, list(present))]
    return [(code, n) for code, n in present.items() if _apart(rest if len(rest) >= 20 else cells[cells != code], code, n) and (code not in SCALE_CODES or _scale(rest))]


def _scale(rest: np.ndarray) -> bool:
    """Whether values are those of a short scale or a small count, on which 88 and 99 mean no answer."""
    return len(rest) >= 20 and bool(rest.max() <= 20 and np.all(rest == np.floor(rest)))


def _dates(table: CheckTable) -> list[Finding]:
    """Dates such as 1900-01-01 that stand for "no date": a listed one, repeated, and apart from all others."""
    out = []
    for c in [c for c in table.features if table.schema[c] in (pl.Date, pl.Datetime)]:
        days = table.frame[c].drop_nulls().cast(pl.Date)
        numbers = days.to_physical().to_numpy().astype(float)
        if len(numbers) < 30:
            continue
        hits = []
        for code in dict.fromkeys((*NO_DATES, str(days.min()), str(days.max()))):
            here = (days == pl.Series([code]).str.to_date(strict=False)[0]).to_numpy()
            listed = code in NO_DATES
            if here.sum() >= max(3, 0.001 * len(days)) and _beyond(numbers[~here], float(numbers[here][0]), listed):
                hits.append((code, int(here.sum())))
        if hits:
            rows, values = sum(n for _, n in hits), [v for v, _ in hits]
            out.append(finding("sentinel-values", "warn", f"{q(c)} seems to code missing dates as {', '.join(values)}", f"{percent(rows / len(days))} of the filled cells, apart from all other dates.", column=c, rows=rows, examples=values, numbers={"values": values, "share": rows / len(days)}, harm=0.5, remedies=[remedy("to-missing", recommended=True, values=values), remedy("accept")]))
    return out


def _beyond(rest: np.ndarray, code: float, listed: bool) -> bool:
    """Whether a day lies outside the others, by at least a twentieth of their range and a year; by their whole range and five years where it is no usual mark."""
    if len(rest) < 20:
        return False
    gap = max(rest.min() - code, code - rest.max())
    return bool(gap > (max(0.05 * np.ptp(rest), 365) if listed else max(np.ptp(rest), 5 * 365)))


def _apart(rest: np.ndarray, code: float, count: int) -> bool:
    """Whether a code stands apart: the only negative of a non-negative whole column, or beyond the rest by its range."""
    if len(rest) < 20 or len(np.unique(rest)) < 3:
        return False
    low, high = float(rest.min()), float(rest.max())
    span = high - low
    if span == 0:
        return False
    if code < 0 and low >= 0 and np.all(rest[:5000] == np.floor(rest[:5000])) and abs(code) != 1:
        return True
    if code <= LONE and low >= 0 and count >= max(5, 3 * int((rest == low).sum()) if low else 5):
        return True  # the one negative value of a column, and again and again the same
    if code == -1.0:
        # A scale such as -1, 0, 1 is no code: the rest must be a wide count that never reaches below zero.
        return low >= 0 and bool(np.all(rest[:5000] == np.floor(rest[:5000]))) and len(np.unique(rest)) >= 10 and count > 3 * max(1, int((rest == low).sum()) if low == 0 else 1)
    gap = code - high if code > high else low - code if code < low else -1.0
    # 999 and larger need not be as far away: nothing real repeats there by chance.
    needed = 0.05 * span if abs(code) >= 999 else span
    if gap < needed:
        return False
    # A smooth tail has neighbours between the bulk and its end; a code does not.
    beyond = np.sort(rest)[-20:] if code > high else np.sort(rest)[:20]
    return count >= 3 * int(np.sum(beyond == (high if code > high else low))) or gap > span


@check("infinite-values", source="T09", cost="pass")
def infinite_values(table: CheckTable) -> list[Finding]:
    """Cells that are infinite."""
    floats = [c for c in [*table.facts.numbers(), table.target] if c in table.schema and table.schema[c].is_float()]
    if not floats:
        return []
    counts = table.frame.select([pl.col(c).is_infinite().sum() for c in floats]).row(0)
    return [
        finding("infinite-values", "block", f"{q(c)} holds infinite values", f"{n:,} cells.", column=c, rows=int(n), harm=5, remedies=[remedy("infinite-to-missing", recommended=True), remedy("drop-column")])
        for c, n in zip(floats, counts, strict=True) if n
    ]


@check("extreme-values", source="T09", cost="pass", rows=100_000)
def extreme_values(table: CheckTable) -> list[Finding]:
    """Values more than ten thousand robust standard deviations from the median."""
    out = []
    facts = table.facts
    numbers = [c for c in facts.numbers() if facts.distinct(c) >= 10]
    if not numbers:
        return []
    ends = table.frame.select([pl.col(c).cast(pl.Float64).filter(pl.col(c).cast(pl.Float64).is_finite()).min().alias(f"l{i}") for i, c in enumerate(numbers)] + [pl.col(c).cast(pl.Float64).filter(pl.col(c).cast(pl.Float64).is_finite()).max().alias(f"h{i}") for i, c in enumerate(numbers)]).row(0)
    for i, c in enumerate(numbers):
        cells = facts.cells(c)
        if len(cells) < 50:
            continue
        q05, q25, middle, q75, q95 = np.quantile(cells, [0.05, 0.25, 0.5, 0.75, 0.95])
        spread = max((q75 - q25) / 1.349, (q95 - q05) / 3.29)
        low, high = ends[i], ends[len(numbers) + i]
        if spread <= 0 or low is None:
            continue
        far = max(high - middle, middle - low) / spread
        if far > 1e4:
            cap_low, cap_high = (float(v) for v in np.quantile(cells, [0.001, 0.999]))
            if max(abs(cap_low - middle), abs(cap_high - middle)) > 1e3 * spread:
                cap_low, cap_high = float(q05 - 3 * spread), float(q95 + 3 * spread)
            told = f"{far:,.0f}" if far < 1e9 else f"{far:.1e}"
            out.append(finding("extreme-values", "warn", f"{q(c)} holds values far outside all others", f"The furthest lies {told} robust standard deviations from the median {middle:.4g}.", column=c, examples=[low, high], numbers={"far": float(far)}, harm=1, remedies=[remedy("winsorise", recommended=True, low=cap_low, high=cap_high), remedy("drop-column"), remedy("accept")]))
    return out


@check("unit-mix", source="T10", cost="pass", rows=100_000)
def unit_mix(table: CheckTable) -> list[Finding]:
    """Two clusters of one column that become one when one is divided by 24, 60, 100 or 1,000."""
    out = []
    target = [] if table.classification else [table.target]
    for c in [*table.facts.numbers(), *target]:
        known = table.facts.y[table.facts.known] if c in target else table.facts.cells(c)
        cells = known[known > 0]
        if len(cells) < 200 or len(cells) < 0.8 * len(known) or len(np.unique(cells[:2000])) < 10:
            continue
        best = None
        for factor in _CHECKED_FACTORS:
            for found in _clusters(cells, factor):
                if best is None or found["ks"] < best["ks"]:
                    best = found
        if best:
            unit = f"{best['factor']:g}"
            out.append(finding("unit-mix", "warn", f"{percent(best['share'])} of {q(c)} seem to be in another unit", f"Multiplied by {unit} they have the distribution of the rest (KS {best['ks']:.3f})." if best["small"] else f"Divided by {unit} they have the distribution of the rest (KS {best['ks']:.3f}).", column=c, rows=round(best["share"] * len(cells) / len(known) * (len(table.facts.known) if c in target else table.facts.filled(c))), numbers=best, harm=1, remedies=[remedy("rescale", recommended=True, above=best["cut"], factor=best["factor"], small=best["small"]), remedy("accept")]))
    return out


def _clusters(cells: np.ndarray, factor: float) -> list[dict]:
    """Splits at the median times (or over) the root of the factor whose minor cluster is the major one rescaled."""
    from scipy.stats import ks_2samp

    out = []
    middle = float(np.median(cells))
    for small in (False, True):
        cut = middle / factor**0.5 if small else middle * factor**0.5
        minor, major = (cells[cells < cut], cells[cells >= cut]) if small else (cells[cells > cut], cells[cells <= cut])
        share = len(minor) / len(cells)
        if not 0.01 <= share <= 0.49 or len(minor) < 30:
            continue
        rescaled = minor * factor if small else minor / factor
        ks = float(ks_2samp(rescaled, major).statistic)
        noise = 1.36 * np.sqrt(1 / len(minor) + 1 / len(major))
        near = int(((cells > cut / 1.25) & (cells < cut * 1.25)).sum())
        # Random thinning moves KS by `noise`; a tail that merely looks alike is off by more and has no gap at the cut.
        if ks < max(0.08, min(noise, 0.15)) and near < 0.05 * len(minor) + 1:
            out.append({"factor": factor, "share": share, "ks": ks, "cut": float(cut), "small": small})
    return out


DECIDING = 0.002
"""Share of the rows (at least three) that may not hold half of all squared distances."""
APART = 4.0
"""Times as far from the median as every other row: a slip of unit or decimal point leaves such a gap, the end of a natural tail does not."""


@check("target-shape", source="T26", cost="pass", tasks=("regression",))
def target_shape(table: CheckTable) -> list[Finding]:
    """A regression target with a heavy tail or clipped ends."""
    y = table.facts.y[table.facts.known]
    out = []
    if len(y) < 100 or np.ptp(y) == 0:
        return out
    low, high = np.quantile(y, [0.005, 0.995])
    capped = np.clip(y, low, high)
    skew = float(((capped - capped.mean()) ** 3).mean() / max(capped.std() ** 3, 1e-300))
    if abs(skew) > 2:
        offers = [remedy("log-target", recommended=bool(y.min() >= 0)), remedy("accept", recommended=bool(y.min() < 0))]
        out.append(finding("target-shape", "info", "The target has a heavy tail", f"Skewness {skew:.1f} after capping 0.5 % at each end.", place="tail", columns=[table.target], numbers={"skew": skew}, remedies=offers))
    few, share, gap = _deciding(y)
    if share > 0.5 and gap >= APART:
        offers = [remedy("log-target", recommended=bool(y.min() >= 0)), remedy("accept", recommended=bool(y.min() < 0))]
        many = len(few) > 1
        shown = [f"row {table.number(int(table.facts.known[i])) + 1:,}: {y[i]:.6g}" for i in few[:5]]
        seen = f"{'They hold' if many else 'It holds'} {share:.0%} of all squared distances from the median ({np.median(y):.4g}) and lie{'' if many else 's'} {gap:,.0f} times as far from it as any other row. Look at {'these rows' if many else 'this row'}: a slip of unit or decimal point?"
        out.append(finding("target-shape", "warn", f"{len(few)} extreme target{'s decide' if many else ' decides'} every squared error", seen, place="extremes", columns=[table.target], rows=len(few), examples=shown, numbers={"share": share, "gap": gap}, remedies=offers))
    for end, name in ((y.max(), "largest"), (y.min(), "smallest")):
        share = float((y == end).mean())
        if share >= 0.01 and len(np.unique(y)) > 50:
            out.append(finding("target-shape", "info", f"{percent(share)} of the targets sit on the {name} value", f"{end:g}: the scale may have been cut there.", place=name, columns=[table.target], rows=int((y == end).sum()), numbers={"share": share}, remedies=[remedy("accept", recommended=True)]))
    return out


def _deciding(y: np.ndarray) -> tuple[np.ndarray, float, float]:
    """The few targets beyond the widest gap (positions, furthest first), their share of all squared distances from the median, and that gap as a ratio."""
    away = np.abs(y - np.median(y))
    most = max(3, round(DECIDING * len(y)))
    order = np.argsort(-away, kind="stable")
    top = away[order[: most + 1]]
    # A target that is nearly always the same value has no next row to compare with.
    ratios = np.where(top[1:] > 0, top[:-1] / np.maximum(top[1:], 1e-300), 0.0)
    few = int(ratios.argmax()) + 1
    return order[:few], float((away[order[:few]] ** 2).sum() / (away**2).sum()), float(ratios[few - 1])
