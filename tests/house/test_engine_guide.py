"""The guide to the engine as a library runs as it is written."""

import re
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "engine.md"


def test_every_block_of_the_guide_runs_in_order(capsys):
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)
    assert len(blocks) == 7
    names: dict[str, object] = {"__name__": "guide"}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"{GUIDE.name}, block {number}", "exec"), names)  # the repository's own text
    assert len(capsys.readouterr().out.splitlines()) == 4
