"""The diagnosis of an outcome: its scores and curves against goal, best baseline and a constant predictor (V07, V08, V13)."""

from typing import Any

import numpy as np

from phasewise.records.results import Diagnosis, Score
from phasewise.stats.diagnosis import diagnose
from phasewise.worker import background
from phasewise.worker.bench import Bench
from phasewise.worker.trials import Outcome


def diagnosis_of(project: Any, bench: Bench, outcome: Outcome, train: Score | None, validation: Score, *, goal: float | None = None, reference: float | None = None) -> Diagnosis:
    """Where the job names no goal or reference, the answers and the newest baselines of the project do."""
    if goal is None:
        goal = background.goal_of(project)
    if reference is None:
        best = background.best_baseline(project, bench.metric)
        reference = best.value if best is not None else None
    y = np.asarray(bench.dev.y)
    trivial = background.trivial(bench.metric, y, bench.splits[0][0], bench.task, tuple(bench.dev.classes))
    curves = outcome.folds[0].member.curves
    guess = float(np.log(len(bench.dev.classes))) if bench.dev.classes else 1.0  # targets of a regression are standardised
    return diagnose(
        metric_id=bench.metric, train=train.value if train is not None else float("nan"), validation=validation.value, goal=goal, reference=reference, trivial=trivial,
        se_train=train.se if train is not None else 0.0, se_validation=validation.se, train_curve=curves.get("train_eval_loss", []),
        validation_curve=curves.get("validation_loss", []), finite=outcome.finite and outcome.stopped != "diverged", guess_loss=guess,
    )


def thin(values: list[float], most: int = 200) -> list[list[float]]:
    """A curve per epoch as at most `most` points [epoch, value], the last always kept."""
    every = max(1, -(-len(values) // most))
    kept = [i for i in range(len(values)) if (len(values) - 1 - i) % every == 0]
    return [[float(i + 1), float(values[i])] for i in kept]
