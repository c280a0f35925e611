"""How many rows are needed and what n rows can show (checks.md 7.2, 7.4, section 8)."""

import math

from phasewise.stats.intervals import wilson
from phasewise.stats.normal import cdf, quantile


def half_width(n: int, p: float, level: float = 0.95) -> float:
    """Half width of the Wilson interval of a proportion `p` on `n` rows."""
    low, high = wilson(p * n, n, level)
    return (high - low) / 2


def rows_for_half_width(p: float, h: float, level: float = 0.95) -> int:
    """Rows whose Wilson interval at proportion `p` is at most `h` wide on each side."""
    low, high = 1, 1
    while half_width(high, p, level) > h:
        high *= 2
    while low < high:
        middle = (low + high) // 2
        if half_width(middle, p, level) > h:
            low = middle + 1
        else:
            high = middle
    return low


def sealed_rows(n: int, p: float, *, h: float = 0.02, classes: int = 2, rarest_share: float = 0.5) -> int:
    """Default size of the test part: rows for `h` at the baseline's accuracy, within 10-25 % of `n`, 30 per class where possible."""
    wanted = rows_for_half_width(p, h)
    if rarest_share > 0:
        wanted = max(wanted, math.ceil(30 / rarest_share))
    return int(min(max(wanted, 0.10 * n), 0.25 * n))


def miss_chance(share: float, n: int) -> float:
    """Chance that `n` random rows contain none of a class of this share."""
    return (1 - share) ** n


def smallest_gain(n: int, disagreement: float, *, power: float = 0.8, level: float = 0.95) -> float:
    """The smallest paired gain that `n` rows show with this power."""
    z = quantile(0.5 + level / 2) + quantile(power)
    return z * math.sqrt(disagreement / n) if n > 0 else math.inf


def visible_gain_seeds(sd: float, count: int, *, power: float = 0.8) -> float:
    """The smallest mean gain that `count` paired seeds show when paired differences have this standard deviation."""
    from phasewise.stats.normal import t_quantile

    return (t_quantile(0.95, count - 1) + quantile(power)) * sd / math.sqrt(count) if count > 1 else math.inf


def chance_to_confirm(expected: float, target: float, se: float, *, maximize: bool = True, level: float = 0.95) -> float:
    """Chance that the interval's lower end reaches the target when the true value is `expected` (7.4)."""
    room = (expected - target) * (1 if maximize else -1)
    if se <= 0:
        return 1.0 if room >= 0 else 0.0
    return cdf(room / se - quantile(0.5 + level / 2))
