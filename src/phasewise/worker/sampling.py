"""A recipe's search space in the words of the engine's sampler, and the changes it draws (T19-T23)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from phasewise.engine import learned, search
from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig


def _steps(low: float, high: float, count: int = 17) -> list[int]:
    """Whole numbers evenly spaced on a log scale, both ends included."""
    return sorted({round(2 ** (math.log2(low) + i / (count - 1) * (math.log2(high) - math.log2(low)))) for i in range(count)})


def translated(space: Mapping[str, Mapping[str, Any]], config: ModelConfig) -> dict[str, dict[str, Any]]:
    """Recipe rules (`log`, `uniform`, `int`, `log2_int`, `choice`, `widths`, `each_layer`, or the engine's own words) as the engine's; widths come before what is drawn per layer."""
    out: dict[str, dict[str, Any]] = {}
    for path in sorted(space, key=lambda p: (space[p].get("kind") in ("each_layer", "per_layer"), p)):
        rule = dict(space[path])
        kind, low, high = rule.get("kind"), rule.get("low", rule.get("lo")), rule.get("high", rule.get("hi"))
        if kind in ("log", "uniform", "int"):
            out[path] = {"kind": kind, "lo": low, "hi": high}
        elif kind in ("choice", "layers"):
            out[path] = rule
        elif kind == "log2_int":
            out[path] = {"kind": "choice", "values": _steps(low, high)}
        elif kind == "widths":
            out[path] = {"kind": "layers", "depth": list(rule.get("depth", [1])), "widths": _steps(low, high)}
        elif kind in ("each_layer", "per_layer"):
            out[path] = {"kind": "per_layer", "lo": low, "hi": high, "like": config.network.hidden or [0]}
        else:
            raise UsageError(f"the search space of {path!r} is not understood", f"Kind {kind!r} is unknown.", "Use log, uniform, int, log2_int, choice, widths or each_layer.")
    return out


def fitted_to_layers(change: dict[str, Any], config: ModelConfig) -> dict[str, Any]:
    """Dropout cut or filled to the number of hidden layers, where a change of widths altered it."""
    dropout = change.get("network.dropout", config.network.dropout)
    wanted = len(change.get("network.hidden", config.network.hidden))
    if "network.hidden" in change and dropout and len(dropout) != wanted:
        return {**change, "network.dropout": (list(dropout) + [dropout[-1]] * wanted)[:wanted]}
    return change


def layer_changes(config: ModelConfig, count: int, seed: int) -> list[dict[str, Any]]:
    """At most `count` other widths, one move from those of the start first, then moves of moves, each drawn evenly (R17); the same seed gives the same ones."""
    start = list(config.network.hidden)
    if not start:
        raise UsageError("this network has no hidden layers to rearrange", f"Its family is {config.network.family}.", "Choose another way to search (tune.search).")
    rng, found, at = np.random.default_rng(seed), [start], 0
    while at < len(found) and len(found) <= count:
        near = [h for _, h in search.moves(found[at])]
        for i in rng.permutation(len(near)):
            if near[i] not in found:
                found.append(near[i])
        at += 1
    return [fitted_to_layers({"network.hidden": h}, config) for h in found[1 : count + 1]]


def random_cube(space: search.Space, count: int, seed: int) -> np.ndarray:
    """`count` random points of a translated space's cube."""
    return search.points(count, search.dimensions(space), seed)


def learned_cube(space: search.Space, cube: np.ndarray, ranked: Sequence[int], count: int, seed: int) -> np.ndarray:
    """`count` points proposed from those of `cube`, whose numbers are `ranked` best first."""
    return learned.propose(cube, ranked, count, seed, lambda rows: search.settled(space, rows))


def changes_at(space: search.Space, config: ModelConfig, cube: np.ndarray) -> list[dict[str, Any]]:
    """The changes of a start config at points of a translated space's cube."""
    return [fitted_to_layers(change, config) for change in search.decoded(space, cube)]


def coordinate_changes(space: Mapping[str, Mapping[str, Any]], path: str, config: ModelConfig, base: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """At most `count` values of one setting, everything else as in `base` (sequential mode, T22)."""
    return [fitted_to_layers(change, config) for change in search.sequential(base, translated(space, config), path, count)[:count]]
