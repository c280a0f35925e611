"""`phasewise.toml`: the answers a person can read, edit and keep in git. Same answers, same bytes.

Reading names file, line, key and the nearest valid name; a file of a newer version opens read-only.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from phasewise.project import atomic, toml
from phasewise.records.errors import StorageError, UsageError
from phasewise.records.text import safe_text

SCHEMA = 1
FILE = "phasewise.toml"
SIZE_LIMIT = 4 << 20
_TOP = ("schema", "name")
_HEADER = """\
# The answers of this Phasewise project. You may edit this file by hand while Phasewise is closed.
# An answer that is not here is taken as recommended. Comments are not kept when Phasewise saves.
"""
_AT_LINE = re.compile(r"at line (\d+)")

Answers = dict[str, dict[str, Any]]
"""Phase -> field -> value; only what was answered."""


class Settings:
    """The answers file of one project."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = Path(path)
        self.read_only = read_only

    def load(self) -> Answers:
        """The answers as a checked dictionary.

        Raises `UsageError` naming file, line, key and nearest valid name for what is not understood.
        """
        return parse(self._text(), self.path.name)

    def save(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        """Writes the answers in one step; equal answers give equal bytes, an unchanged file is not touched.

        Raises `UsageError` for an answer that does not fit its question, `StorageError` when it cannot be written.
        """
        if self.read_only:
            raise StorageError(f"{self.path.name} is read-only", "This project is open for reading only.", "Close the other writer, then open the project again.")
        data = render(answers, name=self.name).encode()
        if not self.path.exists() or atomic.read(self.path, limit=SIZE_LIMIT) != data:
            atomic.replace(self.path, data)

    def create(self, name: str) -> None:
        """The file of a new project: its name and no answers."""
        atomic.replace(self.path, render({}, name=name).encode())

    @property
    def name(self) -> str:
        """The project's name, or the folder's when the file names none."""
        found = self._top("name")
        return found if isinstance(found, str) and found.strip() else self.path.parent.name

    @property
    def schema(self) -> int:
        """The version the file was written by; 1 when it does not say or cannot be read."""
        found = self._top("schema")
        return found if isinstance(found, int) else SCHEMA

    def _top(self, name: str) -> Any:
        try:
            return tomllib.loads(self._text()).get(name)
        except (UsageError, tomllib.TOMLDecodeError, RecursionError):
            return None

    def _text(self) -> str:
        if not self.path.exists() and not self.path.is_symlink():
            return ""
        try:
            return atomic.read(self.path, limit=SIZE_LIMIT).decode("utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(f"{self.path.name} is not UTF-8 text", f"Byte {error.start} cannot be read.", "Save the file as UTF-8.", where=self.path.name) from error


def render(answers: Mapping[str, Mapping[str, Any]], *, name: str = "") -> str:
    """The canonical text: phases and fields in their declared order, unanswered ones left out.

    Raises `UsageError` for an answer that does not fit its question.
    """
    from phasewise.records.phases import PHASES

    checked = _checked({p: dict(f) for p, f in answers.items()}, "the answers", "")
    head = _HEADER + f"schema = {SCHEMA}\n" + (f"name = {toml.text(name)}\n" if name else "")
    tables = [toml.table(phase, checked[phase]) for phase in PHASES if checked.get(phase)]
    return "\n\n".join([head.rstrip("\n"), *tables]) + "\n"


def parse(source: str, file: str) -> Answers:
    """Answers from TOML text; `file` is how messages name it.

    Raises `UsageError` naming file, line, key and nearest valid name. A newer file's unknown keys are left out instead.
    """
    try:
        raw = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        line = int(found[1]) if found else source.count("\n") + 1
        raise _wrong(file, line, "", f"This is not valid TOML: {safe_text(str(error))}.", "Correct that line; strings stand in double quotes.") from error
    except RecursionError as error:
        raise _wrong(file, 0, "", "It is nested too deeply.", "Write the answers as plain tables.") from error
    schema = raw.pop("schema", SCHEMA)
    name = raw.pop("name", "")
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise _wrong(file, toml.line_of(source, ["schema"]), "schema", "It must be a whole number.", f"Write: schema = {SCHEMA}")
    if not isinstance(name, str):
        raise _wrong(file, toml.line_of(source, ["name"]), "name", "It must be text in double quotes.", 'Write for example: name = "titanic"')
    return _checked(raw, file, source, tolerant=schema > SCHEMA)


def _checked(raw: dict[str, Any], file: str, source: str, *, tolerant: bool = False) -> Answers:
    """Every phase through its answer model; `tolerant` drops what this version does not know."""
    from phasewise.records.answers import ANSWERS
    from phasewise.records.phases import PHASES

    for phase in raw:
        if phase not in ANSWERS and not tolerant:
            raise _unknown(file, toml.line_of(source, [phase]), phase, (*PHASES, *_TOP))
    checked: Answers = {}
    for phase in PHASES:
        fields = raw.get(phase)
        if fields is None:
            continue
        if not isinstance(fields, dict):
            raise _wrong(file, toml.line_of(source, [phase]), phase, "It must be a table.", f"Write [{phase}] on a line of its own.")
        found = _checked_phase(phase, fields, file, source, tolerant=tolerant)
        if found:
            checked[phase] = found
    return checked


def _checked_phase(phase: str, fields: dict[str, Any], file: str, source: str, *, tolerant: bool) -> dict[str, Any]:
    from pydantic import ValidationError

    from phasewise.records.answers import ANSWERS

    model = ANSWERS[phase]
    fields = dict(fields)
    for field in [f for f in fields if f not in model.model_fields]:
        if not tolerant:
            raise _unknown(file, toml.line_of(source, [phase, field]), f"{phase}.{field}", [f"{phase}.{f}" for f in model.model_fields])
        del fields[field]
    try:
        valid = model.model_validate(fields, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        path = [phase, *(str(p) for p in first["loc"])]
        line = toml.line_of(source, path) or toml.line_of(source, path[:2])
        raise _wrong(file, line, ".".join(path), f"{safe_text(first['msg'])}; it is {safe_text(repr(first.get('input')), 80)}.", "Correct the value or remove the line to take the recommendation.") from error
    dumped = valid.model_dump(mode="python", exclude_unset=True)
    return {f: dumped[f] for f in model.model_fields if f in dumped and dumped[f] is not None}


def _unknown(file: str, line: int, name: str, valid: Any) -> UsageError:
    near = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.5)
    remedy = f"Did you mean {near[0]!r}?" if near else f"Valid names: {', '.join(valid)}."
    return _wrong(file, line, name, "No question has this name.", remedy)


def _wrong(file: str, line: int, name: str, cause: str, remedy: str) -> UsageError:
    where = f"{file}, line {line}" if line else file
    what = f": {safe_text(name)}" if name else ""
    return UsageError(f"cannot use {where}{what}", cause, remedy, where=where)
