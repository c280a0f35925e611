"""Networks with weights from elsewhere: read safely, matched strictly, head replaced, body frozen by stages (N01, T18).

Only architectures written here are known; a checkpoint is data (tensors by name), never code.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from phasewise.kinds.images.networks.mobilenet import MobileNetV1Quarter
from phasewise.records.errors import BadInputError, UsageError

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
MAX_BYTES = 2 * 1024**3
ARCHITECTURES: dict[str, Any] = {"mobilenet_v1_025": MobileNetV1Quarter}
STAGES: dict[str, tuple[str, ...]] = {"mobilenet_v1_025": ("stage1", "stage2", "stage3")}


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a safetensors file or a weights-only torch checkpoint; anything else is refused."""
    if not path.is_file():
        raise BadInputError("no weights file", f"{path.name} does not exist.", "Give the path of a .safetensors or torch checkpoint on this machine; nothing is downloaded.")
    if path.stat().st_size > MAX_BYTES:
        raise BadInputError("weights file too large", f"{path.name} is over 2 GiB.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            found: Any = load_file(str(path))
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)  # noqa: S614
    except Exception as problem:
        raise BadInputError("cannot read the weights file", f"{path.name}: {type(problem).__name__}.", "Expected safetensors or a checkpoint that loads with weights_only; it is never unpickled.") from problem
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
            break
    tensors = {str(n).removeprefix("module."): t for n, t in found.items() if isinstance(t, Tensor)} if isinstance(found, dict) else {}
    if not tensors:
        raise BadInputError("no weights in the file", f"{path.name} holds no tensors by name.", "Save a state dict.")
    return {n: t.contiguous() for n, t in tensors.items() if t.layout == torch.strided}


def recognise(weights: dict[str, Tensor]) -> str:
    """The known architecture whose names and shapes match (the head may differ)."""
    for name, make in ARCHITECTURES.items():
        want = {n: t.shape for n, t in make().state_dict().items() if not n.startswith("fc.")}
        if all(n in weights and weights[n].shape == shape for n, shape in want.items()):
            return name
    raise UsageError("the weights fit no known network", f"First names: {', '.join(list(weights)[:3])}.", f"Known: {', '.join(ARCHITECTURES)}.")


def body(spec: Any, outputs: int, dropout: float) -> nn.Module:
    """The architecture of the weights with a fresh head of `outputs` units.

    `spec.options`: `weights` (path); `arch` (its name, found from the weights when missing); `scratch` leaves the weights out: the
    from-scratch control, and a saved model, whose own state follows.
    """
    options = spec.options
    if options.get("scratch") and options.get("arch"):
        return architecture(str(options["arch"]))(outputs, dropout)
    weights = read_weights(Path(str(options.get("weights") or "")))
    model = architecture(recognise(weights))(outputs, dropout)
    if not options.get("scratch"):
        model.load_state_dict({n: t for n, t in weights.items() if not n.startswith("fc.") and n in model.state_dict()}, strict=False)
    return model


def architecture(name: str) -> Any:
    """The class of a known architecture."""
    if name not in ARCHITECTURES:
        raise UsageError(f"unknown pretrained network {name!r}", "", f"Known: {', '.join(ARCHITECTURES)}.")
    return ARCHITECTURES[name]


def name_of(model: nn.Module) -> str:
    """The name of a known architecture's module."""
    return next(n for n, c in ARCHITECTURES.items() if isinstance(model, c))


def backbone(path: Path) -> nn.Module:
    """The network of a weights file with its own head left out (one output, unused)."""
    weights = read_weights(path)
    model = architecture(recognise(weights))(1)
    model.load_state_dict({n: t for n, t in weights.items() if not n.startswith("fc.") and n in model.state_dict()}, strict=False)
    return model


def frozen_parts(model: nn.Module, unfrozen: int) -> tuple[str, ...]:
    """Names of the stages that stay frozen when the last `unfrozen` stages train (0 = head only)."""
    stages = next((STAGES[n] for n, c in ARCHITECTURES.items() if isinstance(model, c)), ())
    return stages[: len(stages) - unfrozen] if unfrozen else stages
