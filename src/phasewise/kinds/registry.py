"""Which kinds there are; a new kind is a folder and a line here."""

import difflib
import importlib
from pathlib import Path

from phasewise.kinds.base import Kind
from phasewise.records.errors import UsageError
from phasewise.records.results.data import Proposal

PACKAGES = {
    "images": "phasewise.kinds.images",
    "tabular": "phasewise.kinds.tabular",
}


def kind(kind_id: str) -> Kind:
    """The kind of an id; a `UsageError` names the nearest valid id."""
    if kind_id not in PACKAGES:
        near = difflib.get_close_matches(kind_id, PACKAGES, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise UsageError(f"unknown kind of data {kind_id!r}", "No wing of that name exists.", f"{hint}Valid: {', '.join(PACKAGES)}.")
    return importlib.import_module(PACKAGES[kind_id]).KIND


def kinds() -> list[Kind]:
    """Every kind, in registry order."""
    return [kind(name) for name in PACKAGES]


def propose(path: Path | str) -> Proposal | None:
    """The kind that a path looks like most (`value` is the kind id), or None."""
    found = []
    for name in PACKAGES:
        try:
            proposal = kind(name).looks_like(path)
        except ModuleNotFoundError:
            continue
        if proposal is not None:
            found.append(proposal)
    return max(found, key=lambda p: p.confidence, default=None)
