"""Which series of a run belong on which chart, under which name, tone and letter; x as steps, epochs or seconds."""

from bisect import bisect_left
from typing import Any

from phasewise.records.metrics import METRICS
from phasewise.tui.live.run import LiveRun
from phasewise.tui.live.series import Series

_TONES = ("key", "second", "good", "warn", "bad", "ink")
_WORDS = {"grad_norm": "gradient", "update_ratio": "update", "least_update": "smallest", "largest_update": "largest"}
_HIDDEN = {"watch.memory_mb", "train.smooth"}


def chart_of(name: str) -> str:
    """`loss`, `metric`, `rate`, `watch`, or an empty text for a series that no chart shows."""
    family, _, column = name.partition(".")
    if name in _HIDDEN or family == "finder" or column == "member":
        return ""
    if column == "lr" or column.endswith("_lr"):
        return "rate"
    if "loss" in column or column == "smooth":
        return "loss"
    if family == "watch" or any(w in column for w in ("grad", "ratio", "norm", "update", "dead")):
        return "watch"
    return "metric" if family in ("epoch", "train", "population") else ""


def title_of(name: str) -> str:
    """The words of a series: `train.loss` is `train`, `epoch.validation_loss` is `validation`."""
    family, _, column = name.partition(".")
    if column in _WORDS:
        return _WORDS[column]
    part, _, measured = column.partition("_")
    if measured in METRICS:
        return f"{part} {METRICS[measured].title}"
    short = column.replace("_loss", "").replace("_", " ").strip()
    if column == "loss":
        return family if family != "epoch" else "validation"
    return short or family


def letters(titles: list[str]) -> list[str]:
    """A letter for each line, its own where possible."""
    out: list[str] = []
    for title in titles:
        out.append(next((c for c in title.lower() + "abcdefghij" if c.isalpha() and c not in out), "x"))
    return out


def lines_of(run: LiveRun, chart: str, x_unit: str = "step", *, pinned: LiveRun | None = None) -> list[Any]:
    """The lines of a chart; a pinned run's first line is laid under it, dim."""
    from phasewise.tui.charts.plot import Line

    chosen = _chosen(run, chart)
    titles = [title_of(s.name) for s in chosen]
    out = [
        Line(name=title, points=along(run, s.points(), x_unit), tone=_TONES[i % len(_TONES)], letter=letter, noisy=s.name == "train.loss")
        for i, (s, title, letter) in enumerate(zip(chosen, titles, letters(titles), strict=True))
    ]
    if pinned is not None and pinned.id != run.id:
        for s in _chosen(pinned, chart)[-1:]:
            out.append(Line(name=f"{pinned.id} {title_of(s.name)}", points=along(pinned, s.points(), x_unit), tone="muted", letter="p", noisy=s.name == "train.loss"))
    return out


def _chosen(run: LiveRun, chart: str) -> list[Series]:
    found = [s for s in list(run.series.values()) if chart_of(s.name) == chart and s.count]
    epochs = {title_of(s.name) for s in found if s.name.startswith("epoch.")}
    found = [s for s in found if s.name.startswith("epoch.") or title_of(s.name) not in epochs or s.name == "train.loss"]
    named: dict[str, Series] = {}
    for s in found:
        named.setdefault(title_of(s.name), s)
    return sorted(named.values(), key=lambda s: (not s.name.startswith("train."), s.name))[:6]


def version_of(run: LiveRun | None, chart: str) -> Any:
    """Grows when a chart of a run has new points."""
    if run is None:
        return None
    return (run.id, sum(s.version for s in run.series.values() if chart_of(s.name) == chart))


def along(run: LiveRun, points: list[tuple[float, float]], x_unit: str) -> list[tuple[float, float]]:
    """Points with steps turned into epochs (by the epoch marks) or seconds (by the clock), linear in between.

    Before the first epoch has ended nobody knows how long one is: the line is empty then.
    """
    if x_unit == "step":
        return points
    zero = run.origin or run.started or 0.0
    pairs = [(float(m[0]), float(m[1])) for m in run.marks] if x_unit == "epoch" else [(x, t - zero) for x, t in run.clock or [(float(m[0]), m[2]) for m in run.marks]]
    if not pairs:
        return []
    steps, values = [0.0, *(p[0] for p in pairs)], [0.0, *(p[1] for p in pairs)]
    if x_unit == "time" and len(pairs) > 1:  # what lies before the first step is not training
        (x0, t0), (x1, t1) = pairs[0], pairs[1]
        values[0] = max(t0 - (t1 - t0) / max(x1 - x0, 1e-9) * x0, 0.0)
    return [(_at(steps, values, x), y) for x, y in points]


def _at(xs: list[float], ys: list[float], x: float) -> float:
    i = min(max(bisect_left(xs, x), 1), len(xs) - 1)
    span = xs[i] - xs[i - 1] or 1.0
    return ys[i - 1] + (x - xs[i - 1]) / span * (ys[i] - ys[i - 1])
