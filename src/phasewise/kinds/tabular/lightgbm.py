"""LightGBM as a baseline where it is installed; stored in its own text format, which holds numbers only."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

ROUNDS = 300


@dataclass(kw_only=True)
class Booster:
    """A booster with scikit-learn's `fit`, `predict`, `predict_proba`; `text` is the whole model once fitted."""

    task: str
    seed: int = 0
    threads: int = 1
    categories: list[int] = field(default_factory=list)
    text: str = ""
    classes: int = 0

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Booster":
        """Learn from x [n, d] and y [n]."""
        import lightgbm

        self.classes = 0 if self.task == "regression" else int(y.max()) + 1
        settings: dict[str, Any] = {
            "objective": {"regression": "regression", "binary": "binary", "multiclass": "multiclass"}[self.task], "learning_rate": 0.05, "num_leaves": 31,
            "seed": self.seed, "num_threads": self.threads, "deterministic": True, "verbosity": -1,
        }
        if self.task == "multiclass":
            settings["num_class"] = self.classes
        data = lightgbm.Dataset(x, y, categorical_feature=self.categories or "auto")
        self.text = lightgbm.train(settings, data, num_boost_round=ROUNDS).model_to_string()
        return self

    def _raw(self, x: np.ndarray) -> np.ndarray:
        import lightgbm

        return np.asarray(lightgbm.Booster(model_str=self.text).predict(x))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Values [n]."""
        return self._raw(x)

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities [n, k]."""
        raw = self._raw(x)
        return np.stack([1 - raw, raw], axis=1) if self.task == "binary" else raw
