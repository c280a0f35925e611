"""Numbers as people read them: few digits, units, durations, ranges."""

import math


def number(value: float | int | str | None, digits: int = 4) -> str:
    """A value with `digits` significant digits; integers and texts stay as they are, none becomes a dash."""
    if value is None:
        return "\u2013"
    if isinstance(value, str | bool):
        return str(value)
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e9):
        return f"{int(value):,}"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if value != 0 and (abs(value) >= 1e6 or abs(value) < 1e-4):
        return f"{value:.{max(digits - 2, 1)}e}"
    if abs(value) < 1:
        return f"{value:.{digits}f}"
    return f"{value:,.{max(digits - 1 - int(math.log10(abs(value))), 0)}f}"


def short(value: float | int | None) -> str:
    """A round number without trailing zeros: bounds, shares, settings."""
    if value is None or isinstance(value, int):
        return number(value)
    return f"{int(value):,}" if value == int(value) and abs(value) < 1e9 else f"{value:.6g}"


def signed(value: float | None, digits: int = 4, *, beside: float | None = None) -> str:
    """A difference with its sign; one that is next to nothing beside another is rounded as that one is: `+0.0001`, not `+9.26e-05`."""
    if value is not None and beside is not None and abs(value) < 1e-4 and abs(beside) >= 1e-3:
        return f"{round(value, digits) or 0.0:+.{digits}f}"
    return "\u2013" if value is None else ("+" if value >= 0 else "") + number(value, digits)


def p_value(p: float | None) -> str:
    """A p or q value: two digits, small ones as a bound."""
    return "\u2013" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def duration(seconds: float | None) -> str:
    """Seconds as `45 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds is None or not math.isfinite(seconds):
        return "?"
    s = max(int(round(seconds)), 0)
    if s < 1 and seconds > 0:
        return f"{seconds:.1f} s" if seconds >= 0.05 else "<0.1 s"
    if s < 100:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min {s % 60:02d} s" if s < 600 else f"{s // 60} min"
    return f"{s // 3600} h {s % 3600 // 60:02d} min"


def rough(seconds: float) -> str:
    """Seconds in one unit, for estimates: `45 s`, `6 min`, `2.5 h`."""
    if seconds < 100:
        return duration(seconds)
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def eta(low: float | None, high: float | None) -> str:
    """A remaining time as a range in one unit: `8 to 19 s left`, `1 to 2 min left`, `1.5 to 2.5 h left`."""
    low, high = (high if low is None else low), (low if high is None else high)
    if low is None or high is None or not math.isfinite(high):
        return ""
    if high < 100:
        a, b, unit = f"{low:.0f}", f"{high:.0f}", "s"
    elif high < 6000:
        a, b, unit = str(int(low // 60)), str(math.ceil(high / 60)), "min"
    else:
        a, b, unit = f"{low / 3600:.1f}", f"{high / 3600:.1f}", "h"
    return f"{a} {unit} left" if a == b else f"{a} to {b} {unit} left"


def size(count: float | None) -> str:
    """Bytes with a unit."""
    if count is None:
        return "\u2013"
    for unit in ("B", "kB", "MB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def share(part: float, whole: float) -> str:
    """A percentage."""
    return f"{100 * part / whole:.1f} %" if whole else "\u2013"


def plural(n: int, word: str, many: str = "") -> str:
    """`1 row`, `2 rows`."""
    return f"{n:,} {word if n == 1 else many or word + 's'}"
