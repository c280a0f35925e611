"""The report's own words, kept in `content/report/texts.toml`."""

import tomllib
from functools import cache
from importlib.resources import files


@cache
def _texts() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("phasewise.content") / "report" / "texts.toml").read_text(encoding="utf-8"))


def say(group: str, key: str, **values: object) -> str:
    """A text by group and key with its places filled; KeyError names a missing one."""
    found = _texts()[group][key]
    return found.format(**values) if values else found
