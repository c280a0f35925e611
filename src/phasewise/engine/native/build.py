"""Compiles `step.c` and `networks.c` with the machine's own C compiler, once a machine, and finds the matrix product they call.

Nothing is asked of a machine: without a compiler, a BLAS that torch shows, or a place to keep the result, other plans run instead and
`library` says why. The result lies in the user's cache under a name made from the sources, the flags, the compiler and the processor.
"""

import ctypes
import fcntl
import functools
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from phasewise.records import cache

UNITS = ("step.c", "networks.c")
SOURCES = (*UNITS, "layers.h", "loss.h", "update.h", "realmlp.h", "tabm.h", "periodic.h", "bins.h", "single.h", "adam.h", "entropy.h", "activations.h", "maths.h", "blas.h")
LAYERS = tuple(f"{name}_{way}" for name in ("realmlp", "tabm", "periodic", "bins") for way in ("forward", "backward")) + ("scale", "single_loss", "single_update")
"""Functions of `networks.c`; each takes a struct."""
FLAGS = ("-O3", "-march=native", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared")
COMPILERS = ("cc", "gcc", "clang")
SWITCH = "PHASEWISE_COMPILER"
"""The compiler to use, or `off`."""
PATIENCE = 120
HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Library:
    """The compiled functions and the address of torch's `sgemm`."""

    run: "ctypes._CFuncPtr"
    outputs: "ctypes._CFuncPtr"
    layers: "Mapping[str, ctypes._CFuncPtr]"
    gemm: int
    alone: "ctypes._CFuncPtr | None"
    """`alone(1)` holds the products of the calling thread to one core, where this BLAS can do that (MKL)."""


@functools.cache
def library() -> "Library | str":
    """The compiled steps, or in a sentence why there are none."""
    try:
        blas = ctypes.CDLL(str(_torch_library()))
        gemm = ctypes.cast(blas.sgemm_, ctypes.c_void_p).value
    except (OSError, AttributeError):
        return "torch shows no matrix product (sgemm) to compiled code here"
    compiler = _compiler(os.environ)
    if compiler is None:
        return f"{SWITCH} is off" if os.environ.get(SWITCH) == "off" else "no C compiler was found"
    try:
        loaded = ctypes.CDLL(str(compiled(compiler, cache.folder())))
    except (OSError, subprocess.SubprocessError) as error:
        return f"the step could not be compiled ({_reason(error)})"
    layers = {name: loaded[f"phasewise_{name}"] for name in LAYERS}
    for function in (loaded.phasewise_run, loaded.phasewise_outputs, *layers.values()):
        function.restype = None
    return Library(run=loaded.phasewise_run, outputs=loaded.phasewise_outputs, layers=layers, gemm=gemm or 0, alone=getattr(blas, "MKL_Set_Num_Threads_Local", None))


def compiled(compiler: str, place: Path) -> Path:
    """The library's file, compiled now unless it lies there. Raises OSError or SubprocessError where that fails."""
    file = place / _name(compiler)
    if file.exists() and _ours(file):
        return file
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(place / "lock", "w") as lock, tempfile.TemporaryDirectory(dir=place) as apart:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be at it: its result will do
        if not (file.exists() and _ours(file)):
            made = Path(apart) / file.name
            subprocess.run([compiler, *FLAGS, *(str(HERE / unit) for unit in UNITS), "-o", str(made), "-lm"], check=True, capture_output=True, timeout=PATIENCE)
            made.chmod(0o700)
            made.replace(file)
    return file


def waiting(env: Mapping[str, str]) -> bool:
    """Whether a first use would compile: worth doing before somebody waits for it."""
    compiler = _compiler(env)
    try:
        return compiler is not None and not (cache.folder(env) / _name(compiler)).exists()
    except OSError:
        return False


def _name(compiler: str) -> str:
    state = os.stat(compiler)
    parts = [compiler, str(state.st_size), str(state.st_mtime_ns), *FLAGS, *_processor(), *((HERE / name).read_text() for name in SOURCES)]
    return f"step-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:24]}.so"


def _ours(file: Path) -> bool:
    """Nobody else can have written it: code is loaded from there."""
    state = file.stat()
    return state.st_uid == os.getuid() and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and stat.S_ISREG(state.st_mode)


def _compiler(env: Mapping[str, str]) -> str | None:
    if os.name != "posix" or env.get(SWITCH) == "off":
        return None
    names = (env[SWITCH],) if env.get(SWITCH) else COMPILERS
    return next((found for name in names if (found := shutil.which(name))), None)


def _processor() -> list[str]:
    """What `-march=native` depends on: a home may be shared between machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return [platform.machine(), platform.processor(), *sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))})]


def _torch_library() -> Path:
    found = sorted((Path(torch.__file__).parent / "lib").glob("libtorch_cpu.*"))
    if not found:
        raise OSError("libtorch_cpu")
    return found[0]


def _reason(error: Exception) -> str:
    said = getattr(error, "stderr", b"") or b""
    lines = said.decode(errors="replace").strip().splitlines() if isinstance(said, bytes) else []
    return (lines[0] if lines else str(error))[:160]
