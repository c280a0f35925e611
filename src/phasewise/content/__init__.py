"""Texts for people: questions, verdicts, advice, glossary. Data files in this folder, read once and cached."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person reads about one question; `source` names the requirement row or paper."""

    question: str
    hint: str = ""
    why: str = ""
    source: str = ""
    labels: dict[str, str] | None = None
    """Choice value -> the words shown for it, where the bare value would not do."""


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One stop of the scripted tour; `do` is `express` (through a phase) or `network`."""

    phase: str
    caption: str
    seconds: float
    view: int | None = None
    do: str = ""
    through: str = ""


def tour() -> list[Stop]:
    """The stops of `phasewise demo --tour` in order."""
    return [Stop(**stop) for stop in _toml("tour")["stop"]]


@cache
def _toml(name: str) -> dict[str, Any]:
    path = _HERE / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def question(key: str, kind: str = "") -> Question:
    """The texts of a question, `"goals.metric"`, in the words of a kind of data where it has its own (`[images.field.files]`); a field without texts falls back to its own name."""
    phase, _, name = key.partition(".")
    texts = _toml("questions")
    data = texts.get(phase, {}).get(name)
    if data is None:
        return Question(question=name.replace("_", " ").capitalize() + "?")
    return Question(**{**data, **texts.get(kind, {}).get(phase, {}).get(name, {})})


_ROW = r"(?:(?:check:)?\b[A-Z]\d{2}[a-z]?|\b00\d)\b"
_ROWS = re.compile(rf"{_ROW}(?:[ ,;]+{_ROW})*")
_ASIDE = re.compile(rf" \({_ROW}(?:[ ,;]+{_ROW})*\)")


@cache
def cited(source: str, *, rules: bool = True) -> str:
    """What a source names that a person can look up: ids of this program's rules become the papers and functions they rest on (`sources.toml`), or nothing.

    With `rules` False ids are left out: those of checks are other rules under the same letters.
    """
    known = _toml("sources") if rules else {}
    based = [known[i] for found in _ROWS.findall(source) for i in re.findall(_ROW, found) if i in known]
    rest = [part.strip(" ,;") for part in _ROWS.split(source)]
    return "; ".join(dict.fromkeys(p for part in [*based, *rest] for p in part.split("; ") if p))


def plainly(text: str) -> str:
    """A sentence without the ids of this program's rules in brackets: `... that can work (A10).` says no more to a person."""
    return _ASIDE.sub("", text)


@cache
def text(key: str, kind: str = "") -> str:
    """A longer text: `"why/goals.metric"`, `"verdicts/confirmed"`, `"checks/<id>"`, `"glossary"`, in the words of a kind of data where it has its own (`[images.healthy]`); empty when there is none."""
    path = (_HERE / f"{key}.md").resolve()
    if path.is_relative_to(_HERE) and path.is_file():
        return path.read_text(encoding="utf-8").strip()
    area, _, name = key.partition("/")
    held = _toml(area)
    found = held.get(kind, {}).get(name) or held.get(name, "")
    if isinstance(found, dict):
        found = found.get("text", "")
    return str(found).strip()


def fill(key: str, **values: object) -> str:
    """A text with its `{placeholders}` filled in."""
    return text(key).format(**values)
