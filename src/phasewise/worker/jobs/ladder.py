"""Step-3 ladder: one rung after another while the training set is not fitted to the goal; the last rung questions the objective (L03, T24)."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from phasewise import engine
from phasewise.engine.suggest import suggest
from phasewise.kinds.registry import kind
from phasewise.records.errors import RunError, UsageError
from phasewise.records.jobs import LadderJob
from phasewise.records.metrics import meets
from phasewise.records.models import ModelConfig
from phasewise.records.results import LadderResult, RungResult
from phasewise.stats.diagnosis import error_of
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import score
from phasewise.worker import background, models, series
from phasewise.worker.arrays import Stored
from phasewise.worker.bench import Bench, open_bench
from phasewise.worker.comparing import changed, resolved
from phasewise.worker.context import RunContext
from phasewise.worker.hooks import EngineHooks, Stages
from phasewise.worker.jobs.search import objective
from phasewise.worker.trials import Outcome, Trial, run_trials
from phasewise.worker.verdicts import sign

DEFAULT = ("finder", "adam", "exponential", "staircase", "cosine", "restarts", "width", "batch", "depth", "objective")
TITLES = {
    "finder": "learning rate from the finder", "adam": "Adam", "exponential": "exponential decay", "staircase": "staircase decay", "cosine": "cosine decay",
    "restarts": "warm restarts", "unfreeze": "all layers train", "width": "twice the units", "batch": "half the batch size", "depth": "one more layer", "objective": "do the inputs hold the answer?",
}
LEAST_FALL = 0.01
"""A rung is kept when it lowers the training error by at least this share."""


@dataclass(kw_only=True)
class Climb:
    """Where the ladder stands."""

    config: ModelConfig
    outcome: Outcome
    value: float


def change_of(rung: str, config: ModelConfig, recipe: Any = None) -> tuple[dict[str, Any], str]:
    """The change of a rung, or an empty one with the reason why it does not apply."""
    train = config.train
    if rung == "unfreeze" and hasattr(recipe, "unfreezing"):
        return recipe.unfreezing(config.network)
    if rung == "adam":
        return ({}, f"already {train.optimizer}") if train.optimizer in ("adam", "adamw") else ({"train.optimizer": "adamw"}, "")
    if rung in ("exponential", "staircase", "cosine", "restarts"):
        if train.schedule == rung:
            return {}, f"already {rung}"
        options = {
            "exponential": {"gamma": round(0.01 ** (1 / max(train.epochs, 2)), 4)}, "staircase": {"gamma": 0.1, "step": max(1, train.epochs // 3)},
            "restarts": {"cycle_len": max(1, train.epochs // 7), "cycle_mult": 2},
        }.get(rung, {})
        return {"train.schedule": rung, "train.schedule_options": options}, ""
    if rung == "batch":
        return ({}, "the batch is small already") if train.batch_size <= 16 else ({"train.batch_size": "/2", "train.lr": "/2"}, "")  # the rate goes with it (T20)
    if rung == "depth" and config.network.family == "one_hidden" and config.network.hidden:
        return {"network.family": "mlp", "network.hidden": "push"}, ""
    if rung in ("width", "depth"):
        return ({"network.hidden": "*2" if rung == "width" else "push"}, "") if config.network.hidden else ({}, "this network has no hidden widths")
    return {}, "not a rung of this ladder"


def found_rate(ctx: RunContext, bench: Bench, config: ModelConfig) -> float | None:
    """The finder's rate for a config."""
    stage = bench.stages(config.prepare)[0]
    curve = engine.find_lr(config, stage.data, stage.info, bench.build, EngineHooks(ctx, series="finder"), sweeps=3, lo=1e-7, hi=10.0, points=100, rows=torch.from_numpy(stage.train))
    return suggest(curve)["phasewise"]


def permutation_p(metric_id: str, y: np.ndarray, predictions: Predictions, *, times: int = 999, seed: int = 0) -> float:
    """p of the held-out score against permuted labels (Ojala & Garriga 2010, test 1, without refitting: judged on rows the model has not seen)."""
    rng = np.random.default_rng(seed)
    direction = sign(metric_id)
    seen = direction * score(metric_id, y, predictions)
    drawn = [direction * score(metric_id, y[rng.permutation(len(y))], predictions) for _ in range(times)]
    return float((1 + sum(d >= seen for d in drawn)) / (1 + times))


def objective_gate(ctx: RunContext, bench: Bench, outcome: Outcome, baseline: Stored | None, seed: int = 0) -> tuple[bool, str]:
    """Whether neither the network nor the best baseline knows anything of unseen rows: then the inputs may not hold the answer (T24)."""
    held = outcome.stored
    y = np.asarray(bench.dev.y)
    trivial = background.constant(y[bench.splits[0][0]], bench.task, tuple(bench.dev.classes), len(held.rows))
    direction = sign(bench.metric)
    constant = score(bench.metric, held.y, trivial)
    parts = [("the network", held)] + ([("the best baseline", baseline)] if baseline is not None else [])
    said, knows = [], False
    for name, stored in parts:
        # The network's best epoch was chosen on these rows, which alone makes chance look better: it needs stronger evidence.
        enough = 0.01 if stored is held else 0.05
        p = permutation_p(bench.metric, stored.y, stored.predictions, seed=seed)
        value = score(bench.metric, stored.y, stored.predictions)
        better = direction * (value - constant) > 0
        knows = knows or (p <= enough and better)
        said.append(f"{name} {value:.4g} on unseen rows (constant {constant:.4g}, permutation p {p:.3f})")
    last = [f for _, stored in parts if (f := series.look(bench.kind, bench.dev, stored)) is not None]
    if last:  # permuting a series breaks what any model of it knows for free: that tomorrow is near today
        best = min(last, key=lambda f: f.mase)
        knows = knows and not best.noise
        said.append(best.told())
    return not knows, "; ".join(said)


def _train(ctx: RunContext, bench: Bench, job: LadderJob, config: ModelConfig, name: str, stages: Stages, place: int, count: int) -> Climb | None:
    batch = run_trials(ctx, bench, [Trial(id=name, config=config, seed=job.seed)], stages=stages, watch=False, share=(place / count, (place + 1) / count))
    outcome = batch.outcomes.get(name)
    if outcome is None or not outcome.finite:
        return None
    value = objective(outcome, "train")
    return Climb(config=config, outcome=outcome, value=value) if math.isfinite(value) else None


def run(ctx: RunContext, job: LadderJob) -> LadderResult | None:
    """Climbs until the training metric meets the goal; a rung that does not help is undone. None after a stop: the run can be resumed."""
    bench = open_bench(job.data, ctx.project, ctx.device)
    rungs = list(job.rungs or DEFAULT)
    goal = job.goal if job.goal is not None else background.goal_of(ctx.project)
    stages = Stages(ctx)
    ctx.started(job.title or "Step-3 ladder", {"rungs": rungs, "goal": goal})
    count = len(rungs) + 1
    now = _train(ctx, bench, job, resolved(kind(job.data.kind), job.config), "start", stages, 0, count)
    if now is None:
        raise RunError("the start of the ladder broke down", "The first training did not end with finite numbers.", "Start from a lower learning rate.")
    results: list[RungResult] = []
    advice = ""
    for place, rung in enumerate(rungs, start=1):
        if ctx.control.stop is not None:
            return None
        if goal is not None and meets(bench.metric, now.value, goal):
            break
        if rung == "objective":
            fired, why = objective_gate(ctx, bench, now.outcome, _baseline(ctx, bench), job.seed)
            advice = f"Neither model knows anything of unseen rows ({why}): the inputs may not hold the answer. Re-frame the question or add inputs." if fired else f"The inputs do hold information ({why})."
            results.append(RungResult(id=rung, title=TITLES[rung], before=now.value, after=now.value, kept=False, note=advice))
            continue
        now = _rung(ctx, bench, job, rung, now, stages, place, count, results)
    if ctx.control.stop is not None:
        return None
    reached = goal is not None and meets(bench.metric, now.value, goal)
    if not advice:
        advice = "The training set is fitted to the goal; go on with generalisation." if reached else "No rung is left: question the objective, the inputs or the goal." if goal is not None else "No goal is set: every rung was tried."
    return LadderResult(rungs=results, reached=reached, model=models.save(ctx, bench, now.outcome, "model"), config=now.config.model_dump(mode="json"), advice=advice)


def _rung(ctx: RunContext, bench: Bench, job: LadderJob, rung: str, now: Climb, stages: Stages, place: int, count: int, results: list[RungResult]) -> Climb:
    title = TITLES.get(rung, rung)
    if rung == "finder":
        found = found_rate(ctx, bench, now.config)
        change, note = ({"train.lr": found}, "") if found else ({}, "the finder has no clear answer")
    else:
        change, note = change_of(rung, now.config, bench.kind.recipe)
        if "train.optimizer" in change and (found := found_rate(ctx, bench, changed(now.config, change))):
            change["train.lr"] = found  # rates of two optimisers differ by a factor near 30 (T05)
    if not change:
        results.append(RungResult(id=rung, title=title, before=now.value, after=now.value, kept=False, note=note))
        return now
    broken = "broke down; undone"
    try:
        tried = _train(ctx, bench, job, changed(now.config, change), f"rung-{rung}", stages, place, count)
    except (UsageError, RunError) as error:  # one rung that cannot be trained does not cost the others
        tried, broken = None, f"could not be trained: {error}; undone"
    if tried is None:
        results.append(RungResult(id=rung, title=title, before=now.value, after=float("nan"), kept=False, change=change, note=broken))
        return now
    before, after = error_of(bench.metric, now.value), error_of(bench.metric, tried.value)
    kept = after < before - LEAST_FALL * abs(before)
    results.append(RungResult(id=rung, title=title, before=now.value, after=tried.value, kept=kept, change=change, note="" if kept else "no clear gain on the training rows; undone"))
    return tried if kept else now


def _baseline(ctx: RunContext, bench: Bench) -> Stored | None:
    """Stored predictions of the newest best baseline, for the gate."""
    for _, result in reversed(background.finished(ctx.project, "baselines")):
        for model in result.get("models", []):
            if model.get("family") != "dummy" and (held := models.stored_of(ctx.project, model["ref"])) is not None:
                return held
    return None
