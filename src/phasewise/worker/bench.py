"""Development data of a job, prepared per fold, as engine data sets: the ground every trial of a job stands on, kind by kind the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from phasewise.engine import Dataset, InputInfo
from phasewise.engine.shards import ShardedData
from phasewise.kinds.base import Kind
from phasewise.kinds.registry import kind
from phasewise.records.base import fingerprint
from phasewise.records.jobs import DataView
from phasewise.records.models import ModelConfig, NetworkSpec

OBJECTIVES = {"accuracy": "accuracy", "roc_auc": "roc_auc", "rmse": "rmse", "mae": "mae"}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One fold prepared with its own statistics: rows are numbers of the development table."""

    fold: int
    train: np.ndarray
    validation: np.ndarray
    preparing: Any
    data: Dataset
    info: InputInfo


class _Asked(dict):
    """A mapping that remembers whether anybody looked inside."""

    asked = False

    def get(self, *args: Any) -> Any:
        self.asked = True
        return super().get(*args)

    def __getitem__(self, key: str) -> Any:
        self.asked = True
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.asked = True
        return super().__contains__(key)


@dataclass(kw_only=True)
class Bench:
    """Kind, view and development rows; `stages(options)` prepares them (once per set of options)."""

    kind: Kind
    view: DataView
    dev: Any
    device: str
    metric: str
    start: dict[str, torch.Tensor] | None = None
    """Weights every network begins with instead of its own initialisation (fine-tuning)."""
    _stages: dict[str, list[Stage]] = field(default_factory=dict)
    _streams: dict[int, ShardedData] = field(default_factory=dict)

    @property
    def task(self) -> str:
        """`binary`, `multiclass` or `regression`."""
        return self.dev.task

    @property
    def objective(self) -> str:
        """The engine's objective for choosing epochs: the goal's metric where the engine knows it, else the loss."""
        name = OBJECTIVES.get(self.metric, "loss")
        return "loss" if name == "roc_auc" and self.task != "binary" else name

    @property
    def splits(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Train and validation row numbers: one pair, or one per fold."""
        if self.dev.folds is None:
            return [(np.asarray(self.dev.train), np.asarray(self.dev.validation))]
        folds = np.asarray(self.dev.folds)
        return [(np.flatnonzero((folds != k) & (folds >= 0)), np.flatnonzero(folds == k)) for k in np.unique(folds[folds >= 0])]

    @property
    def training_rows(self) -> int:
        """Rows a member trains on (the first fold's); of a table larger than memory all that stream."""
        beyond = getattr(self.dev, "beyond", None)
        return len(self.splits[0][0]) if beyond is None else beyond.count()

    def groups(self, rows: np.ndarray) -> np.ndarray | None:
        """Cluster of each row for intervals, or None."""
        return None if self.dev.groups is None else np.asarray(self.dev.groups)[rows]

    def build(self, spec: NetworkSpec, info: InputInfo) -> torch.nn.Module:
        """The kind's network, with the weights of `start` where there are any."""
        network = self.kind.room("networks").build(spec, info)
        if self.start is not None:
            network.load_state_dict(self.start)
        return network

    def stages(self, options: Mapping[str, Any] | None = None) -> list[Stage]:
        """One prepared stage per fold; statistics come from that fold's training rows only (D08, D09)."""
        chosen = {**self.view.options, **(options or {})}
        key = fingerprint(chosen)
        if key not in self._stages:
            preparing, batches = self.kind.room("preparing"), self.kind.room("batches")
            made = []
            for number, (train, validation) in enumerate(self.splits):
                fitted = preparing.fit(self.dev, train, self.view, chosen)
                data = batches.dataset(self.dev, fitted, self.device)
                made.append(Stage(fold=number, train=train, validation=validation, preparing=fitted, data=data, info=batches.info(fitted, data, train)))
            self._stages[key] = made
        return self._stages[key]

    def streams(self, config: ModelConfig) -> bool:
        """Whether the training rows of a config stream: the table is larger than memory, and its rows are drawn as they come."""
        return getattr(self.dev, "beyond", None) is not None and config.train.sampling == "none" and not {**self.view.options, **config.prepare}.get("auxiliary")

    def streamed(self, stage: Stage, *, tell: Callable[[int, int], None], say: Callable[[str], None]) -> ShardedData:
        """All training rows of a stage as they stream (written on first use); its own data are those that are held."""
        if id(stage) not in self._streams or not self._streams[id(stage)].shards.present():  # a cache keeps the newest only
            self._streams[id(stage)] = self.kind.room("batches").streamed(self.dev, stage.preparing, stage.fold, stage.data, tell=tell, say=say)
        return self._streams[id(stage)]

    def joinable(self, stages: list[Stage], spec: NetworkSpec) -> bool:
        """Whether all folds can train as one population: same columns, and a network that does not look at fold statistics.

        Never for pictures: every fold would need a copy of them.
        """
        if len(stages) == 1:
            return True
        if stages[0].info.image is not None:
            return False
        shapes = {(s.info.numbers, len(s.info.cardinalities), s.info.outputs, s.info.image) for s in stages}
        if len(shapes) > 1:
            return False
        watched = _Asked(stages[0].info.stats)
        with torch.random.fork_rng(devices=[]):
            self.build(spec, _with(joint_info(stages), stats=watched))
        return not watched.asked


def _with(info: InputInfo, **changes: Any) -> InputInfo:
    from dataclasses import replace

    return replace(info, **changes)


def joint_info(stages: list[Stage]) -> InputInfo:
    """Sizes that fit every fold: the largest cardinality of each column (a level unknown to a fold stays unused)."""
    first = stages[0].info
    return _with(first, cardinalities=tuple(max(s.info.cardinalities[i] for s in stages) for i in range(len(first.cardinalities))))


def joint_data(stages: list[Stage]) -> Dataset:
    """All folds' prepared rows one after another: row r of fold k is row `k * n + r`."""
    if len(stages) == 1:
        return stages[0].data
    first = stages[0].data
    inputs = {name: torch.cat([s.data.inputs[name] for s in stages]) for name in first.inputs}
    return Dataset(inputs=inputs, y=torch.cat([s.data.y for s in stages]), task=first.task, classes=first.classes, names=first.names)


def open_bench(view: DataView, project: Any, device: str) -> Bench:
    """The bench of a job; reads development rows only, never the vault."""
    wing = kind(view.kind)
    dev = wing.room("development").load(project, view)
    metric = view.metric or ("rmse" if dev.task == "regression" else "accuracy")
    return Bench(kind=wing, view=view, dev=dev, device=device, metric=metric)
