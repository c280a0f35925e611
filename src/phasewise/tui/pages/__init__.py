"""Pages, one per phase; each names its views, built on first visit."""

from importlib import import_module
from typing import Any


def page_class(phase: str) -> Any:
    """The page class of a phase, imported when it is first visited."""
    return import_module(f"phasewise.tui.pages.{phase}").PAGE
