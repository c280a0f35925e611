"""Reading one answer from text or from a file: coercion, choices, nearest names."""

import difflib
import tomllib
from functools import cache
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError

from phasewise.records.answers import ANSWERS, question_meta
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
            f"{phase}.{field} cannot be {safe_text(value, 60)!r}", _cause(first, phase, field), allowed(phase, field),
        ) from None
    return getattr(model, field)


def _cause(error: Any, phase: str, field: str) -> str:
    if error["type"] in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return f"It must be {bounds(phase, field)}."
    return safe_text(error["msg"].removeprefix("Value error, "), 300) + "."


def bounds(phase: str, field: str) -> str:
    """The bounds of a number in words: `above 0 and at most 100`; empty without any."""
    held = {type(m): m for m in fields(phase)[field].metadata}
    low = f"above {held[Gt].gt:g}" if Gt in held else f"at least {held[Ge].ge:g}" if Ge in held else ""
    high = f"below {held[Lt].lt:g}" if Lt in held else f"at most {held[Le].le:,}" if Le in held else ""
    return " and ".join(part for part in (low, high) if part)


def allowed(phase: str, field: str) -> str:
    """What may be given instead of a value that was refused, with an example and, where the project can say it itself, how to let it."""
    kind, info = plain_type(phase, field), fields(phase)[field]
    literals = [str(a) for a in get_args(kind) if isinstance(a, str)]
    if literals:
        return f"Allowed: {', '.join(literals)}."
    words = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text", "list": "values separated by commas"}
    what = f"{words.get(getattr(kind, '__name__', ''), 'a value of the right form')} {bounds(phase, field)}".strip()
    example = question_meta(info).get("example") if info.default is None else info.default
    text = f"Give {what}"
    if kind in (int, float) and example is not None:
        text += f", for example --set {phase}.{field}={example:g}"
    return text + (f"; {phase}.{field}=none takes the recommendation." if info.default is None else ".")


def parse_text(phase: str, field: str, text: str) -> Any:
    """A value typed on a command line: `0.01`, `true`, `a,b`, `{a = "x"}`, `none`; coerced to the field's type."""
    split_key(f"{phase}.{field}")
    kind = plain_type(phase, field)
    origin = get_origin(kind) or kind
    raw = text.strip()
    if raw.lower() in ("none", "") and raw not in choices(kind):
        return None
    if origin is list and not raw.startswith("["):
        return coerce(phase, field, [part.strip() for part in raw.split(",") if part.strip()])
    if origin in (list, dict):
        return coerce(phase, field, _toml_value(phase, field, raw))
    return coerce(phase, field, raw)


def choices(kind: Any) -> tuple[Any, ...]:
    """The values of a choice; nothing for other types."""
    return get_args(kind) if get_origin(kind) is Literal else ()


def _toml_value(phase: str, field: str, raw: str) -> Any:
    if not raw.startswith(("[", "{")):
        raw = "{" + ", ".join(f"{p.partition('=')[0].strip()!r} = {p.partition('=')[2].strip()!r}" for p in raw.split(",")) + "}"
    try:
        return tomllib.loads(f"x = {raw}")["x"]
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"cannot read {phase}.{field}={safe_text(raw, 60)}", safe_text(error, 120), 'Write for example \'{ age = "number" }\' or "age=number,town=category".') from None


IDLE_REMEDIES = ("accept", "note", "review-labels")
"""Remedies that write a decision down and change no row."""


def counting(key: str, value: Any) -> Any:
    """What of an answer results depend on: remedies that change no row are left out, so that accepting a finding makes nothing stale."""
    if key == "data.remedies" and isinstance(value, dict):
        return {k: v for k, v in value.items() if str(v).partition("?")[0] not in IDLE_REMEDIES}
    return value


def change_said(key: str, before: Any, now: Any) -> str:
    """How an answer changed, in words; of a mapping only the entries that differ, of corrected labels only how many."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [k for k in {**before, **now} if before.get(k) != now.get(k)]
        if key == "data.relabel":
            return f"{len(keys):,} label{'s were' if len(keys) != 1 else ' was'} corrected or put back by hand"
        entries = ", ".join(f"{k} is {str(now.get(k, 'open')).partition('?')[0]}" for k in keys[:3])
        return f"{key} changed: {entries}{f' and {len(keys) - 3} more' if len(keys) > 3 else ''}"
    return f"{key} changed from {before!r} to {now!r}"
