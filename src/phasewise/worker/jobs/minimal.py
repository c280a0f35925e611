"""Minimal-model ladder as a job: the network made simple, one simplification undone per run, stopped at the suspect (B06)."""

from collections.abc import Sequence

import numpy as np

from phasewise.engine import minimal
from phasewise.kinds.registry import kind
from phasewise.records.jobs import MinimalJob
from phasewise.records.models import ModelConfig
from phasewise.records.results import MinimalResult, UndoneRow
from phasewise.stats.intervals import judged
from phasewise.stats.normal import t_quantile
from phasewise.worker import background
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.comparing import resolved, trials_of, values_of
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import Stages
from phasewise.worker.jobs.checkup import subset_rows
from phasewise.worker.trials import Trial, run_trials
from phasewise.worker.verdicts import sign

LEAST = 0.5
"""Share of a standard error of the constant predictor's score that a loss must exceed before it is called worse."""
LEVEL = 0.99
"""Sureness of one step: with half a dozen steps a sound network is then stopped in one of twenty ladders, whatever the number of seeds."""


class _Asked(Exception):
    """The person stopped the run."""


def run(ctx: RunContext, job: MinimalJob) -> MinimalResult | None:
    """Every run over the same seeds, paired; None after a stop: the run can be resumed."""
    bench = open_bench(job.data, ctx.project, ctx.device)
    config = resolved(kind(job.data.kind), job.config)
    train = bench.splits[0][0] if len(bench.splits) == 1 else np.flatnonzero(np.asarray(bench.dev.folds) >= 0)
    quick = job.subset or max(64, len(train) // 16)
    steps = minimal.simplifications(config, len(train), quick)
    ctx.started(job.title or "Minimal-model ladder", {"steps": [s.id for s in steps], "seeds": len(job.seeds)})
    if not steps:
        return MinimalResult(start=[], steps=[], advice="This network is as simple as it gets: there is nothing to undo. Look at the data and at the failed check.")
    stages, done = Stages(ctx), 0
    y = np.asarray(bench.dev.y)

    def fit_once(now: ModelConfig, rows: int | None) -> Sequence[float]:
        nonlocal done
        chosen = subset_rows(y, train, rows, bench.task, job.seed) if rows is not None and rows < len(train) else None
        name = f"undone-{done}"
        trials = [Trial(id=t.id, config=t.config, seed=t.seed, rows=chosen) for t in trials_of(name, now, job.seeds)]
        batch = run_trials(ctx, bench, trials, stages=stages, watch=False, series="population", share=(done / (len(steps) + 1), (done + 1) / (len(steps) + 1)))
        if ctx.control.stop is not None:
            raise _Asked
        done += 1
        values = values_of(batch, name, job.seeds)
        ctx.log(f"{steps[done - 2].title if done > 1 else 'simplest network'}: {bench.metric} " + ", ".join(f"{v:.4g}" for v in values))
        return values

    try:
        found = minimal.climb(config, steps, fit_once, maximize=sign(bench.metric) > 0, sigmas=t_quantile(LEVEL, len(job.seeds) - 1) if len(job.seeds) > 1 else 2.0, least=_least(bench))
    except _Asked:
        return None
    if found.suspect:
        ctx.finding("minimal-suspect", "warn", f"The suspect is {found.steps[-1].title}", found.advice)
    rows = [UndoneRow(id=s.id, title=s.title, before=list(s.before), after=list(s.after), loss=s.loss, noise=s.noise, worse=s.worse) for s in found.steps]
    return MinimalResult(
        start=list(found.start), steps=rows, left=[s.title for s in steps[len(rows):]], suspect=found.suspect, advice=found.advice,
        evaluations=(len(rows) + 1) * len(job.seeds),
    )


def _least(bench: Bench) -> float:
    """The smallest loss worth a name: three seeds that happen to agree must not make a suspect of a hair."""
    y, (train, validation) = np.asarray(bench.dev.y), bench.splits[0]
    held = background.constant(y[train], bench.task, tuple(bench.dev.classes), len(validation))
    return LEAST * judged(bench.metric, y[validation], held).se
