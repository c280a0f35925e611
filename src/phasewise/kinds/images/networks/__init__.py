"""Picture networks by family: `build(spec, info)` gives an untrained (or locally pretrained) module; worker side only."""

from typing import Any

from torch import nn

from phasewise.engine.dense.module import DenseNet
from phasewise.kinds.images.networks import pretrained
from phasewise.kinds.images.networks.conv2 import Conv2
from phasewise.kinds.images.networks.model import PictureModel
from phasewise.kinds.images.networks.resnet import cifar_resnet, resnet18
from phasewise.kinds.images.shrink.removal import reshaped
from phasewise.records.errors import UsageError

FAMILIES = ("features", "conv2", "resnet20", "resnet32", "resnet56", "resnet18", "pretrained")


def _body(spec: Any, channels: int, outputs: int, side: int) -> nn.Module:
    dropout = spec.dropout[-1] if spec.dropout else 0.0
    stride = 2 if side > 64 else 1
    width = int(spec.options.get("width", 0))
    match spec.family:
        case "conv2":
            return Conv2(channels, outputs, width or 16, dropout, spec.batch_norm, stride=int(spec.options.get("stride", 1)))
        case "resnet20" | "resnet32" | "resnet56":
            return cifar_resnet(int(spec.family[6:]), channels, outputs, first_stride=stride, dropout=dropout, width=width or 16)
        case "resnet18":
            return resnet18(channels, outputs, first_stride=stride, dropout=dropout, width=width or 64)
    raise UsageError(f"unknown network family {spec.family!r}", "Pictures have no such network.", f"Valid: {', '.join(FAMILIES)}.")


def build(spec: Any, info: Any) -> nn.Module:
    """A `PictureModel` for `info.image` (C, H, W) and `info.outputs`; `info.stats` holds `mean` and `std` per channel."""
    if spec.family == "features" or info.image is None:
        if spec.family != "features" or info.image is not None:
            raise UsageError(f"the family {spec.family!r} does not fit this preparation", "`features` works on frozen features (prepare.features), the others on pixels.", "Set both together.")
        return DenseNet(spec.model_copy(update={"family": "mlp" if spec.hidden else "linear"}), info)
    channels, height, _ = info.image
    if spec.family == "pretrained":
        if channels != 3:
            raise UsageError("pretrained networks look at colour pictures", f"These have {channels} channel.", "Set prepare.channels=3: grey becomes three equal channels.")
        body = pretrained.body(spec, info.outputs, spec.dropout[-1] if spec.dropout else 0.0)
        if body.fixed and height != body.side:
            raise UsageError(f"this network looks at pictures of {body.side} px only", f"These are fitted to {height} px.", f"--set approach.image_size={body.side}")
        mean, std = body.mean, body.std
    else:
        body = _body(spec, channels, info.outputs, height)
        mean, std = info.stats["mean"].tolist(), info.stats["std"].tolist()
    frozen = pretrained.frozen_parts(body, int(spec.options.get("unfrozen", 0))) if spec.family == "pretrained" else ()
    model = PictureModel(body, mean, std, spec.options.get("augment"), frozen=frozen)
    return reshaped(model, spec.options["shape"]) if spec.options.get("shape") else model
