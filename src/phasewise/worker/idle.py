"""Changes that a network does not use: the same module with the same numbers before and after, so no run can tell them apart."""

from typing import Any

import torch

from phasewise.engine.losses import PLUGIN
from phasewise.records.models import ModelConfig
from phasewise.worker.bench import Bench

ROWS = 32


def changes_nothing(bench: Bench, before: ModelConfig, after: ModelConfig) -> bool:
    """Whether two configs that differ in network settings only build the very same network (a family may ignore a setting).

    Same modules, same initial weights and same training output on a few rows, each from the same seed; `network.options` are left alone,
    because the engine reads some of them beside the network.
    """
    if before.train.loss == after.train.loss == PLUGIN:  # a person's own loss knows neither class weights nor smoothing
        after = after.model_copy(update={"train": after.train.model_copy(update={k: getattr(before.train, k) for k in ("class_weights", "label_smoothing")})})
    a, b = before.model_dump(), after.model_dump()
    if before == after or a["network"]["options"] != b["network"]["options"] or {k: v for k, v in a.items() if k != "network"} != {k: v for k, v in b.items() if k != "network"}:
        return before == after
    stage = bench.stages(before.prepare)[0]
    rows = torch.from_numpy(stage.train[:ROWS])
    inputs = {name: t[rows] for name, t in stage.data.inputs.items()}
    try:
        return _same(_built(bench, before, stage.info, inputs), _built(bench, after, stage.info, inputs))
    except (RuntimeError, ValueError, TypeError, KeyError):
        return False


def _built(bench: Bench, config: ModelConfig, info: Any, inputs: dict[str, torch.Tensor]) -> tuple[str, dict[str, torch.Tensor], torch.Tensor]:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        module = bench.build(config.network, info)
        weights = {k: v.detach().clone() for k, v in module.state_dict().items()}
        torch.manual_seed(1)
        return repr(module), weights, module.to(next(iter(inputs.values())).device).train()(inputs)


def _same(a: tuple[str, dict[str, torch.Tensor], torch.Tensor], b: tuple[str, dict[str, torch.Tensor], torch.Tensor]) -> bool:
    return a[0] == b[0] and a[1].keys() == b[1].keys() and all(torch.equal(a[1][k], b[1][k]) for k in a[1]) and torch.equal(a[2], b[2])
