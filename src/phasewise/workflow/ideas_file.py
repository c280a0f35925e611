"""`ideas.toml`: the backlog as a file a person can read, keep in git and add to; the journal stays the truth."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from phasewise.records.errors import UsageError
from phasewise.records.ideas import Idea
from phasewise.records.text import safe_text

FILE = "ideas.toml"
_HEAD = "# The idea backlog. Ideas you add here with a new id are taken up the next time the project is opened.\n"


def render(ideas: Iterable[Idea]) -> str:
    """All ideas as TOML, the same ideas always as the same text; empty values are left out."""
    from phasewise.project import toml

    parts = [_HEAD]
    for idea in ideas:
        data = _clean(idea.model_dump(mode="json"))
        parts.append("[[idea]]\n" + "\n".join(f"{toml.key(k)} = {toml.value(v)}" for k, v in data.items()) + "\n")
    return "\n".join(parts)


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _clean(v) for k, v in value.items() if v not in (None, "", {}, []) and _clean(v) != {}}
    return value


def read(path: Path) -> list[Idea]:
    """The ideas of a file; a `UsageError` names the file and the idea that cannot be read."""
    from pydantic import ValidationError

    if not path.is_file():
        return []
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("idea", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"cannot read {path.name}", safe_text(error), "Correct the line named, or move the file away: the journal holds every idea.") from None
    out = []
    for number, entry in enumerate(entries, 1):
        try:
            out.append(Idea.model_validate(entry))
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(f"cannot read idea {number} of {path.name}", f"{'.'.join(map(str, first['loc']))}: {first['msg']}.", "Correct it, or take it out.") from None
    return out
