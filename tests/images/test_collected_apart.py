"""Classes that were collected apart: the day in EXIF, the number in the name, having tags; slices by them, and no drift alarm (I13, V04)."""

import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project, shape  # noqa: E402

from phasewise.kinds.images import decode, development, pixels  # noqa: E402
from phasewise.project.folder import Project  # noqa: E402
from phasewise.stats.predictions import Predictions  # noqa: E402
from phasewise.worker.inspecting import columns_of, slices  # noqa: E402


def _made(root, *, apart):
    """Two classes of shapes with camera days and numbers: one class after the other, or both all the time."""
    rng = np.random.default_rng(0)
    for c, kind in enumerate(("circle", "square")):
        (root / kind).mkdir(parents=True)
        for i in range(60):
            number = 1000 * c + i if apart else 2 * i + c
            exif = Image.Exif()
            exif[0x0132] = (date(2021, 3, 1) + timedelta(days=int(rng.integers(0, 300)) + 365 * c * apart)).strftime("%Y:%m:%d 10:00:00")
            shape(kind, rng).save(root / kind / f"IMG_{number:05d}.jpg", exif=exif)
    return root


@pytest.mark.parametrize("apart", [True, False])
def test_classes_collected_apart_are_told_and_others_are_not(tmp_path, apart):
    jobs = project(tmp_path / "p", _made(tmp_path / "d", apart=apart))
    jobs.split(folds=0)
    found = {f.id: f for f in jobs.run("checks").findings if f.check == "collected-apart"}
    assert set(found) == ({"collected-apart:taken", "collected-apart:number"} if apart else set())
    assert all(f.severity == "warn" and f.recommended().action == "accept" for f in found.values())
    with Project.open(jobs.folder, read_only=True) as opened:
        dev = development.load(opened, jobs.data)
    cut = columns_of(dev.table, dev)
    assert set(np.unique(cut["taken"]).tolist()) == ({2021, 2022} if apart else {2021}) and {"number", "folder"} <= set(cut) | {"folder"}
    assert not set(pixels.PROVENANCE) & set(dev.natural.columns)


def test_days_are_read_and_broken_tags_break_nothing(tmp_path):
    good, odd = Image.Exif(), Image.Exif()
    good[0x0132] = "2008:05:30 15:56:01"
    odd[0x0132] = "sometime in May"
    for name, exif in (("good", good), ("odd", odd), ("none", None)):
        Image.new("RGB", (20, 20), "red").save(tmp_path / f"{name}.jpg", **({"exif": exif} if exif else {}))
    facts = {n: decode.decode(tmp_path / f"{n}.jpg", 16, 3)[1] for n in ("good", "odd", "none")}
    assert facts["good"].taken == "2008-05-30" and facts["good"].exif
    assert facts["odd"].taken == "" and facts["odd"].exif and not facts["odd"].error
    assert facts["none"].taken == "" and not facts["none"].exif


def test_errors_on_one_years_pictures_are_found_as_a_slice(tmp_path):
    jobs = project(tmp_path / "p", _made(tmp_path / "d", apart=True))
    jobs.split(folds=0)
    with Project.open(jobs.folder, read_only=True) as opened:
        dev = development.load(opened, jobs.data)
    late = dev.table["taken"].dt.year().to_numpy() == 2022
    y = np.arange(len(dev.y)) % 2
    said = np.where(late & (np.arange(len(y)) % 3 > 0), 1 - y, y)
    proba = np.eye(2)[said] * 0.8 + 0.1
    found = slices.find("accuracy", y, Predictions(task="binary", classes=("circle", "square"), proba=proba), columns_of(dev.table, dev))
    assert found[0].significant and any(word in found[0].name for word in ("taken", "number"))
