"""The training rows most like a new row, in the model's own prepared columns (E05)."""

from collections.abc import Mapping

import numpy as np

MOST = 20_000
"""Training rows that are compared; beyond that a sample of the job's seed."""


def nearest(train: Mapping[str, np.ndarray], new: Mapping[str, np.ndarray], count: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Positions [m, count] and distances of the training rows nearest to each of m new rows.

    Distance: mean over columns of the absolute difference of the scaled numbers, capped at 3 a column, and 1 for another level (Gower 1971).
    """
    columns = max(1, train["num"].shape[1] + train["cat"].shape[1])
    places, far = [], []
    for i in range(len(new["num"])):
        gap = np.minimum(np.abs(np.nan_to_num(train["num"]) - np.nan_to_num(new["num"][i])), 3.0).sum(axis=1) + (train["cat"] != new["cat"][i]).sum(axis=1)
        order = np.argsort(gap, kind="stable")[:count]
        places.append(order)
        far.append(gap[order] / columns)
    return np.array(places, dtype=np.int64).reshape(-1, min(count, len(train["num"]))), np.array(far).reshape(-1, min(count, len(train["num"])))


def least_sure(top_two: np.ndarray, count: int) -> np.ndarray:
    """Positions of the rows with the smallest margin between the two first classes; `top_two` [n, k] are probabilities."""
    ordered = np.sort(top_two, axis=1)
    return np.argsort(ordered[:, -1] - ordered[:, -2], kind="stable")[:count]

