"""Prepared arrays as the engine's tensors, and raw outputs back as predictions (imports torch: worker only)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from phasewise.engine.data import Dataset, InputInfo
from phasewise.engine.shards import ShardedData
from phasewise.kinds.shared import outputs as shared
from phasewise.kinds.tabular import auxiliary, networks, sharding
from phasewise.kinds.tabular.development import Development
from phasewise.kinds.tabular.preparing import Preparing
from phasewise.stats.predictions import Predictions


def tensors(arrays: dict[str, np.ndarray], device: str | torch.device = "cpu") -> dict[str, torch.Tensor]:
    """`num` float32 [n, d] and `cat` int32 [n, c] as tensors; an input without columns is left out."""
    return {name: torch.from_numpy(np.ascontiguousarray(a)).to(device) for name, a in arrays.items() if a.shape[1]}


def dataset(dev: Development, preparing: Preparing, device: str | torch.device = "cpu") -> Dataset:
    """All development rows prepared; y is a class index int64, or the standardised value float32."""
    inputs = tensors(preparing.transform(dev.table), device)
    if along := preparing.options.get("auxiliary"):
        inputs[networks.AUXILIARY] = torch.from_numpy(auxiliary.block(dev.table, along)).to(device)
    y = torch.from_numpy(preparing.target.encode(dev.y)).to(device)
    return Dataset(inputs=inputs, y=y, task=dev.task, classes=len(dev.classes) if dev.task != "regression" else 0, names=tuple(dev.classes))


def streamed(dev: Development, preparing: Preparing, fold: int, held: Dataset, *, tell: Callable[[int, int], None], say: Callable[[str], None]) -> ShardedData:
    """All training rows of a fold of a table larger than memory, as they stream from the cache; `held` are its development rows in memory."""
    shards = sharding.opened(dev, preparing, fold, tell, say)
    return ShardedData(shards=shards, held=held, first=0, last=shards.rows, window=max(stop - start for start, stop in shards.spans), why=dev.beyond.why)


def info(preparing: Preparing, data: Dataset, rows: np.ndarray) -> InputInfo:
    """Sizes and training-row statistics that a network is built from; `rows` int64 [m] are training rows of the data set."""
    numbers = int(data.inputs["num"].shape[1]) if "num" in data.inputs else 0
    stats: dict[str, Any] = {}
    if numbers:
        picked = torch.as_tensor(np.asarray(rows, np.int64), device=data.device)
        stats = networks.statistics(data.inputs["num"].index_select(0, picked))
    along = data.inputs[networks.AUXILIARY].shape[1] // 2 if networks.AUXILIARY in data.inputs else 0
    return InputInfo(numbers=numbers, cardinalities=preparing.cardinalities, outputs=preparing.outputs, auxiliary=along, stats=stats)


def predictions(outputs: torch.Tensor, preparing: Preparing) -> Predictions:
    """Raw outputs [n, o] (or [n, k, o]: the members' probabilities or values are averaged) as predictions in the target's unit."""
    return shared.predictions(outputs, preparing.target)
