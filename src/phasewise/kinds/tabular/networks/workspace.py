"""Buffers a hand-written step keeps from step to step: on a CPU the first touch of a fresh page costs more than the arithmetic done in it."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Workspace:
    """Named buffers that grow to the largest shape asked for and are then kept."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, torch.dtype], Tensor] = {}
        self._views: dict[tuple[str, tuple[int, ...], torch.dtype], Tensor] = {}

    def get(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """A buffer of a shape with whatever it held last, of the dtype of `like`, on the CPU."""
        key = (name, shape, like.dtype)
        view = self._views.get(key)
        return self._made(*key) if view is None else view

    def _made(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        count, held = math.prod(shape), self._held.get((name, dtype))
        if held is None or held.numel() < count:
            self._views = {k: v for k, v in self._views.items() if k[0] != name}
            with torch.inference_mode(False):
                held = self._held[name, dtype] = torch.empty(count, dtype=dtype)
        view = self._views[name, shape, dtype] = held[:count].view(shape)
        return view


class Pool:
    """Workspaces at rest: a forward pass takes one, the backward pass (or the end of an evaluation) gives it back."""

    def __init__(self) -> None:
        self._rest: list[Workspace] = []

    def __deepcopy__(self, memo: dict[int, Any]) -> "Pool":
        return Pool()

    def take(self) -> Workspace:
        """One nobody else uses."""
        return self._rest.pop() if self._rest else Workspace()

    def give(self, space: Workspace) -> None:
        """Its buffers may be written over from now on."""
        self._rest.append(space)


def taken_back(ctx: Any) -> Workspace:
    """The workspace that a forward pass left in `ctx.space` for its backward pass, which has it once."""
    space, ctx.space = ctx.space, None
    if space is None:
        raise RuntimeError("the backward pass of these layers was done already, and its buffers are in use elsewhere")
    return space


def nobody_looks(x: Tensor, like: Tensor, modules: Iterable[nn.Module]) -> bool:
    """Whether modules may be computed by hand: on the CPU, no hooks, no tracer, no transform, no autocast, no empty batch."""
    if x.device.type != "cpu" or x.dtype != like.dtype or not x.shape[0] or torch.is_autocast_enabled("cpu"):
        return False
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or type(x) is not Tensor or torch._C._functorch.maybe_current_level() is not None:
        return False
    return not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in modules)
