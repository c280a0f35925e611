"""Is a score what it seems: checks of a model's validation results (E rows). Test rows are never used here."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from phasewise.checks.registry import all_checks, check, in_order, run_one
from phasewise.checks.remedies import remedy
from phasewise.checks.table import Skip
from phasewise.checks.texts import finding, percent, q
from phasewise.records.findings import CheckRun, Finding
from phasewise.records.metrics import metric
from phasewise.records.results.common import Score, Versus
from phasewise.records.results.tune import SliceRow
from phasewise.stats import adoption, conformal, optimism, power
from phasewise.stats.calibration import calibration
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import row_losses


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """One model on validation rows [n]; what is None or empty makes the checks that need it skip.

    `score` and `fit` are its scores on validation and train rows, `versus` its paired difference to the best simple model;
    `seeds`/`base_seeds` the metric per paired seed of model and incumbent; `evaluations` is K and `shared` how much luck the
    candidates share; `slices` come from the slice finder; `importance` maps inputs to the loss of score when they are shuffled.
    """

    metric: str
    y: np.ndarray
    predictions: Predictions
    score: Score
    rows: np.ndarray | None = None
    """Row numbers [n] by which examples are named; positions where there are none."""
    fit: Score | None = None
    versus: Versus | None = None
    seeds: Sequence[float] = ()
    base_seeds: Sequence[float] = ()
    evaluations: int = 1
    shared: float = 0.0
    slices: Sequence[SliceRow] = ()
    importance: dict[str, float] = field(default_factory=dict)
    seed: int = 0


WEAKEST = 3
"""Weak slices that are findings: they overlap, and the slice table has them all."""


def _left(count: int) -> str:
    """How many weak slices are left to the table."""
    return f" {count - WEAKEST} more, many of the same rows, in the slice table." if count > WEAKEST else ""


def evaluation_findings(about: Evaluation) -> tuple[list[Finding], list[CheckRun]]:
    """All E checks: findings worst first, and the coverage line."""
    findings: list[Finding] = []
    coverage: list[CheckRun] = []
    for info in all_checks("evaluation"):
        found, line = run_one(info, about, task=about.predictions.task, total=len(about.y))
        findings += found
        coverage.append(line)
    return in_order(findings), coverage


def _points(about: Evaluation, value: float) -> str:
    return f"{100 * value:.1f} points" if metric(about.metric).bounded else f"{value:.4g}"


@check("weak-slice", source="E01, V04", cost="pass", on="evaluation")
def weak_slice(about: Evaluation) -> list[Finding]:
    """Slices significantly worse than the rest by at least five points."""
    if not about.slices:
        raise Skip("slices were not computed")
    sign = 1 if metric(about.metric).maximize else -1
    bad = [s for s in about.slices if s.significant and sign * (s.rest - s.value) >= (0.05 if metric(about.metric).bounded else 0.1 * abs(s.rest))]
    out = []
    for s in bad[:WEAKEST]:
        more = max(s.rows, 100)
        out.append(finding("weak-slice", "warn", f"The model is weak where {s.name}", f"{metric(about.metric).title} {s.value:.3f} there ({s.rows:,} rows), {s.rest:.3f} elsewhere; q = {s.q:.2g}.{_left(len(bad))}", place=s.name, rows=s.rows, numbers={"value": s.value, "rest": s.rest, "q": s.q}, harm=100 * s.harm, remedies=[remedy("note", recommended=True, title=f"collect about {more:,} more rows like these"), remedy("accept", title="restrict the claim")]))
    return out


@check("worst-errors", source="E02, V05", cost="pass", on="evaluation")
def worst_errors(about: Evaluation) -> list[Finding]:
    """The 25 most confident mistakes, for the review queue."""
    loss_metric = "log_loss" if about.predictions.task != "regression" else "mae"
    losses = row_losses(loss_metric, about.y, about.predictions)
    worst = np.argsort(-losses, kind="stable")[:25]
    named = worst.tolist() if about.rows is None else np.asarray(about.rows)[worst].tolist()
    return [finding("worst-errors", "info", "The most confident mistakes are worth a look", f"The worst 25 of {len(losses):,} rows carry {percent(float(losses[worst].sum() / max(losses.sum(), 1e-300)))} of the loss.", rows=len(worst), examples=[f"row {i}" for i in named[:5]], numbers={"rows": named}, remedies=[remedy("review-labels"), remedy("note", recommended=True)])]


@check("overfit", source="E03", cost="pass", on="evaluation")
def overfit(about: Evaluation) -> list[Finding]:
    """Train far above validation, beyond both intervals."""
    if about.fit is None:
        raise Skip("no score on train rows, or a model that keeps them")
    fit, seen = about.fit, about.score
    sign = 1 if metric(about.metric).maximize else -1
    gap = sign * (fit.value - seen.value)
    se = float(np.hypot(fit.se, seen.se))
    limit = max(0.03 if metric(about.metric).bounded else 0.0, 0.10 * abs(fit.value if sign > 0 else seen.value))
    if gap <= limit or gap <= 1.96 * se:
        return []
    return [finding("overfit", "warn", "Train is far better than validation", f"{about.metric} {fit.value:.3f} on train, {seen.value:.3f} on validation: a gap of {_points(about, gap)} (SE {_points(about, se)}).", numbers={"gap": gap, "se": se}, harm=100 * gap if metric(about.metric).bounded else gap, remedies=[remedy("note", recommended=True, title="more data, augmentation, regularisation, a smaller network")])]


@check("no-better-than-baseline", source="E04, G01", cost="pass", on="evaluation")
def no_better_than_baseline(about: Evaluation) -> list[Finding]:
    """The paired difference to the best simple model includes zero."""
    found = about.versus
    if found is None:
        raise Skip("no simple model on the same rows to compare with")
    if found.low > 0:
        return []
    word = "worse than" if found.high < 0 else "not shown to be better than"
    return [finding("no-better-than-baseline", "warn", f"The model is {word} {found.name}", f"Difference {_points(about, found.gain)}, 95 % interval {_points(about, found.low)} to {_points(about, found.high)}.", numbers={"difference": found.gain, "low": found.low, "high": found.high}, harm=5, remedies=[remedy("note", recommended=True, title="use the baseline"), remedy("accept")])]


@check("gain-is-noise", source="E05, checks.md section 8", cost="pass", on="evaluation")
def gain_is_noise(about: Evaluation) -> list[Finding]:
    """The gain over the incumbent does not exceed the noise of seeds."""
    if len(about.seeds) < 2 or len(about.seeds) != len(about.base_seeds):
        raise Skip("no paired seeds")
    found = adoption.decide(about.seeds, about.base_seeds, maximize=metric(about.metric).maximize)
    if found.adopted:
        return []
    spread = float(np.std(np.subtract(about.seeds, about.base_seeds), ddof=1))
    visible = power.visible_gain_seeds(spread, len(about.seeds))
    return [finding("gain-is-noise", "warn", "The gain is not distinguishable from seed noise", f"Gain {_points(about, found.gain)}, 95 % interval {_points(about, found.low)} to {_points(about, found.high)} over {len(about.seeds)} seeds; about {_points(about, visible)} could be seen.", numbers={"gain": found.gain, "low": found.low, "high": found.high, "visible": visible}, harm=2, remedies=[remedy("note", recommended=True, title="more seeds, or stop")])]


@check("miscalibrated", source="E06", cost="pass", on="evaluation", tasks=("binary", "multiclass"))
def miscalibrated(about: Evaluation) -> list[Finding]:
    """Calibration error above what a perfectly calibrated model shows on as many rows."""
    found = calibration(about.y, about.predictions, seed=about.seed)
    if not found.miscalibrated:
        return []
    return [finding("miscalibrated", "warn", "Probabilities are not what they say", f"Calibration error {found.ece:.3f}; a perfect model shows up to {found.floor:.3f} on {len(about.y):,} rows. Temperature {found.temperature:.2f} brings it to {found.ece_after:.3f}.", numbers={"ece": found.ece, "floor": found.floor, "temperature": found.temperature, "after": found.ece_after}, harm=1, remedies=[remedy("note", recommended=True, title="scale by temperature on validation"), remedy("accept")])]


@check("prediction-sets", source="E07", cost="pass", on="evaluation")
def prediction_sets(about: Evaluation) -> list[Finding]:
    """How large 90 % prediction sets are, fitted on one half of validation and measured on the other."""
    n = len(about.y)
    if n < 100:
        raise Skip("fewer than 100 rows")
    order = np.random.default_rng(about.seed).permutation(n)
    fit, held = order[: n // 2], order[n // 2 :]
    limit = conformal.quantile(np.asarray(about.y)[fit], about.predictions.take(fit))
    rest = about.predictions.take(held)
    covered = conformal.covered(np.asarray(about.y)[held], rest, limit)
    if about.predictions.task == "regression":
        size = 2 * limit
        said = f"Intervals of width {size:.4g} cover {percent(covered)} of held-out rows."
    else:
        size = float(conformal.sets(rest, limit).sum(axis=1).mean())
        said = f"Sets of {size:.2f} classes on average cover {percent(covered)} of held-out rows."
    return [finding("prediction-sets", "info", "90 % prediction sets are available", said, numbers={"limit": limit, "covered": covered, "size": size}, remedies=[remedy("note", recommended=True, title="predictions with --sets have them")])]


@check("seed-spread", source="E08", cost="free", on="evaluation")
def seed_spread(about: Evaluation) -> list[Finding]:
    """The spread over seeds exceeds the gain over the best simple model."""
    if about.versus is None or len(about.seeds) < 2:
        raise Skip("no gain to compare with, or one seed only")
    if len(about.seeds) < 3:
        return [finding("seed-spread", "warn", "Two seeds say nothing about spread", "At least three are needed.", remedies=[remedy("note", recommended=True, title="run more seeds")])]
    spread, gain = float(np.std(about.seeds, ddof=1)), about.versus.gain
    if gain <= 0 or spread <= gain:
        return []
    return [finding("seed-spread", "warn", "One seed may have been lucky", f"Seeds differ by {_points(about, spread)} (sd); the gain over {about.versus.name} is {_points(about, gain)}.", numbers={"sd": spread, "gain": gain}, harm=1, remedies=[remedy("note", recommended=True, title="run more seeds")])]


@check("selection-luck", source="E09, E04", cost="free", on="evaluation")
def selection_luck(about: Evaluation) -> list[Finding]:
    """How much of the best of K validation scores is luck."""
    if about.evaluations < 2:
        raise Skip("one candidate only")
    se = about.score.se
    luck = optimism.correlated(about.evaluations, se, about.shared)
    return [finding("selection-luck", "info", f"About {_points(about, luck)} of the score are luck of having looked {about.evaluations} times", f"SE of validation {_points(about, se)}; candidates share {percent(about.shared)} of their luck.", numbers={"luck": luck, "k": about.evaluations, "se": se}, remedies=[remedy("note", recommended=True)])]


@check("shortcut", source="E11", cost="free", on="evaluation")
def shortcut(about: Evaluation) -> list[Finding]:
    """One input carries nearly the whole score."""
    if len(about.importance) < 2:
        raise Skip("importance was not computed")
    total = sum(max(v, 0) for v in about.importance.values())
    top, worth = max(about.importance.items(), key=lambda p: p[1])
    if total <= 0 or worth / total < 0.8:
        return []
    return [finding("shortcut", "info", f"{q(top)} carries {percent(worth / total)} of the score", "Train once without it and compare.", column=top, numbers={"share": worth / total}, remedies=[remedy("drop-column"), remedy("accept", recommended=True)])]
