"""The commands that repeat, by hand, what a face did."""

import shlex
from typing import Any

from phasewise.records.answers import ANSWERS
from phasewise.records.base import canonical_json


def headless(session: Any) -> str:
    """One `phasewise run` with every decided answer as a flag."""
    parts = ["phasewise", "run", "--through", session.state().phase, "--yes"]
    for phase in ANSWERS:
        for name in ANSWERS[phase].model_fields:
            if session.answers.source(phase, name) in ("typed", "flag", "file"):
                parts += ["--set", f"{phase}.{name}={spell(session.answers.value(phase, name))}"]
    return shlex.join(parts)


def spell(value: Any) -> str:
    """A value as `--set` reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        inner = ", ".join(f"{canonical_json(k).decode()} = {canonical_json(v).decode()}" for k, v in value.items())
        return "{" + inner + "}"
    if isinstance(value, list):
        return canonical_json(value).decode()
    return str(value)
