"""Reading one answer from text or from a file: coercion, choices, nearest names."""

import difflib
import tomllib
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from phasewise.records.answers import ANSWERS
from phasewise.records.errors import UsageError
from phasewise.records.text import safe_text


def fields(phase: str) -> dict[str, Any]:
    """Field name -> pydantic field of a phase, in the order they are asked; an unknown phase names the nearest."""
    if phase not in ANSWERS:
        raise UsageError(f"unknown phase {safe_text(phase)!r}", f"Phases: {', '.join(ANSWERS)}.", _near(phase, list(ANSWERS)))
    return ANSWERS[phase].model_fields


def split_key(key: str) -> tuple[str, str]:
    """`"goals.metric"` as phase and field; unknown names raise a `UsageError` with the nearest valid one."""
    phase, dot, field = key.partition(".")
    if not dot:
        every = [f"{p}.{f}" for p, m in ANSWERS.items() for f in m.model_fields]
        raise UsageError(f"unknown answer {safe_text(key)!r}", "An answer is named PHASE.FIELD.", _near(key, every, by_field=True))
    if field not in fields(phase):
        names = [f"{phase}.{f}" for f in fields(phase)]
        raise UsageError(f"unknown answer {safe_text(key)!r}", f"The phase {phase!r} asks no such question.", _near(key, names))
    return phase, field


def _near(name: str, names: list[str], *, by_field: bool = False) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if not close and by_field:
        tails = {n.partition(".")[2]: n for n in names}
        close = [tails[t] for t in difflib.get_close_matches(name, list(tails), n=1, cutoff=0.6)]
    return f"Did you mean {close[0]!r}?" if close else f"Valid: {', '.join(names[:12])}{' ...' if len(names) > 12 else ''}."


@cache
def plain_type(phase: str, field: str) -> Any:
    """The annotation of a field without `| None`."""
    annotation = fields(phase)[field].annotation
    if get_origin(annotation) is not None and type(None) in get_args(annotation):
        rest = [a for a in get_args(annotation) if a is not type(None)]
        return rest[0] if len(rest) == 1 else annotation
    return annotation


def default(phase: str, field: str) -> Any:
    """The default of a field (a fresh copy)."""
    value = fields(phase)[field].default
    return value.copy() if isinstance(value, dict | list) else value


def coerce(phase: str, field: str, value: Any) -> Any:
    """A value in the field's own type; a `UsageError` names the key, what was given and what is allowed."""
    split_key(f"{phase}.{field}")
    if value is None:
        return None
    try:
        model = ANSWERS[phase].model_validate({field: value})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"{phase}.{field} cannot be {safe_text(value, 60)!r}",
            safe_text(first["msg"].removeprefix("Value error, "), 300) + ".",
            _allowed(phase, field),
        ) from None
    return getattr(model, field)


def _allowed(phase: str, field: str) -> str:
    kind = plain_type(phase, field)
    literals = [str(a) for a in get_args(kind) if isinstance(a, str)]
    if literals:
        return f"Allowed: {', '.join(literals)}."
    words = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
    return f"Give {words.get(getattr(kind, '__name__', ''), 'a value of the right form')}."


def parse_text(phase: str, field: str, text: str) -> Any:
    """A value typed on a command line: `0.01`, `true`, `a,b`, `{a = "x"}`, `none`; coerced to the field's type."""
    split_key(f"{phase}.{field}")
    kind = plain_type(phase, field)
    origin = get_origin(kind) or kind
    raw = text.strip()
    if raw.lower() in ("none", ""):
        return None
    if origin is list and not raw.startswith("["):
        return coerce(phase, field, [part.strip() for part in raw.split(",") if part.strip()])
    if origin in (list, dict):
        return coerce(phase, field, _toml_value(phase, field, raw))
    return coerce(phase, field, raw)


def _toml_value(phase: str, field: str, raw: str) -> Any:
    if not raw.startswith(("[", "{")):
        raw = "{" + ", ".join(f"{p.partition('=')[0].strip()!r} = {p.partition('=')[2].strip()!r}" for p in raw.split(",")) + "}"
    try:
        return tomllib.loads(f"x = {raw}")["x"]
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"cannot read {phase}.{field}={safe_text(raw, 60)}", safe_text(error, 120), 'Write for example \'{ age = "number" }\' or "age=number,town=category".') from None
