"""Scans of 12 bits in files of 16 keep their contrast, with one white level for the whole set and for every later picture; a dark set is not thrown away."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project  # noqa: E402

from phasewise.kinds.images import arriving, decode, development, fitting  # noqa: E402
from phasewise.project.folder import Project  # noqa: E402


@pytest.mark.parametrize(("brightest", "white"), [(0, 0), (0.7, 1), (200, 255), (900, 1023), (4095, 4095), (4096, 16383), (40_000, 65_535), (1e6, 65_535)])
def test_the_white_level_is_the_smallest_depth_that_holds_all(brightest, white):
    assert fitting.white_of(brightest) == white


def _scans(root: Path, scale: float = 16.0, count: int = 30) -> Path:
    rng = np.random.default_rng(0)
    for i in range(2 * count):
        place = root / ("ill" if i % 2 else "well")
        place.mkdir(parents=True, exist_ok=True)
        shade = rng.integers(30, 90, (6, 6)).astype(np.float32)
        if i % 2:
            shade[2:4, 2:4] += 150
        wide = np.asarray(Image.fromarray(shade).resize((40, 40), Image.Resampling.BICUBIC))
        Image.fromarray(np.clip(wide * scale, 0, 255 * scale).astype(np.uint16)).save(place / f"{i:02}.png")
    return root


def test_twelve_bits_are_scaled_alike_in_the_project_and_in_new_pictures(tmp_path):
    jobs = project(tmp_path / "p", _scans(tmp_path / "d"))
    jobs.split(folds=0, test_share=0.2, validation_share=0.2)
    found = {f.id for f in jobs.run("checks", phase="data").findings}
    assert not any(i.startswith("exposure") for i in found)
    with Project.open(jobs.folder, read_only=True) as opened:
        dev = development.load(opened, jobs.data)
        dark = tmp_path / "new"
        dark.mkdir()
        Image.fromarray(np.full((40, 40), 819, np.uint16)).save(dark / "dim.png")
        came = arriving.arrived(opened, jobs.data, dev, dark)
    assert dev.fitting.white == 4095 and np.asarray(dev.pixels()).max() > 200
    assert came.table["brightness"][0] == pytest.approx(255 * 819 / 4095, abs=1)  # by the set's white, not by its own


def test_full_depth_and_single_files_are_read_as_before(tmp_path):
    path = tmp_path / "half.png"
    Image.fromarray(np.full((8, 8), 65_535 // 2, np.uint16)).save(path)
    array, facts = decode.decode(path, 8, 1)
    assert array is not None and array.min() == array.max() == 127 and not facts.error


def test_a_set_that_is_dark_by_nature_is_not_left_out(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(60):
        place = tmp_path / "d" / ("nova" if i % 2 else "star")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 12 + 10 * (i % 2), (32, 32), dtype=np.uint8)).save(place / f"{i:02}.png")
    jobs = project(tmp_path / "p", tmp_path / "d")
    jobs.split(folds=0, test_share=0.2, validation_share=0.2)
    found = {f.id: f for f in jobs.run("checks", phase="data").findings}["exposure:dark"]
    assert found.severity == "warn" and found.recommended().action == "accept" and "look of this set" in found.seen
