"""The user's own settings: theme, markers, motion, keys; a TOML file, environment variables win."""

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from phasewise.records.errors import UsageError

THEME_NAMES = ("default", "dark", "light", "ansi", "colour-blind", "high-contrast", "mono")
MARKER_NAMES = ("auto", "braille", "block", "ascii")
_KNOWN = {"theme": str, "markers": str, "motion": bool, "keys": dict}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the app was told or detected; `detected` says why, for `doctor`."""

    theme: str = "default"
    markers: str = "braille"
    ascii: bool = False
    """Only ASCII glyphs: the locale is not UTF-8 or the user asked for it."""
    motion: bool = True
    keys: dict[str, str] = field(default_factory=dict)
    """Binding id -> keys, comma separated."""
    file: Path | None = None
    remote: bool = False
    detected: dict[str, str] = field(default_factory=dict)


def config_file(env: dict[str, str] | None = None) -> Path:
    """Where the user's settings lie (`$XDG_CONFIG_HOME/phasewise/config.toml`)."""
    env = dict(os.environ) if env is None else env
    home = env.get("XDG_CONFIG_HOME") or str(Path(env.get("HOME", "~")).expanduser() / ".config")
    return Path(home) / "phasewise" / "config.toml"


def load(env: dict[str, str] | None = None, file: Path | None = None) -> Settings:
    """Settings from file and environment; an unknown key or value is a `UsageError` naming file, line and nearest name."""
    env = dict(os.environ) if env is None else env
    path = file or config_file(env)
    told = _read(path) if path.is_file() else {}
    found = _detect(env)
    theme = env.get("PHASEWISE_THEME") or told.get("theme") or ("mono" if env.get("NO_COLOR") else "default")
    markers = env.get("PHASEWISE_MARKERS") or told.get("markers") or "auto"
    _keys(told.get("keys", {}), path)
    _one_of(theme, THEME_NAMES, "theme", path)
    _one_of(markers, MARKER_NAMES, "markers", path)
    plain = markers == "ascii" or (markers == "auto" and found["charset"] == "ascii")
    if markers == "auto":
        markers = {"ascii": "ascii", "console": "block"}.get(found["charset"], "braille")
    motion = bool(told.get("motion", True)) and env.get("TEXTUAL_ANIMATIONS", "") != "none" and not env.get("NO_MOTION")
    return Settings(
        theme=theme, markers=markers, ascii=plain, motion=motion, keys=dict(told.get("keys", {})),
        file=path if told else None, remote=bool(env.get("SSH_CONNECTION") or env.get("SSH_TTY")), detected=found,
    )


def _detect(env: dict[str, str]) -> dict[str, str]:
    locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
    term = env.get("TERM", "")
    utf8 = "utf-8" in locale.lower() or "utf8" in locale.lower()
    charset = "console" if term == "linux" and utf8 else "utf-8" if utf8 else "ascii"
    colours = "none" if env.get("NO_COLOR") else "16M" if env.get("COLORTERM") in ("truecolor", "24bit") else "256" if "256" in term else "16"
    return {"locale": locale or "(none)", "term": term or "(none)", "charset": charset, "colours": colours}


def _read(path: Path) -> dict:
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise UsageError(f"cannot read the settings in {path}", str(e), "Correct the line named, or move the file away.") from None
    for key, value in data.items():
        if key not in _KNOWN:
            near = _nearest(key, _KNOWN)
            raise UsageError(f"unknown setting {key!r} in {path}", f"line {_line_of(text, key)}", near or f"Known: {', '.join(_KNOWN)}.")
        if not isinstance(value, _KNOWN[key]):
            kind = {"str": "a text", "bool": "true or false", "dict": "a table"}[_KNOWN[key].__name__]
            raise UsageError(f"setting {key!r} in {path} must be {kind}", f"line {_line_of(text, key)}", "Correct the value.")
    return data


def _keys(mapped: dict, path: Path) -> None:
    from phasewise.tui import keys

    wrong = keys.check(mapped)
    if wrong:
        text = path.read_text(encoding="utf-8", errors="replace")
        name = next((n for n in mapped if repr(n) in wrong[0]), "")
        raise UsageError(f"{wrong[0]} in {path}", f"line {_line_of(text, name)}" if name else "in the table [keys]", "`phasewise keys` lists the ids and their keys.")


def _line_of(text: str, key: str) -> int:
    return next((i for i, row in enumerate(text.splitlines(), 1) if row.strip(" [\"'").startswith(key)), 1)


def _nearest(name: str, known: object) -> str:
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1)  # type: ignore[call-overload]
    return f"Did you mean {near[0]!r}?" if near else ""


def _one_of(value: str, known: tuple[str, ...], what: str, path: Path) -> None:
    if value not in known:
        raise UsageError(f"unknown {what} {value!r}", f"Set in {path} or in the environment.", _nearest(value, known) or f"Known: {', '.join(known)}.")
