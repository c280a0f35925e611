"""Sets whose pictures look alike by nature are not chained into one copy; re-saved copies in them are still found (I08). A fact that tells the class is a warning (I13)."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project, shape  # noqa: E402

from phasewise.kinds.images import copies, files, reading  # noqa: E402
from phasewise.records.jobs import DataView  # noqa: E402


def _strokes(root, count=260, resaved=5):
    """Upright strokes, alike as ones among digits are; some saved a second time."""
    rng = np.random.default_rng(0)
    root.mkdir(parents=True)
    for i in range(count):
        lean, wide, middle, top, foot = rng.normal(0, 0.25), rng.uniform(1.8, 2.8), rng.normal(14, 0.5), rng.integers(2, 6), rng.integers(21, 26)
        rows = np.arange(28)[:, None]
        dark = 255 * np.exp(-(((np.arange(28)[None] - middle - lean * (rows - 14)) / wide) ** 2)) * ((rows > top) & (rows < foot)) + rng.normal(0, 6, (28, 28))
        picture = Image.fromarray(np.clip(dark, 0, 255).astype(np.uint8))
        picture.save(root / f"{i:03}.png")
        if i < resaved:
            picture.save(root / f"again{i:03}.jpg", quality=95)


def test_strokes_are_not_one_picture_and_resaved_ones_are_found(tmp_path):
    _strokes(tmp_path / "d" / "one")
    (tmp_path / "d" / "two").mkdir()
    Image.new("L", (28, 28), 90).save(tmp_path / "d" / "two" / "plain.png")
    found = reading.read(DataView(kind="images", file=str(tmp_path / "d"), target="label", metric="accuracy"), store=tmp_path / "s", listing=files.scan(tmp_path / "d"))
    usual = copies._within(copies._candidates(found.frame, found.fitting), *copies.RULES[0])
    assert np.bincount(copies.join(found.frame.height, [usual])).max() > copies.LARGE
    made = copies.near(found.frame, found.fitting)
    assert made.rest and made.note and made.first >= len(np.unique(usual, axis=0))
    cluster = copies.clusters(found.frame, made)
    assert cluster.largest <= copies.LARGE and cluster.notes == [made.note]
    paths = found.frame["path"].to_list()
    pairs = {frozenset((paths[a], paths[b])) for a, b in made.pairs}
    assert sum(frozenset((f"one/{i:03}.png", f"one/again{i:03}.jpg")) in pairs for i in range(5)) >= 4


def test_photographs_keep_the_usual_rule(tmp_path):
    rng = np.random.default_rng(1)
    for i in range(60):
        place = tmp_path / "d" / "ab"[i % 2] / f"{i}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (5, 5, 3), dtype=np.uint8)).resize((48, 48), Image.Resampling.BICUBIC).save(place)
    found = reading.read(DataView(kind="images", file=str(tmp_path / "d"), target="label", metric="accuracy"), store=tmp_path / "s")
    made = copies.near(found.frame, found.fitting)
    assert (made.bits, made.alike) == copies.RULES[0] and not made.note


@pytest.mark.parametrize("darker", [True, False])
def test_a_brightness_that_tells_the_class_is_a_warning_and_no_column_is_dropped(tmp_path, darker):
    rng = np.random.default_rng(0)
    for kind, shade in (("circle", 1.0), ("square", 0.3 if darker else 1.0)):
        (tmp_path / "d" / kind).mkdir(parents=True)
        for i in range(40):
            shape(kind, rng).point(lambda v, s=shade: int(v * s)).save(tmp_path / "d" / kind / f"{i}.png")
    jobs = project(tmp_path / "p", tmp_path / "d")
    jobs.split(folds=0)
    found = {f.id: f for f in jobs.run("checks").findings}
    assert not any(i.startswith("target-leak") for i in found)
    assert ("fact-tells-class:brightness" in found) == darker
    assert all(f.severity == "warn" and f.recommended().action == "accept" for i, f in found.items() if i.startswith("fact-tells-class"))
