"""Words of findings: why a check matters and why a finding may be fine come from content/checks.toml."""

import math
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from phasewise import content
from phasewise.records.findings import Finding, Remedy, Severity
from phasewise.records.text import safe_text


@cache
def _texts() -> dict[str, dict[str, str]]:
    folder = Path(content.__file__).resolve().parent
    out: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("checks*.toml")):
        out.update(tomllib.loads(path.read_text(encoding="utf-8")))
    return out


def known() -> set[str]:
    """Ids of checks that have words."""
    return set(_texts())


def dressed(finding: Finding, source: str) -> Finding:
    """The finding with why, why_fine and source filled in where the check left them empty."""
    words = _texts().get(finding.check, {})
    update: dict[str, Any] = {}
    if not finding.why:
        update["why"] = words.get("text", "")
    if not finding.why_fine:
        update["why_fine"] = words.get("why_fine", "")
    if not finding.source:
        update["source"] = "; ".join(p for p in (f"check:{source}", words.get("source", "")) if p)
    return finding.model_copy(update=update)


def finding(
    check: str, severity: Severity, title: str, seen: str = "", *, column: str | None = None, columns: list[str] | None = None,
    rows: int | None = None, examples: list[object] | None = None, harm: float = 0.0, numbers: dict[str, Any] | None = None,
    remedies: list[Remedy] | None = None, place: str | None = None,
) -> Finding:
    """A finding whose id is `check`, `check:column` or `check:place`; texts and examples are made safe."""
    where = column if column is not None else place
    return Finding(
        id=check if where is None else f"{check}:{where}",
        check=check, severity=severity, title=safe_text(title, 200), seen=safe_text(seen, 400),
        columns=columns if columns is not None else [column] if column is not None else [],
        rows=rows, examples=[safe_text(e, 80) for e in (examples or [])[:5]], harm=round(float(harm), 4),
        numbers=numbers or {}, remedies=remedies or [],
    )


def q(name: object) -> str:
    """A name in quotation marks, safe and short."""
    return f"'{safe_text(name, 60)}'"


def percent(share: float) -> str:
    """A share as a percentage with sensible digits; what is not all is never called 100 %."""
    value = 100 * share
    if 99 < value < 100:
        return f"{min(value, 99.9999):.{min(4, -math.floor(math.log10(100 - value)))}f} %"
    return f"{value:.0f} %" if value >= 10 else f"{value:.1f} %" if value >= 1 else f"{value:.2g} %"
