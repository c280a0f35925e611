"""A canonical TOML writer for answers, and where in a TOML text a key stands.

Reading is the standard library's `tomllib`; writing needs only what answers hold: strings, numbers, booleans, lists, tables.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_HEADER = re.compile(r"\s*\[+\s*(.*?)\s*\]+\s*(#.*)?$")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def key(name: str) -> str:
    """A key, bare where TOML allows it."""
    return name if _BARE.match(name) else text(name)


def text(value: str) -> str:
    """A basic string on one line."""
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() or ord(c) > 0x9F else f"\\u{ord(c):04x}") for c in value) + '"'


def value(item: Any) -> str:
    """One value: the same value always gives the same text; tables inside are written inline with sorted keys."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int):
        return str(item)
    if isinstance(item, float):
        return repr(item) if math.isfinite(item) else ("nan" if item != item else "inf" if item > 0 else "-inf")
    if isinstance(item, str):
        return text(item)
    if isinstance(item, Mapping):
        inner = ", ".join(f"{key(str(k))} = {value(item[k])}" for k in sorted(item))
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(item, Sequence):
        return "[" + ", ".join(value(x) for x in item) + "]"
    raise TypeError(f"cannot write {type(item).__name__} as TOML")


def table(name: str, fields: Mapping[str, Any]) -> str:
    """One table in the order given; filled dictionaries become sub-tables with sorted keys after the plain fields."""
    plain = [(k, v) for k, v in fields.items() if not (isinstance(v, Mapping) and v)]
    tables = [(k, v) for k, v in fields.items() if isinstance(v, Mapping) and v]
    parts = []
    if plain or not tables:
        parts.append("\n".join([f"[{name}]", *(f"{key(k)} = {value(v)}" for k, v in plain)]))
    for sub, entries in tables:
        parts.append("\n".join([f"[{name}.{key(sub)}]", *(f"{key(str(k))} = {value(entries[k])}" for k in sorted(entries))]))
    return "\n\n".join(parts)


def line_of(source: str, path: Sequence[str]) -> int:
    """The line (from 1) where the key of a dotted path stands, or the nearest table header, or 0."""
    best = (0, 0)
    here: list[str] = []
    for number, line in enumerate(source.split("\n"), start=1):
        header = _HEADER.match(line)
        if header and "=" not in line.split("]", 1)[0]:
            here = split_key(header[1])
            found = here
        elif "=" in line and not line.lstrip().startswith("#"):
            found = here + split_key(line.split("=", 1)[0])
        else:
            continue
        shared = _shared(found, path)
        if shared == len(path):
            return number
        if shared == len(found) and shared > best[0]:
            best = (shared, number)
    return best[1]


def split_key(dotted: str) -> list[str]:
    """The parts of a dotted key, quotes taken off."""
    parts = re.findall(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([A-Za-z0-9_-]+)", dotted)
    return [re.sub(r"\\(.)", r"\1", a) or b or c for a, b, c in parts]


def _shared(found: Sequence[str], path: Sequence[str]) -> int:
    count = 0
    for a, b in zip(found, path, strict=False):
        if a != b:
            break
        count += 1
    return count
