"""How a row of a table looks in a list: `column value` pairs, safe for a terminal."""

from phasewise.kinds.tabular.development import Development
from phasewise.records.text import safe_text


def row(dev: Development, position: int, limit: int = 12) -> list[str]:
    """The inputs of a development row as text, in column order; the row number in the file comes first (counted from 1)."""
    cells = dev.table.row(position, named=True)
    shown = [f"row {int(dev.rows[position]) + 1}"]
    for name in dev.features[:limit]:
        value = cells.get(name)
        text = "missing" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
        shown.append(f"{safe_text(name, 40)} {safe_text(text, 60)}")
    if len(dev.features) > limit:
        shown.append(f"and {len(dev.features) - limit} more")
    return shown
