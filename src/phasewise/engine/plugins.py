"""A loss of a person's own from a file of Python (A07): run only with that person's consent to its very bytes, used only if its gradient is right."""

import importlib.abc
import importlib.util
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor

from phasewise.records import trust
from phasewise.records.errors import GateError, UsageError

FUNCTION = "loss"


def function_of(options: Mapping[str, Any]) -> Callable[[Tensor, Tensor], Tensor]:
    """The function `loss(outputs, y)` of `loss_options` {file, sha256}.

    Raises `GateError` where the file is not the one the digest names or nobody on this machine agreed to it, `UsageError` where it
    does not run or has no such function. A checkpoint, job or model folder from somebody else can therefore name code, never run it.
    """
    return _loaded(str(options.get("file", "")), str(options.get("sha256", "")))


@cache
def _loaded(file: str, digest: str) -> Callable[[Tensor, Tensor], Tensor]:
    path = Path(file)
    data, found = trust.read(path)
    if found != digest:
        raise GateError(f"{path.name} is not the code this training was set up with", f"Its SHA-256 is {found[:16]}, the training names {digest[:16]}.", "Set it up again with the file as it is now: phasewise run baseline.")
    if not trust.agreed(digest):
        raise GateError(f"nobody on this machine agreed to run {path.name}", f"SHA-256 {digest[:16]}.", f"Read it, then: phasewise trust {path.name}")
    held = _Held(str(path), data)
    spec = importlib.util.spec_from_loader(f"phasewise_loss_{digest[:16]}", held)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    try:
        held.exec_module(module)
    except Exception as error:  # whatever a person's own file raises is reported as its fault
        raise UsageError(f"{path.name} does not run", f"{type(error).__name__}: {error}", "It must define loss(outputs, y) without doing any work when it is imported.") from error
    function = getattr(module, FUNCTION, None)
    if not callable(function):
        raise UsageError(f"{path.name} has no function {FUNCTION!r}", "", "Define loss(outputs, y): raw outputs [n, c] and targets [n] to one number, or one a row.")
    return function


class _Held(importlib.abc.SourceLoader):
    """Runs the very bytes that were checked: the file is not read a second time, and no compiled copy is looked for."""

    def __init__(self, path: str, data: bytes) -> None:
        self._path, self._data = path, data

    def get_filename(self, fullname: str) -> str:
        return self._path

    def get_data(self, path: str) -> bytes:
        return self._data
