"""A picture network as the engine sees it: uint8 pixels in, logits out; augmentation and normalisation are part of it.

Augmentation happens on the device, in training mode only, with a draw per sample; the fit loop gives each member its
own random state, so runs repeat bit for bit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from phasewise.kinds.images.augment import mix, policy


class PictureModel(nn.Module):
    """`{"image": uint8 (n, C, H, W)}` -> float logits (n, outputs).

    `mean` and `std` are per channel in [0, 1] (train statistics, or those of the pretrained weights, D07);
    `augment` is a policy of `augment.policy`; `chance` optionally maps a class to its probability (D14, through `inputs["chance"]`).
    """

    def __init__(self, body: nn.Module, mean: Sequence[float], std: Sequence[float], augment: Mapping[str, Any] | None = None, *, frozen: Sequence[str] = ()) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("mean", torch.tensor(list(mean), dtype=torch.float32)[None, :, None, None])
        self.register_buffer("std", torch.tensor(list(std), dtype=torch.float32)[None, :, None, None])
        self.augment = dict(augment or {})
        self.frozen = tuple(frozen)
        self.mixed: mix.Mixed | None = None
        if hasattr(body, "layer_groups"):  # the body's own groups of learning rates, for `engine.groups`
            self.layer_groups = body.layer_groups
        for name in self.frozen:
            self._part(name).requires_grad_(False)

    def _part(self, name: str) -> Any:
        """A module of the body, or a parameter that a module holds itself."""
        owner, _, leaf = name.rpartition(".")
        return getattr(self.body.get_submodule(owner), leaf)

    def freeze_statistics(self) -> None:
        """Frozen parts stay in evaluation mode, so their batch-norm statistics do not move (T18)."""
        for name in self.frozen:
            if isinstance(part := self._part(name), nn.Module):
                part.eval()

    def pixels(self, image: Tensor) -> Tensor:
        """uint8 to normalised float, without augmentation."""
        return (image.float() / 255 - self.mean) / self.std

    def changed(self, image: Tensor, chance: Tensor | None = None) -> Tensor:
        """uint8 to augmented floats in [0, 1], for training, previews and TTA; draws from torch's generator of now."""
        return policy.augment(image.float() / 255, self.augment, None, chance)

    def through(self, x: Tensor) -> Tensor:
        """Normalised floats to logits; channels last, because convolutions on a CPU then take a fifth to a half less time (measured)."""
        x = x.contiguous(memory_format=torch.channels_last)
        if x.shape[1] == 1:  # with one channel both layouts are the same bytes: the strides have to say which is meant
            x = x.reshape(len(x), *x.shape[2:], 1).permute(0, 3, 1, 2)
        return self.body(x)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        image = inputs["image"]
        self.mixed = None
        if not self.training or not self.augment:
            return self.through(self.pixels(image))
        out = self.changed(image, inputs.get("chance"))
        if self.augment.get("mixup") or self.augment.get("cutmix"):
            blend = mix.mixup if self.augment.get("mixup") else mix.cutmix
            self.mixed = blend(out, None, float(self.augment.get("mixup") or self.augment.get("cutmix")))
            out = self.mixed.images
        return self.through((out - self.mean) / self.std)

    def training_loss(self, out: Tensor, y: Tensor, loss) -> Tensor:  # noqa: ANN001
        """The loss of the last batch: mixed batches are scored against both labels by their shares (R12)."""
        if self.mixed is None:
            return loss(out, y)
        share = self.mixed.share
        partner = y[self.mixed.partner]
        losses = share * loss.rows(out, y) + (1 - share) * loss.rows(out, partner)
        weights = getattr(loss, "class_weights", None)
        if weights is None:
            return losses.mean()
        by_class = weights.to(out.device)
        weight = share * by_class[y.long()] + (1 - share) * by_class[partner.long()]
        return (losses * weight).sum() / weight.sum()
