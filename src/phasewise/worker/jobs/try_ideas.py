"""Incumbent and ideas over the same seeds, as one population where the change allows; adoption only beyond seed noise (B07, I11)."""

from dataclasses import replace
from math import isfinite

from phasewise.kinds.registry import kind
from phasewise.records.errors import PhasewiseError, RunError
from phasewise.records.jobs import TryIdeasJob, TrySpec
from phasewise.records.models import ModelConfig
from phasewise.records.results import IdeaResult, TryIdeasResult
from phasewise.stats.adoption import ENOUGH, Adoption
from phasewise.stats.paired import Gain
from phasewise.stats.sequential import Stage
from phasewise.worker import models
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.comparing import (
    best_of,
    changed,
    decided,
    on_other_rows,
    options_of,
    outcomes_of,
    resolved,
    trials_of,
    values_of,
)
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import Stages
from phasewise.worker.idle import changes_nothing
from phasewise.worker.trials import Batch, Trial, run_trials

FIRST = 0.7
"""Share of the progress bar for the first seeds, where a second stage may follow."""


def run(ctx: RunContext, job: TryIdeasJob) -> TryIdeasResult | None:
    """Every idea is reported, broken ones too; an unknown key in any change refuses the whole job before any step.

    Ideas that are promising but undecided go on over `more_seeds`, and the incumbent with them (`stats.sequential`).
    None after a stop: half-trained seeds prove nothing, and the run can be resumed, in either stage.
    """
    wing = kind(job.data.kind)
    start, known = resolved(wing, job.config), options_of(wing)
    configs = {spec.id: changed(start, spec.change, prepare=known) for spec in job.ideas}
    bench = open_bench(job.data, ctx.project, ctx.device)
    broken = {spec.id: why for spec in job.ideas if (why := _unbuildable(bench, configs[spec.id]))}
    unused = {spec.id for spec in job.ideas if spec.id not in broken and changes_nothing(bench, start, configs[spec.id])}
    alive = [spec for spec in job.ideas if spec.id not in broken and spec.id not in unused]
    ctx.started(job.title or "Trying ideas", {"ideas": len(job.ideas), "seeds": len(job.seeds)})
    two, stages = _two(job), Stages(ctx)
    batch = run_trials(ctx, bench, _trials(start, configs, alive, job.seeds), stages=stages, watch=False, series="population", share=(0.0, FIRST if two else 1.0))
    if ctx.control.stop is not None:
        return None
    base = values_of(batch, "incumbent", job.seeds)
    typical = best_of(outcomes_of(batch, "incumbent", job.seeds))
    if typical is None:
        raise RunError("the incumbent broke down on every seed", "Nothing can be compared with it.", "Train it again with a lower learning rate.")
    incumbent = models.save(ctx, bench, typical, "incumbent")
    tried = [values_of(batch, _name(spec), job.seeds) for spec in alive]
    found = [decided(bench.metric, tried, base, place, job.margin, two) for place in range(len(alive))]
    on = _hopeful(found, job.more_ideas)
    if two is not None and on:
        for place in on:
            ctx.log(f"{alive[place].title or alive[place].id}: {found[place].gain:+.4g} over {len(job.seeds)} seeds is promising but undecided; {len(job.more_seeds)} more seeds for it and the incumbent.")
        further = run_trials(ctx, bench, _trials(start, configs, [alive[p] for p in on], job.more_seeds), stages=stages, watch=False, series="population", share=(FIRST, 1.0))
        if ctx.control.stop is not None:
            return None
        batch.outcomes.update(further.outcomes)
        base += values_of(further, "incumbent", job.more_seeds)
        for place in on:
            tried[place] += values_of(further, _name(alive[place]), job.more_seeds)
        for place in on:  # what was decided earlier stays decided
            found[place] = decided(bench.metric, tried, base, place, job.margin, replace(two, last=True))
    results = {spec.id: _broken(spec, why) for spec in job.ideas if (why := broken.get(spec.id))}
    results |= {spec.id: _unused(spec, start, base[: len(job.seeds)]) for spec in job.ideas if spec.id in unused}
    for place, spec in enumerate(alive):
        results[spec.id] = _judged(ctx, bench, job, batch, spec, tried[place], base, found[place])
    evaluations = len(job.seeds) * (len(alive) + 1) + (len(job.more_seeds) * (len(on) + 1) if on else 0)
    return TryIdeasResult(
        incumbent=incumbent, ideas=[results[s.id] for s in job.ideas], seeds=list(job.seeds), more_seeds=list(job.more_seeds) if on else [],
        evaluations=evaluations, plan=batch.plan,
    )


def _two(job: TryIdeasJob) -> Stage | None:
    """The first of two stages; None where the job has one only."""
    if not job.more_seeds or not job.more_ideas or len(job.seeds) < ENOUGH:
        return None
    return Stage(first=len(job.seeds), more=len(job.more_seeds))


def _hopeful(found: list[Adoption], most: int) -> list[int]:
    """Places of the ideas that go on, those with the largest gain where the budget holds fewer."""
    hopeful = sorted((place for place, one in enumerate(found) if one.hopeful), key=lambda place: -found[place].gain)
    return sorted(hopeful[:most])


def _name(spec: TrySpec) -> str:
    return f"idea-{spec.id}"


def _trials(start: ModelConfig, configs: dict[str, ModelConfig], specs: list[TrySpec], seeds: list[int]) -> list[Trial]:
    trials = trials_of("incumbent", start, seeds)
    for spec in specs:
        trials += trials_of(_name(spec), configs[spec.id], seeds)
    return trials


def _unbuildable(bench: Bench, config: ModelConfig) -> str:
    """Why a config cannot even be built, or nothing."""
    try:
        stage = bench.stages(config.prepare)[0]
        bench.build(config.network, stage.info)
    except PhasewiseError as error:
        return f"{error.title}. {error.cause}".strip()
    except (ValueError, RuntimeError, TypeError, KeyError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _broken(spec: TrySpec, why: str) -> IdeaResult:
    nan = float("nan")
    return IdeaResult(id=spec.id, title=spec.title, change=spec.change, gain=nan, low=nan, high=nan, verdict="broken", note=why[:300])


def _unused(spec: TrySpec, start: ModelConfig, base: list[float]) -> IdeaResult:
    """An idea that the present network ignores: no run can tell it from the incumbent, so none is made."""
    note = f"Not run: {start.network.family} does not use this setting, the network would be the very same."
    return IdeaResult(id=spec.id, title=spec.title, change=spec.change, values=base, base=base, gain=0.0, low=0.0, high=0.0, verdict="noise", note=note)


def _judged(ctx: RunContext, bench: Bench, job: TryIdeasJob, batch: Batch, spec: TrySpec, values: list[float], base: list[float], found: Adoption) -> IdeaResult:
    seeds = [*job.seeds, *job.more_seeds][: len(values)]
    outcomes, base = outcomes_of(batch, _name(spec), seeds), base[: len(values)]
    hours = sum(o.seconds for o in outcomes if o is not None) / 3600
    if found.verdict == "broken":
        ended = sorted({o.stopped for o in outcomes if o is not None}) or ["not run"]
        return _broken(spec, f"Not every seed ended with finite predictions ({', '.join(ended)}).").model_copy(update={"values": values, "base": base, "hours": hours})
    typical = best_of(outcomes)
    keep = found.adopted and typical is not None
    wide = on_other_rows(bench, outcomes, outcomes_of(batch, "incumbent", seeds)) if keep else None
    return IdeaResult(
        id=spec.id, title=spec.title, change=spec.change, values=values, base=base, gain=found.gain, low=found.low, high=found.high, bound=found.bound if isfinite(found.bound) else None, verdict=found.verdict,
        note=_note(job, len(values), found) + _elsewhere(wide), hours=hours,
        model=models.save(ctx, bench, typical, _name(spec)) if keep else models.summary(ctx, bench, typical, _name(spec)) if typical is not None else None,
    )


def _elsewhere(wide: Gain | None) -> str:
    """What the gain is worth on other rows of the same kind."""
    if wide is None:
        return ""
    doubt = "" if wide.low > 0 else "; these validation rows are too few to promise it elsewhere"
    return f" With rows drawn anew as well as seeds: [{wide.low:+.4g}, {wide.high:+.4g}], ahead in {wide.wins:.0%} of the pairs of seeds{doubt}."


def _note(job: TryIdeasJob, seeds: int, found: Adoption) -> str:
    if seeds < ENOUGH:
        return f"{seeds} seed(s): a preview that never adopts; take five."
    went_on = f" Promising after {len(job.seeds)} seeds, so it went on with {seeds - len(job.seeds)} more." if seeds > len(job.seeds) else ""
    left_open = " Promising, but the budget holds no more seeds for it." if found.hopeful else ""
    what = f"lower bound of the gain {found.bound:.4g}, needed more than {job.margin:.4g}"
    said = {"better": f"Adopted: {what}.", "worse": "Worse than the incumbent beyond noise.", "noise": f"Works but no gain beyond seed noise: {what}."}
    return said.get(found.verdict, "") + went_on + left_open
