"""How N dense networks lie in memory: one tensor per weight with a leading member axis, oriented as the batched products want it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from phasewise.engine.dense.module import DenseNet
from phasewise.engine.optimisers import decays

CLASS_MAJOR_BELOW = 16
"""Fewer outputs than this are kept class-major, [N, C, B]: softmax and thin products are several times faster (anchors 2.2)."""

ALIGNED = 32
"""Pieces begin at multiples of this many numbers: the width of a vector, so that no number's arithmetic depends on where it lies."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One parameter or buffer: its name in the module, its stacked shape without N, and whether it is stored transposed."""

    name: str
    shape: tuple[int, ...]
    transposed: bool = False
    decay: bool = False

    def stacked(self, value: Tensor) -> Tensor:
        """A module's tensor as it lies in the stack."""
        return (value.t() if self.transposed else value).reshape(self.shape)

    def plain(self, value: Tensor, shape: Sequence[int]) -> Tensor:
        """A slice of the stack as the module wants it (a copy)."""
        return (value.t() if self.transposed else value).reshape(tuple(shape)).clone(memory_format=torch.contiguous_format)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """All pieces of an architecture."""

    parameters: tuple[Piece, ...]
    buffers: tuple[Piece, ...]
    class_major: bool
    plain_shapes: dict[str, tuple[int, ...]]


def layout_of(net: DenseNet) -> Layout:
    """The layout of a module's parameters and running statistics."""
    outputs, width = net.head.weight.shape
    major = outputs < CLASS_MAJOR_BELOW
    pieces: list[Piece] = []
    for name, p in net.named_parameters():
        kind, last = name.split(".")[0], name.split(".")[-1]
        if kind == "layers":
            shape = (p.shape[1], p.shape[0]) if last == "weight" else (1, p.shape[0])
            pieces.append(Piece(name=name, shape=shape, transposed=last == "weight", decay=decays(name, p)))
        elif kind == "norms":
            pieces.append(Piece(name=name, shape=(1, p.shape[0])))
        elif kind == "embeddings":
            pieces.append(Piece(name=name, shape=tuple(p.shape), decay=decays(name, p)))
        elif last == "weight":
            pieces.append(Piece(name=name, shape=(outputs, width) if major else (width, outputs), transposed=not major, decay=True))
        else:
            pieces.append(Piece(name=name, shape=(outputs, 1) if major else (1, outputs)))
    buffers = tuple(
        Piece(name=n, shape=(1, b.shape[0])) for n, b in net.named_buffers() if n.endswith(("running_mean", "running_var"))
    )
    shapes = {n: tuple(t.shape) for n, t in net.state_dict().items()}
    return Layout(parameters=tuple(pieces), buffers=buffers, class_major=major, plain_shapes=shapes)


def aligned(count: int) -> int:
    """Places that a member's numbers take on a CPU: whole groups of `ALIGNED`."""
    return -(-count // ALIGNED) * ALIGNED


def apart(memory: Tensor, n: int, count: int, shape: Sequence[int]) -> Tensor:
    """`[n, *shape]` over n members of `aligned(count)` places each.

    CPU kernels take `ALIGNED` numbers at once and what is left at the end one by one, which rounds otherwise (fused multiply-add, other
    approximations). So every member begins a group of its own: which of its numbers are left over then does not depend on its neighbours (C7).
    """
    return memory.view(n, aligned(count))[:, :count].view(n, *shape)


class Store:
    """Stacked tensors of some pieces for N members.

    On a CPU one piece lies behind the other in `memory()`, each contiguous where its size allows (what `bmm(out=)` is fast with);
    on a GPU all are views of one flat [N, P] tensor, so that an optimiser step is a handful of kernels whatever the depth.
    """

    def __init__(self, pieces: Sequence[Piece], n: int, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self.pieces = tuple(pieces)
        self.flat: Tensor | None = None
        self.by_name: dict[str, Tensor] = {}
        if device.type == "cuda":
            sizes = [-(-int(torch.Size(p.shape).numel()) // 32) * 32 for p in pieces]
            self.flat = torch.zeros(n, sum(sizes), device=device, dtype=dtype)
            at = 0
            for p, size in zip(pieces, sizes, strict=True):
                count = int(torch.Size(p.shape).numel())
                self.by_name[p.name] = self.flat[:, at : at + count].view(n, *p.shape) if n else self.flat[:, :0]
                at += size
        else:
            counts = [int(torch.Size(p.shape).numel()) for p in pieces]
            self.whole = torch.zeros(n * sum(aligned(c) for c in counts), device=device, dtype=dtype)
            for p, part, count in zip(pieces, self.whole.split([n * aligned(c) for c in counts]), counts, strict=True):
                self.by_name[p.name] = apart(part, n, count, p.shape)

    def __getitem__(self, name: str) -> Tensor:
        return self.by_name[name]

    def memory(self) -> Tensor:
        """Everything as one vector, for arithmetic that does not ask whose number it is; unused places stay 0."""
        return self.whole if self.flat is None else self.flat.view(-1)

    def tensors(self) -> list[Tensor]:
        """What an elementwise optimiser works on: the flat tensor, or every piece."""
        return [self.flat] if self.flat is not None else list(self.by_name.values())

    def decay_masks(self) -> list[Tensor | bool]:
        """Per tensor of `tensors()`: whether weight decay applies (R03); for a flat one a mask [1, P]."""
        if self.flat is None:
            return [p.decay for p in self.pieces]
        mask = torch.zeros_like(self.flat[:1])
        at = 0
        for p in self.pieces:
            count = int(torch.Size(p.shape).numel())
            mask[:, at : at + count] = float(p.decay)
            at += -(-count // 32) * 32
        return [mask]

    def copy_slot(self, other: "Store", slot: int) -> None:
        """Copies one member from another store of the same pieces."""
        for mine, theirs in zip(self.tensors(), other.tensors(), strict=True):
            mine[slot].copy_(theirs[slot])
