"""Is deep learning needed? A pure verdict from numbers (G01): it can say no."""

from dataclasses import dataclass

from phasewise.records.metrics import meets, metric
from phasewise.records.results.baseline import NeedVerdict
from phasewise.records.results.common import Score

DISAGREEMENT = 0.1
"""Share of rows on which a network and a good simple model usually decide differently (assumed for the smallest visible gain)."""
USUAL_GAIN = 0.02
"""What a network rarely gains over the best simple model on a table (Grinsztajn 2207.08815, McElfresh 2305.02997: mostly below 2 points)."""
MANY_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A baseline in the comparison."""

    ref: str
    name: str
    family: str
    score: Score


def verdict(contenders: list[Contender], *, target: float | None, rows: int, kind: str = "tabular", proposed: bool = False) -> NeedVerdict:
    """`no`, `maybe` or `yes` with the numbers it rests on.

    `contenders` are scored on the same rows, `rows` are the development rows, `target` the goal's value. No: the best baseline
    meets a goal that somebody chose; or (tables) the rows are too few to show the gain a network could bring; or nothing is left to gain.
    A goal that was only `proposed` shuts nothing out where many rows would show what a network gains: maybe.
    """
    if not contenders:
        return NeedVerdict(verdict="maybe", reason="No baseline could be fitted, so nothing is known about what a network must beat.")
    measure = metric(contenders[0].score.metric)
    sign = 1 if measure.maximize else -1
    best = max(contenders, key=lambda c: sign * c.score.value)
    dummy = next((c for c in contenders if c.family == "dummy"), None)
    visible = _visible(rows)
    gap = None if target is None else sign * (target - best.score.value)
    numbers: dict[str, float | str | None] = {
        "best": best.score.value, "low": best.score.low, "high": best.score.high, "target": target, "rows": float(rows), "smallest_visible_gain": visible,
        "dummy": dummy.score.value if dummy else None, "best_name": best.name, "metric": measure.id,
    }
    word, reason = _judge(measure.id, best, dummy, target, gap, rows, kind, visible, proposed)
    return NeedVerdict(verdict=word, reason=reason, best=best.ref, gap=gap, numbers=numbers)


def _visible(rows: int) -> float:
    from phasewise.stats.power import smallest_gain

    return smallest_gain(rows, DISAGREEMENT)


def _judge(metric_id: str, best: Contender, dummy: Contender | None, target: float | None, gap: float | None, rows: int, kind: str, visible: float, proposed: bool) -> tuple[str, str]:
    measure = metric(metric_id)
    score = best.score
    shown = f"{best.name}: {measure.title} {score.value:.4g} [{score.low:.4g}, {score.high:.4g}]"
    if target is not None and dummy is not None and meets(metric_id, dummy.score.value, target):
        return "no", f"The goal {target:.4g} asks nothing: always saying the same reaches {dummy.score.value:.4g} ({shown}). Set a goal that only a useful model reaches, and look at extreme targets."
    met = target is not None and meets(metric_id, score.value, target)
    worth_a_look = met and proposed and rows >= MANY_ROWS and visible <= USUAL_GAIN
    if met and not worth_a_look:
        return "no", f"The goal {target:.4g} is met without a network ({shown})."
    better_end = score.high if measure.maximize else score.low
    if kind == "tabular" and visible > USUAL_GAIN:
        near = " The goal lies within the interval of the best baseline." if target is not None and meets(metric_id, better_end, target) else ""
        return "no", f"{shown}. With {rows:,} rows only gains above {100 * visible:.1f} points would show, and a network on a table rarely gains more than {100 * USUAL_GAIN:.0f}: a simple model cannot be beaten measurably here.{near}"
    if measure.bounded and measure.id != "r2":
        room = 1 - score.value if measure.maximize else score.value
        if room <= max((score.high - score.low) / 2, 0.005):
            return "no", f"{shown}. What is left to gain ({100 * room:.2f} points) is within the noise."
    if kind == "tabular" and dummy is not None and dummy is not best and _no_better(metric_id, best, dummy):
        return "no", f"{shown}. No baseline beats the constant guess ({dummy.score.value:.4g}) beyond noise: look at the data before training anything."
    if worth_a_look:
        return "maybe", f"The proposed goal {target:.4g} is met without a network ({shown}). Nobody chose that goal, and with {rows:,} rows gains from {100 * visible:.1f} points on would show: one network is tried. Set the goal you need (goals.target) to have more or none tried."
    if target is None:
        return "maybe", f"{shown}. Nobody has chosen a goal yet, so it cannot be said whether this is enough."
    if meets(metric_id, better_end, target):
        return "maybe", f"{shown}. The goal {target:.4g} is missed by {gap:.4g} but lies within the interval: a small gain would do."
    if kind != "tabular" or rows >= MANY_ROWS:
        return "yes", f"{shown}. The goal {target:.4g} is {gap:.4g} away, outside the interval; with {rows:,} rows a network is worth trying."
    return "maybe", f"{shown}. The goal {target:.4g} is {gap:.4g} away; on a table of {rows:,} rows networks and boosted trees are usually close."


def _no_better(metric_id: str, best: Contender, dummy: Contender) -> bool:
    if metric(metric_id).maximize:
        return best.score.low <= dummy.score.value
    return best.score.high >= dummy.score.value
