"""A checkpoint as data: tensors by name, read without ever unpickling code; what is wrong with it is said with a remedy (N01)."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from phasewise.records.errors import BadInputError
from phasewise.records.text import safe_text

MAX_BYTES = 2 * 1024**3
INSIDE = ("state_dict", "model", "model_state_dict", "net", "weights")
"""Where training programs put the state dict of a checkpoint."""
WRAPPERS = ("module.", "model.", "backbone.", "encoder.", "_orig_mod.")
"""What wrappers put before every name."""
ONLY_WEIGHTS = "Where you trust it, load it yourself and save torch.save(model.state_dict(), FILE), or safetensors."


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name, floats as float32, from a safetensors file or a weights-only torch checkpoint; anything else is a `BadInputError`."""
    name = safe_text(path.name, 80)
    if not path.is_file():
        raise BadInputError("no weights file", f"{name} {'is a folder' if path.is_dir() else 'does not exist'}.", "Give the path of a .safetensors or torch checkpoint on this machine; nothing is downloaded.")
    if path.stat().st_size > MAX_BYTES:
        raise BadInputError("weights file too large", f"{name} is over 2 GiB.", "Give the weights alone, without the optimiser's state.")
    found = _held(path, name)
    for key in INSIDE:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
            break
    tensors = {str(n): t for n, t in found.items() if isinstance(t, Tensor) and t.layout == torch.strided} if isinstance(found, dict) else {}
    if not tensors:
        raise BadInputError("no weights in the file", f"{name} holds no tensors by name.", "Save a state dict: " + ONLY_WEIGHTS)
    tensors = {n: (t.float() if t.is_floating_point() else t).contiguous() for n, t in _unwrapped(tensors).items()}
    broken = next((n for n, t in tensors.items() if t.is_floating_point() and not torch.isfinite(t).all()), None)
    if broken is not None:
        raise BadInputError("the weights are not all numbers", f"{name}: {safe_text(broken, 80)} holds infinite or missing values.", "The training that wrote it failed, or half precision ran over; take another checkpoint.")
    return tensors


def _held(path: Path, name: str) -> Any:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(str(path))
        return torch.load(path, map_location="cpu", weights_only=True)  # noqa: S614
    except Exception as problem:
        if type(problem).__name__ == "UnpicklingError" and any(word in str(problem) for word in ("Unsupported", "WeightsUnpickler", "weights_only")):
            raise BadInputError("cannot read the weights file: it holds a program, not only weights", f"{name} is a pickled model or other Python objects; such a file could run anything and is never unpickled.", ONLY_WEIGHTS) from problem
        raise _unreadable(name, problem) from problem


def _unreadable(name: str, problem: Exception) -> BadInputError:
    return BadInputError("cannot read the weights file", f"{name} is cut off, damaged, or no checkpoint ({type(problem).__name__}).", "Copy it again and compare its size or SHA-256 with the source's; expected safetensors, or a checkpoint that loads with weights_only.")


def _unwrapped(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names without what wrappers put before all of them."""
    while True:
        prefix = next((w for w in WRAPPERS if all(n.startswith(w) for n in tensors)), None)
        if prefix is None:
            return tensors
        tensors = {n.removeprefix(prefix): t for n, t in tensors.items()}
