"""Incumbent and ideas over the same seeds, as one population where the change allows; adoption only beyond seed noise (B07, I11)."""

from phasewise.kinds.registry import kind
from phasewise.records.errors import PhasewiseError, RunError
from phasewise.records.jobs import TryIdeasJob, TrySpec
from phasewise.records.models import ModelConfig
from phasewise.records.results import IdeaResult, TryIdeasResult
from phasewise.worker import models
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.comparing import (
    best_of,
    changed,
    decided,
    options_of,
    outcomes_of,
    resolved,
    trials_of,
    values_of,
)
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import Stages
from phasewise.worker.idle import changes_nothing
from phasewise.worker.trials import Batch, run_trials


def run(ctx: RunContext, job: TryIdeasJob) -> TryIdeasResult | None:
    """Every idea is reported, broken ones too; an unknown key in any change refuses the whole job before any step.

    None after a stop: half-trained seeds prove nothing, and the run can be resumed.
    """
    wing = kind(job.data.kind)
    start, known = resolved(wing, job.config), options_of(wing)
    configs = {spec.id: changed(start, spec.change, prepare=known) for spec in job.ideas}
    bench = open_bench(job.data, ctx.project, ctx.device)
    broken = {spec.id: why for spec in job.ideas if (why := _unbuildable(bench, configs[spec.id]))}
    unused = {spec.id for spec in job.ideas if spec.id not in broken and changes_nothing(bench, start, configs[spec.id])}
    alive = [spec for spec in job.ideas if spec.id not in broken and spec.id not in unused]
    ctx.started(job.title or "Trying ideas", {"ideas": len(job.ideas), "seeds": len(job.seeds)})
    trials = trials_of("incumbent", start, job.seeds)
    for spec in alive:
        trials += trials_of(f"idea-{spec.id}", configs[spec.id], job.seeds)
    batch = run_trials(ctx, bench, trials, stages=Stages(ctx), watch=False, series="population")
    if ctx.control.stop is not None:
        return None
    base = values_of(batch, "incumbent", job.seeds)
    typical = best_of(outcomes_of(batch, "incumbent", job.seeds))
    if typical is None:
        raise RunError("the incumbent broke down on every seed", "Nothing can be compared with it.", "Train it again with a lower learning rate.")
    incumbent = models.save(ctx, bench, typical, "incumbent")
    tried = [values_of(batch, f"idea-{spec.id}", job.seeds) for spec in alive]
    results = {spec.id: _broken(spec, why) for spec in job.ideas if (why := broken.get(spec.id))}
    results |= {spec.id: _unused(spec, start, base) for spec in job.ideas if spec.id in unused}
    for place, spec in enumerate(alive):
        results[spec.id] = _judged(ctx, bench, job, batch, spec, tried, base, place)
    evaluations = len(job.seeds) * (len(alive) + 1)
    return TryIdeasResult(incumbent=incumbent, ideas=[results[s.id] for s in job.ideas], seeds=list(job.seeds), evaluations=evaluations, plan=batch.plan)


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


def _judged(ctx: RunContext, bench: Bench, job: TryIdeasJob, batch: Batch, spec: TrySpec, tried: list[list[float]], base: list[float], place: int) -> IdeaResult:
    found = decided(bench.metric, tried, base, place, job.margin)
    outcomes = outcomes_of(batch, f"idea-{spec.id}", job.seeds)
    hours = sum(o.seconds for o in outcomes if o is not None) / 3600
    if found.verdict == "broken":
        ended = sorted({o.stopped for o in outcomes if o is not None}) or ["not run"]
        return _broken(spec, f"Not every seed ended with finite predictions ({', '.join(ended)}).").model_copy(update={"values": tried[place], "base": base, "hours": hours})
    typical = best_of(outcomes)
    keep = found.adopted and typical is not None
    name = f"idea-{spec.id}"
    return IdeaResult(
        id=spec.id, title=spec.title, change=spec.change, values=tried[place], base=base, gain=found.gain, low=found.low, high=found.high, verdict=found.verdict,
        note=_note(len(job.seeds), found.verdict, found.bound, job.margin), hours=hours,
        model=models.save(ctx, bench, typical, name) if keep else models.summary(ctx, bench, typical, name) if typical is not None else None,
    )


def _note(seeds: int, verdict: str, bound: float, margin: float) -> str:
    if seeds < 3:
        return f"{seeds} seed(s): a preview that never adopts; take five."
    what = f"one-sided 95 % bound of the gain {bound:.4g}, needed more than {margin:.4g}"
    return {"better": f"Adopted: {what}.", "worse": "Worse than the incumbent beyond noise.", "noise": f"Works but no gain beyond seed noise: {what}."}.get(verdict, "")
