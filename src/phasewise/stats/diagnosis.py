"""High bias, high variance, both, optimisation failure or healthy: with numbers and standard errors (V07, V08, V13)."""

from collections.abc import Sequence

import numpy as np

from phasewise.records.metrics import metric
from phasewise.records.results.train import Diagnosis


def error_of(metric_id: str, value: float) -> float:
    """A metric value as an error: 1 - value for metrics that are maximised, the value itself else."""
    return 1.0 - value if metric(metric_id).maximize else value


def overfitting(train: Sequence[float], validation: Sequence[float], window: int = 5, *, loss: float = 2.0) -> bool:
    """Prechelt's rule (1998) on error curves per epoch: train still improving while validation got stale or worse.

    True iff the train error falls over the last `window` epochs (slope p < 0.05) and the best validation epoch is
    older than `window` epochs with a generalisation loss above 0, or the generalisation loss exceeds `loss` percent.
    """
    train, validation = np.asarray(train, float), np.asarray(validation, float)
    known = np.isfinite(train) & np.isfinite(validation)
    train, validation = train[known], validation[known]
    if len(train) < window + 1:
        return False
    from scipy.stats import linregress

    span = max(window, min(len(train), 3 * window))
    recent = train[-span:]
    if np.ptp(recent) == 0:
        return False
    fit = linregress(np.arange(span), recent)
    improving = fit.slope < 0 and fit.pvalue / 2 < 0.05
    tail = float(np.median(validation[-window:]))
    # The minimum of a noisy curve lies below its level: a median of three keeps luck out of it.
    smooth = np.median(np.stack([validation[:-2], validation[1:-1], validation[2:]]), axis=0) if len(validation) > 2 else validation
    best = float(smooth.min())
    stale = len(validation) - 1 - int(np.argmin(validation)) > window
    generalisation = 100 * (tail / best - 1) if best > 0 else (np.inf if tail > 0 else 0.0)
    return bool(improving and stale and generalisation > loss and tail - best > _luck(validation))


def _luck(curve: np.ndarray) -> float:
    """How far the median of five last points may lie above the smoothed minimum of a flat noisy curve by chance alone.

    Noise from second differences, which a trend leaves alone: median / 0.6745 / sqrt(6). The minimum of n medians of three lies about
    0.67 sqrt(2 ln n) sd below the level, and a median of five errs by 0.56 sd.
    """
    if len(curve) < 4:
        return 0.0
    sd = float(np.median(np.abs(np.diff(curve, 2)))) / 0.6745 / 6**0.5
    return sd * (0.67 * float(np.sqrt(2 * np.log(len(curve)))) + 2 * 0.56)


def diagnose(
    *, metric_id: str, train: float, validation: float, goal: float | None = None, trivial: float | None = None,
    reference: float | None = None, se_train: float = 0.0, se_validation: float = 0.0, tolerance: float | None = None,
    train_curve: Sequence[float] = (), validation_curve: Sequence[float] = (), finite: bool = True, guess_loss: float | None = None,
) -> Diagnosis:
    """The diagnosis of one trained model from metric values (not errors).

    `goal` is the target of the project, `reference` the best known value (for example the best baseline), used where no
    goal is set; `trivial` the value of a constant predictor on the training rows; `se_*` standard errors; the curves are
    error or loss per epoch, `guess_loss` the loss of guessing in the unit of the training curve. Optimisation failure: not finite, or the
    training rows are not fitted better than by a constant (by at least one percent of its error), or the loss ends above twice that of guessing. High bias: train error minus goal error > max(2 SE, 0.25 goal error, tolerance).
    High variance: validation error minus train error > max(2 SE of the difference, tolerance).
    """
    e_train, e_val = error_of(metric_id, train), error_of(metric_id, validation)
    e_trivial = None if trivial is None else error_of(metric_id, trivial)
    wanted = goal if goal is not None else reference
    e_goal = None if wanted is None else error_of(metric_id, wanted)
    scale = e_trivial if e_trivial else max(abs(e_val), 1e-12)
    if tolerance is None:
        tolerance = max(0.01 if metric(metric_id).bounded else 0.0, 0.03 * abs(scale))
    over = overfitting(train_curve, validation_curve) if len(train_curve) and len(validation_curve) else False
    common = dict(
        train_error=_number(e_train), validation_error=_number(e_val), goal_error=e_goal, trivial_error=e_trivial, overfitting=over,
    )
    if not finite or not np.isfinite(e_train):
        return Diagnosis(verdict="optimisation_failure", reason="The training loss is not a finite number.", **common)
    if e_trivial is not None and e_train > e_trivial - 0.01 * abs(e_trivial):
        why = f"The training error {e_train:.4g} is not below that of a constant prediction ({e_trivial:.4g})."
        return Diagnosis(verdict="optimisation_failure", reason=why, se=se_train, **common)
    if guess_loss is not None and len(train_curve) and _settled(train_curve) > 2 * guess_loss:
        why = f"The training loss ends at {_settled(train_curve):.3g}, where guessing has {guess_loss:.3g}: the steps are too large."
        return Diagnosis(verdict="optimisation_failure", reason=why, se=se_train, **common)
    if len(train_curve) >= 6 and _erratic(train_curve):
        why = "The training loss jumps up and down and ends no lower than it was early on."
        return Diagnosis(verdict="optimisation_failure", reason=why, se=se_train, **common)
    bias = None if e_goal is None else e_train - e_goal
    variance = e_val - e_train
    se = float(np.hypot(se_train, se_validation))
    high_bias = bias is not None and bias > max(2 * se_train, 0.25 * abs(e_goal), tolerance)
    high_variance = variance > max(2 * se, tolerance)
    if high_variance and bias is not None and not over and e_val <= e_goal:
        # Goal met on validation: a gap alone is no reason to act.
        high_variance = False
    verdict = "both" if high_bias and high_variance else "high_bias" if high_bias else "high_variance" if high_variance else "healthy"
    return Diagnosis(verdict=verdict, reason=_reason(verdict, e_train, e_val, e_goal, se), bias=bias, variance=variance, se=se, **common)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _settled(curve: Sequence[float]) -> float:
    """The level of the last third of a curve."""
    return float(np.median(np.asarray(curve, float)[-max(1, len(curve) // 3) :]))


def _erratic(curve: Sequence[float]) -> bool:
    """A training loss that ends above its early level, or swings by more than its whole progress."""
    values = np.asarray(curve, float)
    if not np.isfinite(values).all():
        return True
    third = max(2, len(values) // 3)
    early, late = np.median(values[:third]), np.median(values[-third:])
    return bool(late > early * 1.02 and late > values.min() * 1.5)


def _reason(verdict: str, e_train: float, e_val: float, e_goal: float | None, se: float) -> str:
    seen = f"train error {e_train:.4g}, validation error {e_val:.4g} (SE of the gap {se:.2g})"
    against = "no goal is set" if e_goal is None else f"goal error {e_goal:.4g}"
    said = {
        "high_bias": "The training rows themselves are not fitted well enough",
        "high_variance": "The training rows are fitted, new rows are not",
        "both": "The training rows are not fitted well enough, and new rows are worse still",
        "healthy": "Train and validation agree and nothing stands far from the goal",
    }[verdict]
    return f"{said}: {seen}; {against}."
