"""Which new rows are sealed test rows: told by keyed hashes of their inputs, without opening the vault (`kinds.shared.sealed`)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.shared import sealed
from phasewise.kinds.tabular import casting
from phasewise.kinds.tabular.rows import content_hashes
from phasewise.records.text import safe_text

FILE, digest = sealed.FILE, sealed.digest


def inputs_of(roles: Mapping[str, str]) -> list[str]:
    """The columns whose cells are hashed: every input the split knew, in order of name; the target is none."""
    return sorted(c for c, r in roles.items() if r != "ignore")


def hashed(frame: pl.DataFrame, roles: Mapping[str, str], formats: Mapping[str, str], key: bytes) -> np.ndarray:
    """Keyed hashes uint64 [n] of the inputs of natural rows; numbers, levels and dates count, not how a file writes them."""
    names = inputs_of(roles)
    cast = casting.cast_roles(frame.select(names), {c: roles[c] for c in names}, dict(formats))
    return content_hashes(cast, names, key)


def packed(test: pl.DataFrame, roles: Mapping[str, str], formats: Mapping[str, str]) -> bytes:
    """The file for the test rows of a split."""
    return sealed.packed(lambda key: hashed(test, roles, formats, key))


def met(project: Any, about: Mapping[str, Any], natural: pl.DataFrame) -> tuple[np.ndarray, str]:
    """Mask [n] of natural rows that are sealed test rows cell by cell in every input, and why that cannot be told (else empty)."""
    none = np.zeros(natural.height, bool)
    known, roles = sealed.known(project, about), about.get("roles") or {}
    if known.why == sealed.EARLIER:
        return none, known.why
    lacking = [c for c in inputs_of(roles) if c not in natural.columns]
    if lacking:
        return none, f"the file lacks {', '.join(repr(safe_text(c, 40)) for c in lacking[:3])}{' ...' if len(lacking) > 3 else ''}, and rows are compared in every input"
    if known.hashes is None:
        return none, known.why
    return np.isin(hashed(natural, roles, about.get("formats") or {}, known.key), known.hashes), ""
