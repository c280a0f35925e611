"""Class names as a person can name them: hostile ones are shown, and answered, in their safe form."""

from collections.abc import Mapping, Sequence

from phasewise.records.errors import UsageError
from phasewise.records.text import safe_text

SHOWN = 60
"""Characters of a class label that are shown and offered as an answer."""


def class_named(wish: str, levels: Sequence[str]) -> str:
    """The level that is called `wish`: by its exact text, else as it is shown when just one is shown like that.

    Raises `UsageError` naming the classes when there is none.
    """
    if wish in levels:
        return wish
    alike = [level for level in levels if safe_text(level, SHOWN) == wish]
    if len(alike) != 1:
        names = " and ".join(repr(safe_text(v, 40)) for v in levels)
        raise UsageError(f"no class {safe_text(wish, 40)!r}", f"The classes are {names}.", "Name one of them as the positive class.")
    return alike[0]


def renamed(relabel: Mapping[str, str], classes: Sequence[str]) -> bool:
    """Whether corrections make other classes: a class renamed, or a row given a class there was not; dropping rows never does."""
    return any(not k.isdigit() or (v != "" and v not in classes) for k, v in relabel.items())
