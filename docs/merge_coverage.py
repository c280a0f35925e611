"""Joins the rooms' lines in docs/coverage.d/ into docs/coverage.md: `python docs/merge_coverage.py`."""

from pathlib import Path

HERE = Path(__file__).parent
HEAD = """# Coverage

One line per requirement row or check that is built: id, where it lives, what proves it, null results and limits.
A row without evidence is not built. Written by `python docs/merge_coverage.py` from `docs/coverage.d/`.
"""


def main() -> None:
    """One table per room, rows as the room wrote them."""
    parts = [HEAD]
    for path in sorted(p for p in (HERE / "coverage.d").glob("*.md") if not p.stem.startswith(("bad_input", "twins"))):  # those have columns of their own
        rows = [line for line in path.read_text().splitlines() if line.startswith("|") and not line.startswith(("| id ", "|---", "| ---"))]
        if rows:
            parts.append(f"\n## {path.stem.replace('_', ' ')}\n\n| id | where | evidence | notes |\n|---|---|---|---|\n" + "\n".join(rows) + "\n")
    others = sorted(p.name for p in (HERE / "coverage.d").glob("*.md") if p.stem.startswith(("bad_input", "twins")))
    parts.append("\n## Tables of their own\n\n" + "".join(f"- [{name}](coverage.d/{name})\n" for name in others))
    (HERE / "coverage.md").write_text("".join(parts))


if __name__ == "__main__":
    main()
