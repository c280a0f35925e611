"""Config changes of ideas, made absolute against the incumbent so that the record says what was really tried."""

from typing import Any

from phasewise.records.models import ModelConfig, apply_change


def applied(config: ModelConfig, change: dict[str, Any]) -> ModelConfig:
    """The config with an idea's change, dropout fitted to the number of layers.

    Raises `KeyError`, `TypeError` or `ValueError` when the change does not fit this config.
    """
    made = apply_change(config, change)
    layers = len(made.network.hidden)
    if layers and made.network.dropout and len(made.network.dropout) != layers:
        network = made.network.model_copy(update={"dropout": fitted(made.network.dropout, layers)})
        made = made.model_copy(update={"network": network})
    return made


def absolute(config: ModelConfig, change: dict[str, Any]) -> dict[str, Any]:
    """The same change as a flat diff of plain values."""
    made = applied(config, change)
    paths = dict.fromkeys(change)
    if made.network.dropout != config.network.dropout:
        paths["network.dropout"] = None
    return {path: read(made.model_dump(), path) for path in paths}


def fitted(values: list[float], layers: int) -> list[float]:
    """One probability a layer: too long a list loses its first, too short a list repeats its first."""
    return [values[0]] * (layers - len(values)) + list(values[-layers:])


def read(config: dict[str, Any], path: str) -> Any:
    """The value at a dotted path of a dumped config; None where an option is not set."""
    node: Any = config
    for name in path.split("."):
        node = node.get(name) if isinstance(node, dict) else None
    return node
