"""What of the gains so far is noise: the smallest gain these rows and seeds can show, every idea's interval, the luck of many tries (B07, E04; checks section 8)."""

from dataclasses import dataclass, field
from typing import Any

from phasewise.workflow import loop


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One idea's paired gain over seeds in points of the metric (positive = better), and what the loop's rule said."""

    title: str
    gain: float
    low: float
    high: float
    verdict: str
    seeds: int


@dataclass(frozen=True, kw_only=True)
class Noise:
    """The account of a project; what is not known yet is None."""

    metric: str
    rows: int = 0
    """Validation rows."""
    half: float | None = None
    """Half width of the validation score's 95 % interval."""
    rows_show: float | None = None
    """The smallest paired gain these rows show with 80 % power (shares of right rows only)."""
    seed_sd: float | None = None
    """Pooled standard deviation of paired differences between seeds."""
    seeds: int = 0
    seeds_show: float | None = None
    """The smallest mean gain that many paired seeds show with 80 % power."""
    evaluations: int = 1
    luck: float | None = None
    """What the best of so many equally good candidates gains by luck alone, at the usual correlation of 0.7."""
    tried: list[Tried] = field(default_factory=list)

    @property
    def real(self) -> list[Tried]:
        """Ideas whose gain is beyond noise."""
        return [t for t in self.tried if t.verdict == "better"]


def read(view: Any) -> Noise:
    """The account from the journal's evidence; the same functions decide in the idea loop."""
    from phasewise.stats import adoption, optimism, power

    metric = view.metric
    split, state = view.current("split"), loop.read(view)
    model = state.incumbent if state else None
    rounds = [e.result for e in view.facts.evidence.by_slot.get("try_ideas", [])]
    tried = [Tried(title=i.title or i.id, gain=i.gain, low=i.low, high=i.high, verdict=i.verdict, seeds=len(i.values)) for r in rounds for i in r.ideas]
    series = [[a - b for a, b in zip(i.values, i.base, strict=False)] for r in rounds for i in r.ideas if i.verdict != "broken" and i.values != i.base]
    spread = adoption.pooled(series) if series else None
    seeds = max((t.seeds for t in tried), default=0) or int(view.value("tune.seeds") or 0)
    score = model.validation if model else None
    evaluations = loop.evaluations(view)
    return Noise(
        metric=metric.title if metric else "score", rows=score.n if score else 0, half=(score.high - score.low) / 2 if score else None,
        rows_show=split.smallest_gain if split and metric is not None and metric.bounded else None, seed_sd=spread.sd if spread else None, seeds=seeds,
        seeds_show=power.visible_gain_seeds(spread.sd, seeds) if spread and seeds > 1 else None, evaluations=evaluations,
        luck=optimism.correlated(evaluations, score.se, 0.7) if score else None, tried=tried,
    )


def told(found: Noise, number: Any) -> list[tuple[str, str]]:
    """The account as (tone, sentence) pairs; `number` writes a figure."""
    out: list[tuple[str, str]] = []
    if found.half is not None:
        out.append(("ink", f"The {found.metric} stands on {found.rows:,} validation rows: it is known to about {number(found.half)} either way."))
    if found.rows_show is not None:
        out.append(("bold", f"Another model must be better by about {number(found.rows_show)} before these rows can show it."))
    if found.seeds_show is not None:
        out.append(("bold", f"Seeds alone move the score by {number(found.seed_sd)}; over {found.seeds} paired seeds a gain shows from about {number(found.seeds_show)}."))
    elif found.half is not None:
        out.append(("muted", "How much seeds move the score is not known yet: the first round of ideas measures it."))
    if found.luck is not None and found.evaluations > 1:
        out.append(("ink", f"{found.evaluations} validation scores were looked at: the best of so many equals owes about {number(found.luck)} to luck. Verify takes it off."))
    if found.tried:
        count = len(found.real)
        out.append(("good" if count else "warn", f"{count} of {len(found.tried)} tried ideas gained more than noise." if count else f"None of {len(found.tried)} tried ideas gained more than noise: that is a result."))
    elif found.half is not None:
        out.append(("muted", "No idea has been tried yet."))
    if not out:
        out.append(("muted", "There is no model yet: train one first."))
    return out
