"""Findings on pictures carry small pictures of their examples, and the app draws as many as fit (I01-I18)."""

import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project, shapes  # noqa: E402

from phasewise.tui.pages.findings import pictures  # noqa: E402


def test_findings_show_the_pictures_they_name(tmp_path):
    data = shapes(tmp_path / "d", each=24)
    for i in range(4):
        Image.new("RGB", (24, 24), (i, 0, 0)).save(data / "circle" / f"dark{i}.png")
    (data / "square" / "copy.png").write_bytes((data / "square" / "s003.png").read_bytes())
    jobs = project(tmp_path / "p", data)
    jobs.split(folds=0, test_share=0.1, validation_share=0.2)
    found = {f.id: f for f in jobs.run("checks").findings}
    dark = found["exposure:dark"]
    assert 1 <= len(dark.thumbnails) <= 4 and max(v for cells in dark.thumbnails for row in cells for pair in row for colour in pair for v in colour) < 10
    assert not found["source-card"].thumbnails
    wide, narrow = pictures(dark, 76, False), pictures(dark, 20, True)
    assert len(wide) == len(narrow) == 6 and len(narrow[0].plain) == 12 and len(wide[0].plain) == 14 * len(dark.thumbnails) - 2
