"""Folders as people have them: archives' system folders, lists with rows that come twice, pages, long pictures, given parts with copies, grey pictures."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from pictures import SHAPES, project, shapes  # noqa: E402

from phasewise.kinds.images import files, profiling  # noqa: E402
from phasewise.kinds.images.recipe_ideas import unfit  # noqa: E402
from phasewise.records.jobs import DataView  # noqa: E402


def test_system_folders_of_an_archive_are_no_classes(tmp_path):
    shapes(tmp_path / "My Pictures", each=4)
    (tmp_path / "__MACOSX" / "My Pictures").mkdir(parents=True)
    (tmp_path / "__MACOSX" / "My Pictures" / "._c000.png").write_bytes(b"junk")
    (tmp_path / "__MACOSX" / "left.png").write_bytes(b"junk")
    found = files.scan(tmp_path)
    assert found.classes == sorted(SHAPES) and len(found.items) == 12 and ("__MACOSX", "hidden or system folder") in found.cruft


def test_a_row_that_comes_twice_in_a_list_is_one_picture(tmp_path):
    shapes(tmp_path, each=3)
    rows = [f"{k}/{k[0]}{i:03d}.png,{k}" for k in SHAPES for i in range(3)]
    (tmp_path / "list.csv").write_text("path,label\n" + "\n".join([*rows, rows[0], rows[1].replace(",circle", ",square")]) + "\n")
    found = files.scan(tmp_path / "list.csv")
    assert len(found.items) == 10 and [why for _, why in found.cruft] == ["row 11: listed before"]  # another class for the same file is a contradiction, not a repetition


def _profile(root: Path):
    return profiling.profile(DataView(kind="images", file=str(root)))


def test_long_pictures_of_one_shape_are_pressed_and_mixed_ones_cropped(tmp_path):
    rng = np.random.default_rng(0)
    for root, sizes in (("long", [(120, 30)]), ("mixed", [(120, 80), (80, 120)]), ("square", [(60, 60)])):
        for i in range(8):
            path = tmp_path / root / "ab"[i % 2] / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (5, 5, 3), dtype=np.uint8)).resize(sizes[i % len(sizes)]).save(path)
    long = _profile(tmp_path / "long")
    assert long.reading["resize"] == "squash" and any("4.0 times as wide as high" in n for n in long.notes)
    assert _profile(tmp_path / "mixed").reading["resize"] == _profile(tmp_path / "square").reading["resize"] == "crop"


def test_pages_are_not_overexposed_and_a_blank_one_is(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(40):
        page = np.full((60, 60), 240, np.uint8)
        page[rng.integers(5, 55), 5:55] = 120
        if i == 7:
            page[:] = 250
        path = tmp_path / "d" / "ab"[i % 2] / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((page + rng.integers(0, 3, page.shape)).astype(np.uint8)).save(path)
    jobs = project(tmp_path / "p", tmp_path / "d")
    jobs.split(folds=0, test_share=0.2, validation_share=0.2, seed=1)
    light = [f for f in jobs.run("checks").findings if f.id == "exposure:light"]
    assert [f.examples for f in light] in ([], [["b/07.png"]])  # the blank page, or nothing where it is sealed


def test_copies_between_given_parts_leave_what_is_learned_from(tmp_path):
    rng = np.random.default_rng(0)
    for part, each in (("train", 20), ("val", 8), ("test", 8)):
        for kind in SHAPES:
            (tmp_path / "d" / part / kind).mkdir(parents=True)
            for i in range(each):
                Image.fromarray(rng.integers(0, 255, (7, 7, 3), dtype=np.uint8)).resize((48, 48), Image.Resampling.BICUBIC).save(tmp_path / "d" / part / kind / f"{kind[0]}{i:03d}.png")
    for part, wanted in (("val", 3), ("test", 2)):
        for i in range(wanted):
            (tmp_path / "d" / "train" / "circle" / f"{part}{i}.png").write_bytes((tmp_path / "d" / part / "circle" / f"c{i:03d}.png").read_bytes())
    found = project(tmp_path / "p", tmp_path / "d").split(policy="file")
    assert {name: part.rows for name, part in found.parts.items()} == {"train": 60, "validation": 24, "test": 24, "dropped": 5}
    told = next(f for f in found.findings if f.check == "copies-across-parts")
    assert told.severity == "warn" and told.rows == 5 and "left out of training" in told.seen


def test_grey_pictures_are_offered_no_colours():
    assert "colour" in unfit({}, [], side=28, rarest=1.0, controlled=False, channels=1)
    assert "colour" not in unfit({}, [], side=28, rarest=1.0, controlled=False, channels=3)


def test_places_that_hold_the_classes_are_told_and_the_inner_folders_can_be_the_classes(tmp_path):
    for place in ("Berlin", "Oslo", "Rome"):
        shapes(tmp_path / "d" / place, each=6, seed=len(place))
    found = _profile(tmp_path / "d")
    assert [b.label for b in found.classes] == ["Berlin", "Oslo", "Rome"] and any("data.target=folder" in n for n in found.notes)
    jobs = project(tmp_path / "p", tmp_path / "d")
    jobs.split(folds=0)
    assert "class-folders:crossed" in {f.id for f in jobs.run("checks").findings}
    inner = project(tmp_path / "inner", tmp_path / "d")
    inner.data = inner.data.model_copy(update={"target": "folder"})
    assert sorted(inner.split(folds=0).parts["train"].classes) == sorted(SHAPES)
    assert "class-folders:crossed" not in {f.id for f in inner.run("checks").findings}
    assert files.crossed([("cat", "2019"), ("cat", "2020"), ("dog", "2019"), ("dog", "2020")]) == []
