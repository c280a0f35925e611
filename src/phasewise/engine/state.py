"""Checkpoints: safetensors plus JSON, no pickle; everything a run needs to go on bit for bit in another process."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from phasewise.records.errors import StorageError

FORMAT = "phasewise-engine-1"


@dataclass(frozen=True, kw_only=True)
class EngineState:
    """Named tensors (`<member>/<name>`) and plain JSON: epoch, positions, tracks, halving, learning-rate events, versions."""

    tensors: dict[str, Tensor]
    meta: dict[str, Any]


def to_bytes(state: EngineState) -> bytes:
    """One safetensors file; the JSON travels in its header."""
    from safetensors.torch import save

    tensors = {n: t.detach().to("cpu").contiguous() for n, t in state.tensors.items()}
    return save(tensors, metadata={"format": FORMAT, "meta": json.dumps(state.meta)})


def save(path: Path, state: EngineState) -> None:
    """Writes a checkpoint durably: temporary file, fsync, rename; a full disk leaves the old file and raises StorageError."""
    import os

    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as f:
            f.write(to_bytes(state))
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError("the checkpoint could not be written", str(error), "Free some space; training goes on, the last checkpoint is intact.") from error


def load(path: Path) -> EngineState:
    """Reads a checkpoint; truncated, damaged or foreign files raise StorageError and are never half used."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as f:
            header = f.metadata() or {}
            if header.get("format") != FORMAT:
                raise StorageError("this file is not a Phasewise checkpoint", f"{path.name} has format {header.get('format')!r}, {FORMAT!r} is expected.")
            tensors = {name: f.get_tensor(name) for name in f.keys()}  # noqa: SIM118 - safe_open is no mapping
            return EngineState(tensors=tensors, meta=json.loads(header["meta"]))
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise StorageError("the checkpoint cannot be read", f"{path.name}: {error}", "Resume from the checkpoint before it, or start the run again.") from error
