"""Sampling configurations to try (T19-T23, R17): random or Sobol, log-uniform where it belongs, batch sizes by weight, moves on layer widths."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig, apply_change

SMALL_LAYER, MOST_LAYERS = 4, 6

Space = Mapping[str, Mapping[str, Any]]
"""Dotted config path to `{"kind": "log", "lo", "hi"}`, `{"kind": "uniform", "lo", "hi"}`, `{"kind": "int", "lo", "hi"}` or
`{"kind": "choice", "values", "weights"}`."""


def points(n: int, dimensions: int, seed: int, method: Literal["random", "sobol"] = "random") -> np.ndarray:
    """n points of the unit cube, float64 [n, dimensions]; Sobol points are scrambled (Owen) by the seed."""
    if method == "sobol":
        from scipy.stats import qmc

        if not n:
            return np.zeros((0, dimensions))
        return qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed)).random_base2(max(0, math.ceil(math.log2(n))))[:n]
    return np.random.default_rng(seed).random((n, dimensions))


def sample(space: Space, n: int, seed: int, method: Literal["random", "sobol"] = "random") -> list[dict[str, Any]]:
    """n config diffs (dotted path to value); the same space, n and seed give the same diffs."""
    return decoded(space, points(n, dimensions(space), seed, method))


def dimensions(space: Space) -> int:
    """How many coordinates of the unit cube a config diff takes."""
    return sum(_dimensions(rule) for rule in space.values())


def decoded(space: Space, cube: np.ndarray) -> list[dict[str, Any]]:
    """The config diff at each point of the unit cube [n, dimensions]."""
    out = []
    for row in cube:
        at, diff = 0, {}
        for name in space:
            width = _dimensions(space[name])
            diff[name] = _value(name, space[name], row[at : at + width], diff)
            at += width
        out.append(diff)
    return out


def settled(space: Space, cube: np.ndarray) -> np.ndarray:
    """Points [n, dimensions] moved to the middle of all that decode to their config: steps to their middles, coordinates of absent layers to 0.5."""
    out, at, layers = np.array(cube), 0, None
    for rule in space.values():
        width = _dimensions(rule)
        part = out[:, at : at + width]
        at += width
        if rule["kind"] == "choice":
            part[:] = _middles(rule.get("weights") or [1] * len(rule["values"]), part)[0]
        elif rule["kind"] == "int":
            part[:] = _middles([1] * (rule["hi"] - rule["lo"] + 1), part)[0]
        elif rule["kind"] == "layers":
            part[:, :1], which = _middles([1] * len(rule["depth"]), part[:, :1])
            part[:, 1:] = _middles([1] * len(rule["widths"]), part[:, 1:])[0]
            layers = np.array(rule["depth"])[which]
            part[:, 1:][np.arange(width - 1) >= layers] = 0.5
        elif rule["kind"] == "per_layer":
            part[np.arange(width) >= np.broadcast_to(len(rule.get("like", [0])) if layers is None else layers, (len(out), 1))] = 0.5
    return out


def _middles(shares: Sequence[float], u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The middle of the step each u falls on, and which step that is."""
    edges = np.concatenate([[0.0], np.cumsum(shares) / np.sum(shares)])
    which = np.minimum(np.searchsorted(edges[1:], u, side="right"), len(shares) - 1)
    return (edges[which] + edges[which + 1]) / 2, which


def configs(base: ModelConfig, space: Space, n: int, seed: int, method: Literal["random", "sobol"] = "random") -> list[ModelConfig]:
    """The base config with n sampled diffs applied."""
    return [apply_change(base, diff) for diff in sample(space, n, seed, method)]


def sequential(base: Mapping[str, Any], space: Space, name: str, n: int) -> list[dict[str, Any]]:
    """One coordinate at a time (T22): n values of one name, evenly on its own scale, all else as in `base`."""
    rule = space[name]
    if rule["kind"] == "choice":
        return [dict(base) | {name: value} for value in rule["values"]]
    return [dict(base) | {name: _value(name, rule, np.full(_dimensions(rule), (i + 0.5) / n), dict(base))} for i in range(n)]


def _dimensions(rule: Mapping[str, Any]) -> int:
    if rule["kind"] == "layers":
        return 1 + max(rule["depth"])
    return MOST_LAYERS if rule["kind"] == "per_layer" else 1


def _value(name: str, rule: Mapping[str, Any], u: np.ndarray, chosen: Mapping[str, Any]) -> Any:
    kind = rule["kind"]
    if kind in ("log", "uniform", "int") and not rule["lo"] <= rule["hi"]:
        raise UsageError(f"the range of {name} is empty", f"lo {rule['lo']} is above hi {rule['hi']}.")
    if kind == "log":
        if rule["lo"] <= 0:
            raise UsageError(f"{name} cannot be log-uniform from {rule['lo']}", "The lower bound must be above 0.")
        return float(min(max(math.exp(math.log(rule["lo"]) + float(u[0]) * (math.log(rule["hi"]) - math.log(rule["lo"]))), rule["lo"]), rule["hi"]))
    if kind == "uniform":
        return float(min(max(rule["lo"] + float(u[0]) * (rule["hi"] - rule["lo"]), rule["lo"]), rule["hi"]))
    if kind == "int":
        return int(min(rule["hi"], rule["lo"] + math.floor(float(u[0]) * (rule["hi"] - rule["lo"] + 1))))
    if kind == "choice":
        return _choose(rule["values"], float(u[0]), rule.get("weights"))
    if kind == "layers":
        depth = _choose(rule["depth"], float(u[0]))
        return [_choose(rule["widths"], float(u[1 + i])) for i in range(depth)]
    if kind == "per_layer":
        depth = len(chosen.get("network.hidden", rule.get("like", [0])))
        return [round(float(rule["lo"] + float(u[min(i, MOST_LAYERS - 1)]) * (rule["hi"] - rule["lo"])), 4) for i in range(depth)]
    raise UsageError(f"unknown kind of range {kind!r} for {name}", "", "Use log, uniform, int, choice, layers or per_layer.")


def _choose(values: Sequence[Any], u: float, weights: Sequence[float] | None = None) -> Any:
    share = np.cumsum(np.asarray(weights if weights is not None else np.ones(len(values)), dtype=float))
    return values[min(int(np.searchsorted(share / share[-1], u, side="right")), len(values) - 1)]


def moves(hidden: Sequence[int]) -> list[tuple[str, list[int]]]:
    """All neighbours of some layer widths (R17): halve or double a layer, add, remove, shift a quarter between layers; with a name each."""
    h = list(hidden)
    out: list[tuple[str, list[int]]] = []
    for i, width in enumerate(h):
        out.append((f"double layer {i + 1}", [*h[:i], width * 2, *h[i + 1 :]]))
        if width // 2 >= SMALL_LAYER:
            out.append((f"halve layer {i + 1}", [*h[:i], width // 2, *h[i + 1 :]]))
        if len(h) > 1:
            out.append((f"remove layer {i + 1}", [*h[:i], *h[i + 1 :]]))
        for j in range(len(h)):
            part = width // 4
            if j != i and part and width - part >= SMALL_LAYER:
                shifted = list(h)
                shifted[i], shifted[j] = width - part, h[j] + part
                out.append((f"shift a quarter of layer {i + 1} to layer {j + 1}", shifted))
    if len(h) < MOST_LAYERS:
        out += [(f"add a layer after {i}", [*h[:i], h[max(0, i - 1)], *h[i:]]) for i in range(len(h) + 1) if h]
    return out
