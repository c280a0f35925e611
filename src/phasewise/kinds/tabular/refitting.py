"""A scikit-learn baseline learned again on other rows with the transforms it was shipped with (X14)."""

from pathlib import Path
from typing import Any

import numpy as np

from phasewise.kinds import folders
from phasewise.kinds.shared.fitted import answer, sampled
from phasewise.kinds.tabular import predictor
from phasewise.kinds.tabular.baselines import known
from phasewise.kinds.tabular.estimators import matrix
from phasewise.stats.predictions import Predictions


def refit(old: Path, new: Path, dev: Any, splits: list[tuple[np.ndarray, np.ndarray]], extra: np.ndarray, *, seed: int, threads: int, threshold: float | None, source: str) -> tuple[np.ndarray, Predictions]:
    """Writes the model to `new` and gives validation rows with their out-of-fold (or holdout) predictions.

    Every fold learns from its own training rows and the `extra` ones; the model that is kept from all of them.
    """
    shipped = predictor.load(old)
    card, prepared = folders.read_card(old), shipped.preparing
    chosen = known(str(card["name"]))

    def learn(rows: np.ndarray) -> Any:
        used = sampled(rows, dev, chosen.max_rows, seed)
        estimator = chosen.make(prepared, dev.task, seed, threads)
        estimator.fit(matrix(chosen.matrix, prepared, dev.table[used]), dev.y[used])
        return estimator

    def say(estimator: Any, rows: np.ndarray) -> Predictions:
        return answer(estimator, matrix(chosen.matrix, prepared, dev.table[rows]), prepared.target)

    from phasewise.stats.scores import joined

    made = [learn(train) for train, _ in splits]
    said = joined([say(e, validation) for e, (_, validation) in zip(made, splits, strict=True)])
    rows = np.concatenate([validation for _, validation in splits])
    kept = made[0] if len(splits) == 1 else learn(np.concatenate([rows, extra]))
    extras = {k: card[k] for k in ("family", "metric", "prior_ratio") if k in card}
    predictor.save_sklearn(new, estimator=kept, preparing=prepared, matrix=chosen.matrix, card={**extras, "name": chosen.name, "seed": seed, "threshold": threshold, "source": source})
    return rows, said
