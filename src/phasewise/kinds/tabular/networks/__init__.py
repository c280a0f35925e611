"""Tabular networks by family: `build(spec, info)` gives an untrained torch module (worker side only: imports torch)."""

from torch import nn

from phasewise.kinds.tabular.networks import auxiliary, embeddings, mlp
from phasewise.kinds.tabular.networks.inputs import ONE_HOT_LIMIT, Categories, Front
from phasewise.kinds.tabular.networks.realmlp import RealMLP
from phasewise.kinds.tabular.networks.tabm import TabM
from phasewise.kinds.tabular.recipe import resolve
from phasewise.records.errors import UsageError

FAMILIES = ("linear", "one_hidden", "mlp", "tabm", "realmlp")

NO_TABLES = 10**9
"""A one-hot limit no column reaches."""
AUXILIARY = auxiliary.INPUT

statistics = embeddings.statistics
"""Training rows' numbers `[n, d]` -> the entries `InputInfo.stats` needs; call it once per split."""


def build(spec, info) -> nn.Module:
    """An untrained network of `spec.family` for inputs described by `info`.

    The module takes `{"num": float [n, d], "cat": integer [n, c]}` and returns raw outputs `[n, info.outputs]`
    (TabM in training mode: `[n, members, info.outputs]`). Starting weights come from torch's generator: seed before calling.
    """
    spec = resolve(spec)
    if getattr(info, "auxiliary", 0):
        return auxiliary.Auxiliary(spec, info)
    if spec.family in ("linear", "one_hidden", "mlp"):
        return mlp.build(spec, info)
    if spec.family == "tabm":
        return _tabm(spec, info)
    if spec.family == "realmlp":
        return _realmlp(spec, info)
    raise UsageError(f"unknown network family {spec.family!r}", "Tables have no such network.", f"Valid: {', '.join(FAMILIES)}.")


def _numeric(spec, info, default_bins: int) -> nn.Module | None:
    if not info.numbers:
        return None
    table = embeddings.table(info)
    options = spec.options
    if spec.numeric_embedding == "piecewise_linear":
        places = embeddings.table(info, "bins")
        return embeddings.PiecewiseLinear(table, places, size=options.get("numeric_size", 16), bins=options.get("bins", default_bins))
    scaled = embeddings.RobustScale(table)
    if spec.numeric_embedding == "none":
        return scaled
    periodic = embeddings.Periodic(info.numbers, size=options.get("numeric_size", 4), sigma=options.get("sigma", 0.1))
    both = nn.Sequential(scaled, periodic)
    both.features, both.chunks = periodic.features, periodic.chunks
    return both


def _dropout(spec, hidden: list[int]) -> list[float]:
    return (list(spec.dropout) + [spec.dropout[-1]] * len(hidden))[: len(hidden)] if spec.dropout else [0.0] * len(hidden)


def _tabm(spec, info) -> nn.Module:
    hidden = list(spec.hidden)
    limit = spec.options.get("one_hot_limit", NO_TABLES) if spec.embeddings else NO_TABLES
    categories = Categories(info.cardinalities, rule=spec.embedding_rule, one_hot_limit=limit) if info.cardinalities else None
    front = Front(_numeric(spec, info, 48), categories)
    net = TabM(front, hidden, _dropout(spec, hidden), info.outputs, max(spec.members, 1), signs=spec.numeric_embedding == "none")
    net.classifies = info.outputs > 1 or getattr(info, "task", None) == "binary"
    return net


def _realmlp(spec, info) -> nn.Module:
    hidden = list(spec.hidden)
    limit = ONE_HOT_LIMIT if spec.embeddings else NO_TABLES
    categories = Categories(info.cardinalities, rule=spec.embedding_rule, one_hot_limit=limit) if info.cardinalities else None
    return RealMLP(Front(_numeric(spec, info, 48), categories), hidden, _dropout(spec, hidden), info.outputs, activation=spec.activation)
