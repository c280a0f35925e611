"""One rule for interactivity: both ends are terminals, TERM is not dumb, not CI, nobody said no."""

import os
import sys
from collections.abc import Mapping
from typing import Any


def interactive(*, no_input: bool = False, env: Mapping[str, str] = os.environ, stdin: Any = None, stdout: Any = None) -> bool:
    """Whether a person can answer; everything else runs headless or ends with exit code 2."""
    return not why_not(no_input=no_input, env=env, stdin=stdin, stdout=stdout)


def why_not(*, no_input: bool = False, env: Mapping[str, str] = os.environ, stdin: Any = None, stdout: Any = None) -> str:
    """Why nobody can be asked, in words; empty when somebody can."""
    if no_input:
        return "--no-input was given"
    if env.get("PHASEWISE_NO_INPUT"):
        return "PHASEWISE_NO_INPUT is set"
    if env.get("CI"):
        return "CI is set"
    if env.get("TERM", "") in ("dumb", ""):
        return "TERM is dumb or not set"
    for name, stream in (("stdin", stdin or sys.stdin), ("stdout", stdout or sys.stdout)):
        if stream is None or stream.closed or not stream.isatty():
            return f"{name} is not a terminal"
    return ""
