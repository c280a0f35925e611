"""When an idea counts: its paired gain over seeds must exceed seed noise (B07)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from phasewise.stats.normal import t_quantile
from phasewise.stats.paired import seeds
from phasewise.stats.sequential import ALPHA, HOPEFUL, Stage

ENOUGH = 3
"""Fewer pairs than this never adopt."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What earlier comparisons of this project say about the spread of paired differences: pooled sd and its df."""

    sd: float
    df: float
    beside: int = 0
    """Comparisons among them with the very incumbent, over the same seeds, of the idea judged: they know less than their number."""


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """Gain with its 95 % interval, the bound the rule looked at, and the decision."""

    gain: float
    low: float
    high: float
    bound: float
    """One-sided lower confidence bound of the gain at the level of this stage (95 % where there is one stage only)."""
    adopted: bool
    verdict: Literal["better", "worse", "noise", "broken"]
    hopeful: bool = False
    """Undecided after the first of two stages, and promising enough for more seeds."""


def pooled(differences: Sequence[Sequence[float]], *, beside: bool = False) -> Noise | None:
    """The spread shared by several series of paired differences (sets of seeds of other ideas); `beside`: all against one incumbent."""
    square, df = 0.0, 0
    for series in differences:
        values = np.asarray(series, float)
        values = values[np.isfinite(values)]
        if len(values) >= 2:
            square += float(((values - values.mean()) ** 2).sum())
            df += len(values) - 1
    return Noise(sd=float(np.sqrt(square / df)), df=df, beside=len(differences) if beside else 0) if df else None


def decide(values: Sequence[float], base: Sequence[float], *, maximize: bool = True, margin: float = 0.0, noise: Noise | None = None, stage: Stage | None = None) -> Adoption:
    """Adopt iff the one-sided lower bound of the mean paired gain exceeds `margin`: at 95 %, or at the level of its `stage` where there are two.

    `values` and `base` [s] are the metric per seed, paired. With `noise` the spread is shared with earlier comparisons
    (a moderated t test, Smyth 2004), which is what gives five seeds their power. Runs that are not finite are "broken".
    """
    values, base = np.asarray(values, float), np.asarray(base, float)
    finite = np.isfinite(values) & np.isfinite(base)
    if not np.isfinite(values).all():
        return Adoption(gain=float("nan"), low=float("nan"), high=float("nan"), bound=float("nan"), adopted=False, verdict="broken")
    gain, low, high = seeds(values[finite], base[finite], maximize=maximize)
    gains = (values - base)[finite] * (1 if maximize else -1)
    n = len(gains)
    if n < ENOUGH:
        return Adoption(gain=gain, low=low, high=high, bound=float("nan"), adopted=False, verdict="noise")
    variance, df = float(gains.var(ddof=1)), n - 1.0
    if noise is not None and noise.df > 0:
        # At most twenty degrees of freedom are borrowed: ideas differ in how much noise they bring.
        borrowed = min(noise.df, 20.0)
        variance = (borrowed * noise.sd**2 + df * variance) / (borrowed + df)
        # Differences to one incumbent correlate by a half, their squares by a quarter (Satterthwaite's degrees of freedom).
        df = max(df, (df + borrowed) / (1 + noise.beside / 4))
    se = float(np.sqrt(variance / n))
    bound = gain - t_quantile(1 - (stage.level(df - (n - 1)) if stage is not None else ALPHA), df) * se
    if noise is not None:
        half = t_quantile(0.975, df) * se
        low, high = gain - half, gain + half
    adopted = bound > margin
    worse = gain + t_quantile(1 - ALPHA, df) * se < 0
    hopeful = stage is not None and not stage.last and not adopted and gain - t_quantile(1 - HOPEFUL, df) * se > margin
    return Adoption(gain=gain, low=low, high=high, bound=bound, adopted=adopted, verdict="better" if adopted else "worse" if worse else "noise", hopeful=hopeful)
