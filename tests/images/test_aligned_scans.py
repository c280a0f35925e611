"""Aligned scans (I08): different ones are no copies under a rule that takes away what all have in common; re-saved, resized and brightened ones still are."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project  # noqa: E402

from phasewise.kinds.images import copies, reading  # noqa: E402
from phasewise.records.jobs import DataView  # noqa: E402

SIDE = 96


def _scan(rng: np.random.Generator) -> Image.Image:
    """A chest: the same two lungs, heart and ribs, placed and shaded a little differently."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    u, v = (x - rng.normal(0, 0.01)) * (1 + rng.normal(0, 0.015)), (y - rng.normal(0, 0.01)) * (1 + rng.normal(0, 0.015))
    shade = 0.15 + 0.55 * np.exp(-((u / 0.8) ** 4 + (v / 0.95) ** 4)) + 0.22 * np.exp(-((u - 0.08) ** 2 / 0.03 + (v - 0.25) ** 2 / 0.08))
    for side in (-1, 1):
        shade -= (0.38 + rng.normal(0, 0.008)) * np.exp(-((((u - side * 0.38) / 0.28) ** 2 + ((v + 0.05) / (0.55 + rng.normal(0, 0.008))) ** 2) ** 2))
    slow = np.asarray(Image.fromarray(rng.normal(0, 1, (5, 5)).astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return Image.fromarray((np.clip(shade + 0.008 * slow + rng.normal(0, 0.012, shade.shape), 0, 1) * 255).astype(np.uint8))


def _clinic(root: Path, count: int = 130, copied: int = 0) -> Path:
    rng = np.random.default_rng(0)
    for i in range(count):
        picture, place = _scan(rng), root / ("ill" if i % 2 else "well")
        place.mkdir(parents=True, exist_ok=True)
        picture.save(place / f"{i:03}.png")
        if i < copied:
            again = (picture, picture.resize((80, 80), Image.Resampling.BICUBIC), picture.point(lambda v: min(255, int(v * 1.06))))[i % 3]
            again.save(place / f"again{i:03}.jpg", quality=60)
    return root


def _near(data: Path, store: Path) -> tuple[copies.Near, list[str]]:
    found = reading.read(DataView(kind="images", file=str(data), target="label", metric="accuracy"), store=store)
    return copies.near(found.frame, found.fitting), [Path(p).stem for p in found.frame["path"].to_list()]


@pytest.mark.parametrize("copied", [0, 12])
def test_only_what_was_saved_again_is_a_copy(tmp_path, copied):
    made, names = _near(_clinic(tmp_path / "d", copied=copied), tmp_path / "s")
    pairs = {frozenset((names[a], names[b])) for a, b in made.pairs}
    planted = {frozenset((f"{i:03}", f"again{i:03}")) for i in range(copied)}
    assert planted <= pairs and len(pairs - planted) <= 1
    assert made.rest == copies.REST and "in common" in made.note


def test_a_crowd_of_pairs_is_not_kept_and_the_answer_is_the_same(tmp_path, monkeypatch):
    data = _clinic(tmp_path / "d", copied=6)
    whole, _ = _near(data, tmp_path / "s")
    monkeypatch.setattr(copies, "CROWD", 1)
    monkeypatch.setattr(copies, "MANY", 100)
    short, _ = _near(data, tmp_path / "s")
    assert short.first == 0 and whole.first > 1000 and short.pairs.tolist() == whole.pairs.tolist()


def test_one_picture_saved_forty_times_stays_one_cluster(tmp_path):
    """No set of scans, but a true crowd of copies among different pictures: the rule keeps them together."""
    rng = np.random.default_rng(2)
    for i in range(120):
        place = tmp_path / "d" / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)).resize((64, 64), Image.Resampling.BICUBIC).save(place / f"{i:03}.png")
    logo = Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)).resize((64, 64), Image.Resampling.BICUBIC)
    for i in range(40):
        logo.save(tmp_path / "d" / "a" / f"logo{i:02}.jpg", quality=50 + i)
    made, names = _near(tmp_path / "d", tmp_path / "s")
    held = copies.join(len(names), [made.pairs])
    assert len({held[i] for i, n in enumerate(names) if n.startswith("logo")}) == 1


def test_the_split_of_aligned_scans_is_not_blocked(tmp_path):
    jobs = project(tmp_path / "p", _clinic(tmp_path / "d", copied=3))
    found = jobs.split(folds=0)
    assert not [f.id for f in found.findings if f.severity == "block"]
    assert any("alike by nature" in n for n in found.notes)


def test_scans_that_differ_in_little_more_than_their_place_are_no_copies(tmp_path):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    for i in range(160):
        place = tmp_path / "d" / ("ill" if i % 2 else "well")
        place.mkdir(parents=True, exist_ok=True)
        shade = 700 * np.exp(-((x / 0.75) ** 4 + (y / 0.9) ** 4))
        for side in (-1, 1):
            shade -= 260 * np.exp(-((((x - side * 0.38 - rng.normal(0, 0.02)) / 0.24) ** 2 + ((y + 0.05) / 0.5) ** 2) ** 2))
        Image.fromarray(((200 + shade * rng.uniform(0.85, 1.15) + rng.normal(0, 12, shade.shape)) / 5).clip(0, 255).astype(np.uint8)).save(place / f"{i:03}.png")
    made, names = _near(tmp_path / "d", tmp_path / "s")
    assert made.gapless and "no gap" in made.note and len(np.unique(made.pairs)) < 0.1 * len(names)
