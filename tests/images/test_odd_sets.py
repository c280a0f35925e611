"""Odd picture sets: a class of one picture asks a person, previews name their files, slices are named in few digits, lists with paths of all kinds."""

import csv
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project, shape, shapes  # noqa: E402

from phasewise.kinds.images import files, profiling  # noqa: E402
from phasewise.records.jobs import DataView  # noqa: E402
from phasewise.worker.inspecting import slices  # noqa: E402


def test_a_class_of_one_picture_blocks_and_nothing_is_recommended(tmp_path):
    data = shapes(tmp_path / "d", each=20)
    (data / "lonely").mkdir()
    shape("circle", np.random.default_rng(4)).save(data / "lonely" / "one.png")
    jobs = project(tmp_path / "p", data)
    jobs.split(folds=0, test_share=0.2, validation_share=0.2)
    found = {f.id: f for f in jobs.run("checks", phase="data").findings}
    alone = found["class-folders:alone"]
    assert alone.severity == "block" and alone.recommended() is None and "'lonely'" in alone.seen
    assert [r.action for r in alone.remedies] == ["merge-rare", "note", "accept"]
    assert set(alone.remedies[0].args["map"]) > {"lonely"}


def test_the_preview_names_the_file_of_every_picture(tmp_path):
    data = shapes(tmp_path / "d", each=12)
    found = profiling.profile(DataView(kind="images", file=str(data), target="label"), lambda *_, **__: None)
    assert all(len(row) == len(found.columns) + 1 and (data / row[-1]).is_file() and row[-1].startswith(row[0]) for row in found.preview)


def test_slices_are_named_in_as_few_digits_as_keep_them_apart():
    rng = np.random.default_rng(0)
    for values, names in (
        (np.r_[np.full(50, 14381787252.0), np.full(50, 14381787253.0)], ["n = 14381787252", "n = 14381787253"]),
        (rng.permutation(np.linspace(0, 255.3, 400)), ["n <= 51.1", "51.1 < n <= 102", "102 < n <= 153", "153 < n <= 204", "n > 204"]),
        (100 + rng.permutation(np.linspace(0, 1e-3, 400)), ["n <= 100.0002", "100.0002 < n <= 100.0004", "100.0004 < n <= 100.0006", "100.0006 < n <= 100.0008", "n > 100.0008"]),
    ):
        cuts = slices.column_cuts("n", values)
        assert [c.name for c in cuts] == names and sum(c.mask.sum() for c in cuts) == len(values)


def test_modes_and_containers_of_all_kinds_in_nested_folders_are_read_and_loops_are_not_followed(tmp_path):
    root, rng = tmp_path / "d", np.random.default_rng(3)
    for kind in ("circle", "cross"):
        deep = root / kind / "site" / "raw"
        deep.mkdir(parents=True)
        shape(kind, rng).convert("CMYK").save(deep / "a.JPG")
        shape(kind, rng).save(deep / "b.GIF", save_all=True, append_images=[shape(kind, rng)])
        shape(kind, rng).save(deep / "c.TiFf", save_all=True, append_images=[shape(kind, rng)])
        shape(kind, rng).save(deep / "d.WebP")
        (deep / "e.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(300))
    (root / "labels.csv").write_text("id,note\n1,stray\n")
    os.symlink(root, root / "loop")
    os.symlink(root / "cross", root / "circle" / "again")
    listing = files.scan(root)
    assert listing.classes == ["circle", "cross"] and len(listing.items) == 8
    assert {Path(p).name: why for p, why in listing.cruft}.keys() == {"labels.csv", "e.HEIC", "loop", "again"}
    found = profiling.profile(DataView(kind="images", file=str(root), target="label"), lambda *_, **__: None)
    assert found.rows == 8 and len(found.preview) == 8


def test_lists_with_absolute_turning_and_foreign_paths(tmp_path):
    pictures = shapes(tmp_path / "list" / "pics", each=4)
    rows = []
    for j, path in enumerate(sorted(pictures.rglob("*.png"))):
        rows.append(([str(path.resolve()), f"pics/{path.parent.name}/../{path.parent.name}/{path.name}", f"pics\\{path.parent.name}\\{path.name}"][j % 3], path.parent.name))
    Image.new("RGB", (20, 20)).save(tmp_path / "outside.png")
    rows += [("../outside.png", "circle"), ("pics/none.png", "cross"), ("", "cross")]
    with (tmp_path / "list" / "list.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([("Image Path", "Klasse"), *rows])
    listing = files.scan(tmp_path / "list" / "list.csv")
    assert len(listing.items) == 12 and sorted(i.label for i in listing.items) == sorted(["circle", "cross", "square"] * 4)
    assert len(listing.cruft) == 3 and any("outside" in why for _, why in listing.cruft)
