"""Random draws from a search space (T19-T23): log-uniform rates, widths per layer, never a grid."""

import math
from typing import Any

import numpy as np

from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig


def draw_one(path: str, spec: dict[str, Any], rng: np.random.Generator, layers: int) -> Any:
    """One value: `log`, `uniform`, `int`, `log2_int`, `choice`, `widths` (one width per layer), `each_layer` (one number per hidden layer)."""
    kind, low, high = spec.get("kind"), spec.get("low"), spec.get("high")
    if kind == "log":
        return float(math.exp(rng.uniform(math.log(low), math.log(high))))
    if kind == "uniform":
        return float(rng.uniform(low, high))
    if kind == "int":
        return int(rng.integers(low, high + 1))
    if kind == "log2_int":
        return int(round(2 ** rng.uniform(math.log2(low), math.log2(high))))
    if kind == "choice":
        weights = spec.get("weights")
        chosen = rng.choice(len(spec["values"]), p=None if weights is None else np.asarray(weights, float) / np.sum(weights))
        return spec["values"][int(chosen)]
    if kind == "widths":
        depth = int(rng.choice(spec.get("depth", [1])))
        return [int(round(2 ** rng.uniform(math.log2(low), math.log2(high)))) for _ in range(depth)]
    if kind == "each_layer":
        return [round(float(rng.uniform(low, high)), 3) for _ in range(layers)]
    raise UsageError(f"the search space of {path!r} is not understood", f"Kind {kind!r} is unknown.", "Use log, uniform, int, log2_int, choice, widths or each_layer.")


def _layers(change: dict[str, Any], config: ModelConfig) -> int:
    return len(change.get("network.hidden", config.network.hidden)) or len(config.network.dropout) or 1


def draw(space: dict[str, dict[str, Any]], rng: np.random.Generator, config: ModelConfig) -> dict[str, Any]:
    """A whole change; settings per layer are drawn after the layers themselves."""
    change: dict[str, Any] = {}
    for path in sorted(space, key=lambda p: (space[p].get("kind") == "each_layer", p)):
        change[path] = draw_one(path, space[path], rng, _layers(change, config))
    return change


def fitted_to_layers(change: dict[str, Any], config: ModelConfig) -> dict[str, Any]:
    """Dropout cut or filled to the number of hidden layers, where a change of width altered it."""
    wanted = _layers(change, config)
    dropout = change.get("network.dropout", config.network.dropout)
    if "network.hidden" in change and dropout and len(dropout) != wanted:
        return {**change, "network.dropout": (list(dropout) + [dropout[-1]] * wanted)[:wanted]}
    return change


def random_changes(space: dict[str, dict[str, Any]], config: ModelConfig, count: int, seed: int) -> list[dict[str, Any]]:
    """`count` independent draws, the first being the start config itself (an empty change), so that a search never ends below its start."""
    rng = np.random.default_rng(seed)
    return [{}] + [fitted_to_layers(draw(space, rng, config), config) for _ in range(count - 1)]


def coordinate_changes(space: dict[str, dict[str, Any]], path: str, config: ModelConfig, base: dict[str, Any], count: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Draws of one coordinate around a base change (sequential mode, T22)."""
    return [fitted_to_layers({**base, path: draw_one(path, space[path], rng, _layers(base, config))}, config) for _ in range(count)]
