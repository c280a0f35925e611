"""Dropout masks from random bytes: p is rounded to 1/256 and the scale 1/(1-p) is exact for the rounded p (anchors 2.2)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from phasewise.engine import streams
from phasewise.engine.member import Member

CPU_STATE = 48
"""Bytes of the state of one member's stream: four words of SFC64 and what is left of the last draw."""


def rounded(p: float) -> tuple[int, float]:
    """Threshold in 0..255 and scale of a dropout probability: a byte below the threshold drops."""
    threshold = min(255, round(p * 256))
    return threshold, 256 / (256 - threshold)


class DropoutSource:
    """Masks per member and layer. CPU: an SFC64 stream per member, so a member's masks do not depend on its neighbours.

    GPU: one counter-based generator for the tile (registered with the CUDA graph): same tile, same masks.
    """

    def __init__(self, members: Sequence[Member], depth: int, device: torch.device) -> None:
        rates = [[rounded(p) for p in (m.config.network.dropout or [0.0] * depth)] for m in members]
        self.device, self.depth, self.rates = device, depth, rates
        self.layers = [i for i in range(depth) if any(r[i][0] for r in rates)]
        self.bits = [np.random.SFC64(streams.sequence(m.seed, "dropout")) for m in members]
        self.generator = torch.Generator(device)
        if device.type == "cuda":
            self.generator.manual_seed(streams.torch_seed(members[0].seed, "dropout"))
        self.threshold = torch.tensor([[r[i][0] for i in range(depth)] for r in rates], dtype=torch.uint8, device=device).view(len(rates), depth)
        self.wide = [self.threshold[:, i].view(-1, 1, 1) for i in range(depth)]
        self.drawing = [n for n, r in enumerate(rates) if any(t for t, _ in r)]
        self._noise = np.zeros((len(rates), 0), dtype=np.uint64)
        self._bytes = torch.from_numpy(self._noise.view(np.uint8))

    def scales(self) -> list[Tensor | None]:
        """Per layer [N, 1, 1], or none where nobody drops."""
        table = [torch.tensor([r[i][1] for r in self.rates], dtype=torch.float64, device=self.device).view(-1, 1, 1) for i in range(self.depth)]
        return [table[i] if i in self.layers else None for i in range(self.depth)]

    def fill(self, masks: Sequence[Tensor], scales: Sequence[Tensor | None]) -> None:
        """New masks, 0 or 1/(1-p), into [N, b, h] per layer; every layer has its place in the bytes, so neighbours' rates change nothing."""
        if not self.layers:
            return
        if self.device.type == "cuda":
            for i in self.layers:
                noise = torch.empty(masks[i].shape, dtype=torch.uint8, device=self.device).random_(0, 256, generator=self.generator)
                torch.mul(noise >= self.threshold[:, i].view(-1, 1, 1), scales[i], out=masks[i])
            return
        sizes = [m.shape[1] * m.shape[2] for m in masks]
        words = -(-sum(sizes) // 8)
        if self._noise.shape[1] != words:
            self._noise = np.zeros((len(self.bits), words), dtype=np.uint64)
            self._bytes = torch.from_numpy(self._noise.view(np.uint8))
        for n in self.drawing:
            self._noise[n] = self.bits[n].random_raw(words)
        at = 0
        for i, size in enumerate(sizes):
            if i in self.layers:
                noise = self._bytes[:, at : at + size].view(masks[i].shape)
                masks[i].copy_(torch.ge(noise, self.wide[i], out=noise)).mul_(scales[i])
            at += size

    def state(self, n: int) -> Tensor:
        """The state of a member's stream, uint8."""
        if self.device.type == "cuda":
            return self.generator.get_state().clone()
        inner = self.bits[n].state
        words = [*inner["state"]["state"].tolist(), int(inner["has_uint32"]), int(inner["uinteger"])]
        return torch.from_numpy(np.array(words, dtype=np.uint64).view(np.uint8).copy())

    def load(self, n: int, state: Tensor) -> None:
        """Puts a state back; one of the other kind of device says nothing here, and the stream goes on from its own beginning."""
        if self.device.type == "cuda":
            if len(state) == len(self.generator.get_state()):
                self.generator.set_state(state.cpu())
            return
        if len(state) != CPU_STATE:
            return
        words = state.cpu().numpy().view(np.uint64)
        self.bits[n].state = {"bit_generator": "SFC64", "state": {"state": words[:4].copy()}, "has_uint32": int(words[4]), "uinteger": int(words[5])}
