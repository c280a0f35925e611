"""`phasewise where`: every path Phasewise uses."""

import argparse
from pathlib import Path
from typing import Any

from phasewise.cli import places
from phasewise.cli.parser import json_option
from phasewise.cli.talk import out, out_json
from phasewise.records import cache


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    json_option(parser)


def paths() -> dict[str, Path]:
    """Name -> path, the project's only when there is one here."""
    found = {"config": places.config_dir() / "config.toml", "demos": places.data_dir(), "state": places.state_dir(), "cache": cache.folder(), "log": places.log_file()}
    project = places.find_project(None)
    if project is not None:
        found |= {"project": project, "answers": project / "phasewise.toml", "journal": project / "journal.jsonl", "runs": project / "runs", "vault": project / "vault", "reports": project / "reports"}
    return found


def run(args: Any) -> int:
    """Print them."""
    found = {name: str(path) for name, path in paths().items()}
    if args.json:
        out_json(found)
    else:
        out("\n".join(f"{name:<8} {path}" for name, path in found.items()))
    return 0
