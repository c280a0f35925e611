"""`phasewise doctor`: what this machine and terminal can do; imports neither torch nor Textual."""

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from phasewise.cli.parser import json_option
from phasewise.cli.talk import out, out_json
from phasewise.kinds.shared import memory

PACKAGES = ("torch", "numpy", "scikit-learn", "polars", "pydantic", "textual", "plotext", "safetensors", "skops", "jinja2", "pillow", "tensorboard", "onnx", "onnxruntime", "lightgbm", "timm", "torchvision")

COMPILERS = (os.environ.get("PHASEWISE_COMPILER") or "cc", "gcc", "clang")
"""As engine.native.build looks for them; torch would have to be imported to ask there."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    json_option(parser)


def run(args: Any) -> int:
    """Print what was found; 1 when something needed is missing."""
    found = gather()
    if args.json:
        out_json(found)
    else:
        for area, values in found.items():
            out(f"{area}:")
            out("\n".join(f"  {k}: {v}" for k, v in values.items()))
    return 1 if any(v == "missing" for k, v in found["packages"].items() if k in PACKAGES[:10]) else 0


def gather() -> dict[str, dict[str, Any]]:
    """All findings by area."""
    return {"phasewise": _self(), "terminal": _terminal(), "machine": _machine(), "packages": _packages(), "folders": _folders()}


def _self() -> dict[str, Any]:
    import phasewise

    return {"version": phasewise.__version__, "python": sys.version.split()[0], "network": "never used, unless you ask for pretrained weights"}


def _terminal() -> dict[str, Any]:
    from phasewise.cli.interactive import why_not

    env = os.environ
    size = shutil.get_terminal_size((0, 0))
    colours = "none (NO_COLOR)" if env.get("NO_COLOR") else "16 million" if env.get("COLORTERM") in ("truecolor", "24bit") else "256" if "256" in env.get("TERM", "") else "16"
    inside = [name for name, key in (("tmux", "TMUX"), ("screen", "STY"), ("zellij", "ZELLIJ"), ("ssh", "SSH_CONNECTION")) if env.get(key)]
    copies = [c for c in ("wl-copy", "xclip", "xsel", "pbcopy", "clip.exe") if shutil.which(c)]
    return {
        "size": f"{size.columns}x{size.lines}" + ("" if size.columns >= 60 and size.lines >= 18 else " (the app needs 60x18)"),
        "TERM": env.get("TERM", "not set"), "colours": colours, "locale": env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or "C",
        "inside": ", ".join(inside) or "nothing", "clipboard": ", ".join(["OSC 52", *copies]),
        "interactive": why_not() or "yes",
    }


def _machine() -> dict[str, Any]:
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    free = memory.available()
    gpu = "found" if Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") else "none seen"
    compiler = "off (PHASEWISE_COMPILER)" if os.environ.get("PHASEWISE_COMPILER") == "off" else next(filter(None, map(shutil.which, COMPILERS)), "none found: small networks train slower")
    return {"cores": cores, "C compiler": compiler, "memory": "unknown" if free is None else f"{free / 2**30:.1f} GiB available", "disk": f"{shutil.disk_usage(Path.cwd()).free / 2**30:.1f} GiB free here", "nvidia driver": gpu}


def _packages() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing" if name in PACKAGES[:10] else "not installed (optional)"
    return found


def _folders() -> dict[str, Any]:
    from phasewise.cli.where import paths

    return {name: f"{path}{'' if os.access(path if path.exists() else path.parent if path.parent.exists() else Path.home(), os.W_OK) else ' (cannot be written)'}" for name, path in paths().items()}
