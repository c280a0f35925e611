"""`phasewise templates`: answers files to start from, shipped in the package."""

import argparse
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phasewise.cli.parser import json_option
from phasewise.cli.talk import out, out_json, table
from phasewise.records.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent / "templates"


@dataclass(frozen=True, kw_only=True)
class Template:
    """A folder with `template.toml` (title, what for, sample), `answers.toml` and `README.md`."""

    name: str
    title: str
    about: str
    sample: str
    folder: Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    json_option(parser)


def run(args: Any) -> int:
    """Print the list."""
    found = every()
    if args.json:
        out_json([{"name": t.name, "title": t.title, "about": t.about, "sample": t.sample} for t in found])
    else:
        out(table([[t.name, t.about] for t in found], ["template", "for"]))
        out("\nStart one with: phasewise new my-project --template NAME [--data FILE --target COLUMN]")
    return 0


def every() -> list[Template]:
    """All templates by name."""
    out_ = []
    for folder in sorted(p for p in ROOT.iterdir() if (p / "template.toml").is_file()):
        data = tomllib.loads((folder / "template.toml").read_text(encoding="utf-8"))
        out_.append(Template(name=folder.name, title=data["title"], about=data["about"], sample=data["sample"], folder=folder))
    return out_


def find(name: str) -> Template:
    """A template by name; a `UsageError` names the nearest."""
    import difflib

    found = {t.name: t for t in every()}
    if name not in found:
        near = difflib.get_close_matches(name, found, n=1, cutoff=0.4)
        raise UsageError(f"unknown template {name!r}", f"Templates: {', '.join(found)}.", f"Did you mean {near[0]!r}?" if near else "See `phasewise templates`.")
    return found[name]


def instantiate(template: Template, session: Any, *, with_data: bool) -> None:
    """Put the template's README and answers into a new project, and its sample data when no data is named."""
    from phasewise.cli.answering import from_file, inside

    shutil.copyfile(template.folder / "README.md", session.folder / "README.md")
    shutil.copyfile(template.folder / "answers.toml", session.folder / "answers.example.toml")
    values = from_file(str(template.folder / "answers.toml"))
    if with_data:
        from phasewise.cli.samples import write

        file, target = write(template.sample, session.folder / "data")
        values.setdefault("data", {}).update({"file": str(file)} | ({"target": target} if target else {}))
    session.answers.update(inside(session, values), source="file")
