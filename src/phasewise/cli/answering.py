"""Answers from flags and files, in layers: a flag wins over the answers file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from phasewise.records.errors import UsageError

PATHS = ("data.file", "data.test_file", "data.split_file", "approach.weights_file", "approach.loss_file", "field.files")


def add_flags(parser: Any) -> None:
    """The flags every answering command has."""
    parser.add_argument("--answers", metavar="FILE", help="answers file (TOML, the form of phasewise.toml)")
    parser.add_argument("--set", dest="sets", metavar="PHASE.FIELD=VALUE", action="append", default=[], help="one answer; can be given many times")
    parser.add_argument("--no-input", action="store_true", help="never ask")


def from_sets(items: Iterable[str], base: Path) -> dict[str, dict[str, Any]]:
    """`goals.metric=roc_auc` ... as phase -> field -> value."""
    from phasewise.workflow.values import parse_text, split_key

    found: dict[str, dict[str, Any]] = {}
    for item in items:
        key, sign, text = item.partition("=")
        if not sign:
            raise UsageError(f"cannot read --set {item}", "It has no '='.", "Write for example --set goals.metric=roc_auc")
        phase, field = split_key(key.strip())
        found.setdefault(phase, {})[field] = parse_text(phase, field, text)
    return rooted(found, base)


def from_file(name: str) -> dict[str, dict[str, Any]]:
    """An answers file; errors name file, line, key and the nearest valid name. Relative paths in it start at the file."""
    from phasewise.project.settings import parse

    path = Path(name).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the answers file {path.name}", f"{getattr(error, 'strerror', None) or error}: {path}", "Name an existing UTF-8 file.") from None
    return rooted(parse(text, str(path)), path.absolute().parent)


def rooted(values: dict[str, dict[str, Any]], base: Path) -> dict[str, dict[str, Any]]:
    """Relative paths made absolute against the place they were written."""
    for key in PATHS:
        phase, field = key.split(".")
        value = values.get(phase, {}).get(field)
        if isinstance(value, str):
            values[phase][field] = absolute(value, base)
        elif isinstance(value, list):
            values[phase][field] = [absolute(v, base) for v in value]
    return values


def absolute(name: str, base: Path) -> str:
    """One path, absolute, without touching the disk."""
    path = Path(name).expanduser()
    return str(path if path.is_absolute() else base / path)


def apply(session: Any, *, file: str | None, sets: Iterable[str], more: dict[str, dict[str, Any]] | None = None) -> None:
    """Put answers of file and flags into a session; paths inside the project are stored relative to it."""
    if file:
        session.answers.update(inside(session, from_file(file)), source="file")
    flags = from_sets(sets, Path.cwd())
    for phase, part in (more or {}).items():
        flags.setdefault(phase, {}).update(part)
    if flags:
        session.answers.update(inside(session, flags), source="flag")


def inside(session: Any, values: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Paths under the project folder relative to it, so that a copied project keeps working."""
    root = session.folder.absolute()

    def short(name: str) -> str:
        path = Path(name)
        return path.relative_to(root).as_posix() if path.is_absolute() and path.is_relative_to(root) else name

    for key in PATHS:
        phase, field = key.split(".")
        value = values.get(phase, {}).get(field)
        if isinstance(value, str):
            values[phase][field] = short(value)
        elif isinstance(value, list):
            values[phase][field] = [short(v) for v in value]
    return values
