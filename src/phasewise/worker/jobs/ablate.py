"""Components removed one at a time and one after another; paired over seeds, Holm-corrected (V10)."""

import math
from typing import Any

import numpy as np

from phasewise.kinds.registry import kind
from phasewise.records.errors import RunError, UsageError
from phasewise.records.jobs import AblateJob
from phasewise.records.models import ModelConfig
from phasewise.records.results import AblateResult, Component
from phasewise.stats.multiple import holm
from phasewise.stats.paired import seeds as paired_seeds
from phasewise.worker import models
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.comparing import best_of, changed, flat, options_of, outcomes_of, resolved, trials_of, values_of
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import Stages
from phasewise.worker.idle import changes_nothing
from phasewise.worker.trials import run_trials
from phasewise.worker.verdicts import sign


def paired_p(gains: np.ndarray) -> float:
    """Two-sided p of a mean paired difference over seeds (t test); 1 when nothing varies and nothing differs."""
    from scipy.stats import t

    n = len(gains)
    if n < 2:
        return 1.0
    spread = gains.std(ddof=1)
    if spread == 0:
        return 1.0 if gains.mean() == 0 else 0.0
    return float(2 * t.sf(abs(gains.mean()) / (spread / math.sqrt(n)), n - 1))


def run(ctx: RunContext, job: AblateJob) -> AblateResult | None:
    """Each removal is exactly one key; fewer than three seeds are refused, because then nothing could be said; None after a stop."""
    for spec in job.components:
        if len(spec.change) != 1 and not job.prune:
            raise UsageError(f"the component {spec.title or spec.id!r} changes {len(spec.change)} settings", flat(spec.change) or "No setting at all.", "An ablation removes exactly one thing at a time.")
    if len(job.seeds) < 3:
        raise UsageError("an ablation needs at least three seeds", f"{len(job.seeds)} given.", "Take five.")
    wing = kind(job.data.kind)
    start, known = resolved(wing, job.config), options_of(wing)
    configs = {spec.id: changed(start, spec.change, prepare=known) for spec in job.components}
    bench = open_bench(job.data, ctx.project, ctx.device)
    unused = [] if job.prune else [spec for spec in job.components if changes_nothing(bench, start, configs[spec.id])]
    job = job.model_copy(update={"components": [spec for spec in job.components if spec not in unused]})
    ctx.started(job.title or "Ablation", {"components": len(job.components), "seeds": len(job.seeds)})
    path_configs, now = [], start
    for spec in job.components:
        now = changed(now, spec.change)
        path_configs.append(now)
    trials = trials_of("full", start, job.seeds)
    for spec in job.components:
        trials += trials_of(f"without-{spec.id}", configs[spec.id], job.seeds)
    for i, config in enumerate(path_configs[1:], start=2):
        trials += trials_of(f"path-{i}", config, job.seeds)
    stages = Stages(ctx)
    batch = run_trials(ctx, bench, trials, stages=stages, watch=False, series="population", share=(0.0, 0.8 if job.prune else 1.0))
    if ctx.control.stop is not None:
        return None
    full = values_of(batch, "full", job.seeds)
    typical = best_of(outcomes_of(batch, "full", job.seeds))
    if typical is None:
        raise RunError("the full model broke down on every seed", "Nothing can be compared with it.", "Train it again with a lower learning rate.")
    direction = sign(bench.metric)
    found: list[dict[str, Any]] = []
    for spec in job.components:
        values = values_of(batch, f"without-{spec.id}", job.seeds)
        gain, low, high = paired_seeds(full, values, maximize=direction > 0)
        pairs = direction * (np.array(full) - np.array(values))
        broken = int((~np.isfinite(pairs)).sum())
        found.append({"id": spec.id, "title": spec.title or flat(spec.change), "drop": gain, "low": low, "high": high, "p": paired_p(pairs[np.isfinite(pairs)]), "note": f"{broken} seed(s) broke down without it" if broken else ""})
    corrected = holm([f["p"] for f in found])
    components = [Component(**f, p_holm=float(q)) for f, q in zip(found, corrected, strict=True)]
    components += [Component(id=s.id, title=s.title or flat(s.change), drop=0.0, low=0.0, high=0.0, p=1.0, p_holm=1.0, note=f"not run: {start.network.family} does not use it") for s in unused]
    path, total = _path(job, batch, bench.metric, full)
    singles = sum(c.drop for c in components)
    interaction = total - singles if len(job.components) > 1 and math.isfinite(total) and math.isfinite(singles) else None
    result = AblateResult(full=models.summary(ctx, bench, typical, "full"), components=components, path=path, interaction=interaction, evaluations=len(trials))
    return _pruned(ctx, bench, job, start, full, result, stages) if job.prune else result


def _pruned(ctx: RunContext, bench: Bench, job: AblateJob, start: ModelConfig, full: list[float], result: AblateResult, stages: Stages) -> AblateResult | None:
    """The prune round (I10): what costs nothing beyond noise goes together, and the smaller set is checked against the full model.

    Singles that are noise may be worth something together, so the dearest of them is put back until the rest is no worse than noise.
    """
    changes = {spec.id: spec.change for spec in job.components}
    going = sorted((c for c in result.components if c.low <= 0 and not c.note), key=lambda c: c.drop)
    spent = result.evaluations
    while going:
        config = start
        for c in going:
            config = changed(config, changes[c.id])
        name = f"pruned-{len(going)}"
        batch = run_trials(ctx, bench, trials_of(name, config, job.seeds), stages=stages, watch=False, series="population", share=(0.8, 1.0))
        if ctx.control.stop is not None:
            return None
        spent += len(job.seeds)
        values = values_of(batch, name, job.seeds)
        loss, low, high = paired_seeds(full, values, maximize=sign(bench.metric) > 0)
        typical = best_of(outcomes_of(batch, name, job.seeds))
        if typical is not None and np.isfinite(values).all() and not low > 0:
            note = f"{len(going)} of {len(job.components)} went: without them the score falls by {loss:+.4g} [{low:+.4g}, {high:+.4g}] over {len(job.seeds)} seeds."
            return result.model_copy(update={"prune": True, "removed": [c.id for c in going], "pruned": models.save(ctx, bench, typical, "pruned"), "note": note, "evaluations": spent})
        going = going[:-1]
    return result.model_copy(update={"prune": True, "note": "Every adopted idea still pays, alone or together with the others.", "evaluations": spent})


def _path(job: AblateJob, batch: Any, metric_id: str, full: list[float]) -> tuple[list[dict[str, Any]], float]:
    """Cumulative removal: mean value after each step, and the whole drop at the end."""
    out: list[dict[str, Any]] = [{"id": "full", "title": "full model", "value": float(np.nanmean(full))}]
    last = full
    if not job.components:
        return out, 0.0
    for i, spec in enumerate(job.components, start=1):
        name = f"without-{spec.id}" if i == 1 else f"path-{i}"
        last = values_of(batch, name, job.seeds)
        out.append({"id": spec.id, "title": f"and without {spec.title or flat(spec.change)}" if i > 1 else f"without {spec.title or flat(spec.change)}", "value": float(np.nanmean(last))})
    return out, float(np.nanmean(sign(metric_id) * (np.array(full) - np.array(last))))
