"""Config changes of ideas, made absolute against the incumbent so that the record says what was really tried."""

import difflib
from typing import Any

from pydantic import ValidationError

from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig, apply_change


def absolute(config: ModelConfig, change: dict[str, Any]) -> dict[str, Any]:
    """The same change as a flat diff of plain values.

    Raises `KeyError`, `TypeError` or `ValueError` when the change does not fit this config.
    """
    made = apply_change(config, change)
    paths = dict.fromkeys(change)
    if made.network.dropout != config.network.dropout:
        paths["network.dropout"] = None
    return {path: read(made.model_dump(), path) for path in paths}


def checked(config: ModelConfig, change: dict[str, Any]) -> dict[str, Any]:
    """`absolute` for a change that a person wrote: a `UsageError` names the unknown setting with the nearest one, or the value that does not fit."""
    parts = {"network": config.network.model_dump(), "train": config.train.model_dump()}
    known = [f"{part}.{name}" for part, own in parts.items() for name in own]
    for path in change:
        part, _, rest = path.partition(".")
        if path == "seed" or part == "prepare" and rest or part in parts and rest.partition(".")[0] in parts[part]:
            continue
        near = difflib.get_close_matches(path, known, n=1) or difflib.get_close_matches(f"train.{path}", known, n=1, cutoff=0.8)
        raise UsageError(f"unknown setting {path!r} in a change", "A change names settings as network.*, train.* or prepare.*.", f"Did you mean {near[0]!r}?" if near else "For example train.lr=/3, network.hidden=*2 or network.dropout=[0.25].")
    try:
        return absolute(config, change)
    except (ValidationError, KeyError, TypeError, ValueError) as error:
        detail = f"{'.'.join(map(str, error.errors()[0]['loc']))}: {error.errors()[0]['msg']}." if isinstance(error, ValidationError) else str(error)
        raise UsageError(f"the change {', '.join(f'{k} = {v}' for k, v in change.items())} does not fit", detail, "Give values of the right type and range; *2 and /3 multiply and divide a number.") from None


def read(config: dict[str, Any], path: str) -> Any:
    """The value at a dotted path of a dumped config; None where an option is not set."""
    node: Any = config
    for name in path.split("."):
        node = node.get(name) if isinstance(node, dict) else None
    return node
