"""Hostile and broken picture folders: the twelve file cases of D02, one class, rare classes, links, names; clear findings, nothing lost."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project, shape, shapes  # noqa: E402

from phasewise.kinds.images import arriving, decode, development, files, profiling  # noqa: E402
from phasewise.project.folder import Project  # noqa: E402
from phasewise.records.errors import BadInputError  # noqa: E402
from phasewise.records.jobs import DataView  # noqa: E402


def _spoil(root: Path) -> dict[str, str]:
    """Twelve broken or odd files in the class `circle`; name -> what they are."""
    place = root / "circle"
    whole = (place / "c000.png").read_bytes()
    picture = shape("circle", np.random.default_rng(5))
    picture.save(place / "whole.jpg")
    jpeg = (place / "whole.jpg").read_bytes()
    (place / "empty.jpg").write_bytes(b"")
    (place / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (place / "half.png").write_bytes(whole[: len(whole) // 2])
    (place / "page.jpg").write_bytes(b"<html><body>404 not found</body></html>")
    (place / "noise.png").write_bytes(bytes(range(256)) * 4)
    (place / "wrong.jpg").write_bytes(whole)
    (place / "noextension").write_bytes(whole)
    (place / "notes.txt").write_text("remember")
    Image.new("RGB", (1, 1)).save(place / "dot.png")
    (place / "copy.png").write_bytes((place / "c001.png").read_bytes())
    Image.open(place / "c002.png").resize((48, 48)).save(place / "larger.jpg", quality=90)
    (place / "tail.png").write_bytes(whole[:8] + b"\0" * 50)
    return {"unreadable": "empty.jpg cut.jpg half.png page.jpg noise.png tail.png", "cruft": "noextension notes.txt", "kept": "wrong.jpg dot.png copy.png larger.jpg whole.jpg"}


def test_twelve_broken_files_are_found_and_no_good_one_is_lost(tmp_path):
    data = shapes(tmp_path / "d", each=30)
    cases = _spoil(data)
    before = {p: p.read_bytes() for p in data.rglob("*") if p.is_file()}
    jobs = project(tmp_path / "p", data)
    split = jobs.split(folds=0, test_share=0.2, validation_share=0.2)
    assert sum(p.rows for p in split.parts.values()) == 90 + len(cases["kept"].split())
    with Project.open(jobs.folder, read_only=True) as opened:
        dev = development.load(opened, jobs.data)
    assert {Path(p).name for p, _ in dev.split["broken"]} == set(cases["unreadable"].split())
    assert {Path(p).name for p, _ in dev.split["cruft"]} == set(cases["cruft"].split())
    found = {f.id: f for f in jobs.run("checks", phase="data").findings}
    assert found["unreadable"].rows == 6 and "cruft" in found
    together = dev.table.filter(dev.table["path"].str.contains("circle/c001|copy")).height
    assert together in (0, 2)
    assert {p: p.read_bytes() for p in before} == before


def test_findings_that_leave_pictures_out_are_applied_and_delete_nothing(tmp_path):
    data = shapes(tmp_path / "d", each=20)
    for i in range(6):
        Image.new("RGB", (2, 2), (i * 40, 0, 0)).save(data / "circle" / f"tiny{i}.png")
    jobs = project(tmp_path / "p", data)
    jobs.split(folds=0, test_share=0.2, validation_share=0.2)
    found = {f.id: f for f in jobs.run("checks", phase="data").findings}["odd-size:tiny"]
    spelled = found.recommended().spelled
    jobs.data = jobs.data.model_copy(update={"remedies": {found.id: spelled}})
    with Project.open(jobs.folder, read_only=True) as opened:
        dev = development.load(opened, jobs.data)
    assert spelled.startswith("drop-rows?") and not dev.table["path"].str.contains("tiny").any()
    assert len(list((data / "circle").glob("tiny*"))) == 6


def test_a_bomb_is_refused_by_its_header(tmp_path):
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    (tmp_path / "b.png").write_bytes(bomb)
    array, facts = decode.decode(tmp_path / "b.png", 32, 3)
    assert array is None and ("pixels" in facts.error or "px" in facts.error)


def test_one_class_and_no_class_say_what_to_do(tmp_path):
    one = shapes(tmp_path / "one", each=12, kinds=("circle",))
    with pytest.raises(BadInputError, match="only one class"):
        profiling.profile(DataView(kind="images", file=str(one)))
    (tmp_path / "none").mkdir()
    with pytest.raises(BadInputError, match="no pictures"):
        profiling.profile(DataView(kind="images", file=str(tmp_path / "none")))


def test_a_class_with_one_picture_is_named(tmp_path):
    data = shapes(tmp_path / "d", each=25)
    (data / "rare").mkdir()
    shape("cross", np.random.default_rng(1)).save(data / "rare" / "r.png")
    jobs = project(tmp_path / "p", data)
    split = jobs.split(folds=0, test_share=0.2, validation_share=0.2)
    assert any(f.id == "class-missing-in-part" and f.severity == "warn" for f in split.findings)


def test_links_are_not_followed_and_strange_names_are_kept(tmp_path):
    data = shapes(tmp_path / "d", each=12)
    outside = tmp_path / "secret.png"
    shape("cross", np.random.default_rng(2)).save(outside)
    os.symlink(outside, data / "circle" / "link.png")
    os.symlink("/", data / "circle" / "root")
    for name in ("\u5706 \u00e9.png", "esc\x1b[31m.png", "line\nbreak.png"):
        shape("circle", np.random.default_rng(3)).save(data / "circle" / name, format="PNG")
    listing = files.scan(data)
    assert len(listing.items) == 39 and len(listing.cruft) == 2
    jobs = project(tmp_path / "p", data)
    jobs.split(folds=0, test_share=0.2, validation_share=0.2)
    checks = jobs.run("checks", phase="data")
    assert not any("\x1b" in str(f.model_dump()) for f in checks.findings)


@pytest.mark.slow
def test_a_hundred_thousand_empty_files_end_in_one_clear_error(tmp_path):
    for kind in ("a", "b"):
        (tmp_path / "d" / kind).mkdir(parents=True)
        for i in range(50_000):
            (tmp_path / "d" / kind / f"{i}.jpg").touch()
    jobs = project(tmp_path / "p", tmp_path / "d")
    path = jobs.run("split", code=1, phase="data", policy="stratified")
    assert "no picture can be read" in (path / "events.jsonl").read_text()


def test_names_that_are_no_text_and_empty_class_folders_are_told_and_stop_nothing(tmp_path):
    data = shapes(tmp_path / "d", each=12)
    whole = (data / "circle" / "c000.png").read_bytes()
    raw = os.fsencode(data / "circle") + b"/\xff\xfe.png"
    try:
        Path(os.fsdecode(raw)).write_bytes(whole)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (data / "nothing").mkdir()
    (data / "nested" / "deeper").mkdir(parents=True)
    shape("cross", np.random.default_rng(1)).save(data / "nested" / "deeper" / "x.png")
    listing = files.scan(data)
    assert len(listing.items) == 37
    assert dict(listing.cruft) == {"circle/\ufffd\ufffd.png": "name is no UTF-8 text: rename it to use it", "nothing": "class folder without pictures"}
    jobs = project(tmp_path / "p", data)
    jobs.split(folds=0, test_share=0.2, validation_share=0.2)
    found = {f.id: f for f in jobs.run("checks", phase="data").findings}["cruft"]
    assert found.severity == "warn" and "class folder without pictures" in found.seen


def test_more_broken_files_than_are_listed_are_all_counted(tmp_path):
    data = shapes(tmp_path / "d", each=12)
    for i in range(620):
        (data / "circle" / f"e{i}.jpg").touch()
    jobs = project(tmp_path / "p", data)
    jobs.split(folds=0, test_share=0.2, validation_share=0.2)
    found = {f.id: f for f in jobs.run("checks", phase="data").findings}["unreadable"]
    assert found.rows == 620 and found.seen.startswith("620 empty file") and found.title == "620 files cannot be read: circle/e0.jpg ..."


def test_pictures_in_no_class_folder_are_told_what_to_do(tmp_path):
    from phasewise.kinds.images import KIND

    shape("circle", np.random.default_rng(1)).save(tmp_path / "a.png")
    assert KIND.looks_like(tmp_path).value == "images"
    with pytest.raises(BadInputError, match="no pictures found") as told:
        profiling.profile(DataView(kind="images", file=str(tmp_path)))
    assert "one folder per class" in told.value.remedy


def test_classes_that_were_merged_are_judged_as_one_in_the_test_and_in_the_field(tmp_path):
    data = shapes(tmp_path / "d", each=20)
    (data / "circle").rename(data / "Circle")
    rng = np.random.default_rng(3)
    (data / "circle").mkdir()
    for i in range(16):
        shape("circle", rng).save(data / "circle" / f"t{i}.png")
    jobs = project(tmp_path / "p", data)
    jobs.split(folds=0, test_share=0.25, validation_share=0.25)
    found = {f.id: f for f in jobs.run("checks").findings}["class-folders"]
    jobs.data = jobs.data.model_copy(update={"remedies": {found.id: found.recommended().spelled}})
    fit = jobs.run("baselines", phase="baseline", models=["pixels"])
    looked = jobs.run("open_vault", phase="verify", model=fit.models[0].ref, freeze="f" * 8, target=0.5, reason="")
    assert looked.rows == 19
    with Project.open(jobs.folder, read_only=True) as opened:
        dev = development.load(opened, jobs.data)
        assert dev.classes == ("Circle", "cross", "square")
        assert len(arriving.arrived(opened, jobs.data, dev, data).labelled) == 76


def test_idx_files_of_different_lengths_are_told_before_anything_is_read(tmp_path):
    for name, data in (("train-images-idx3-ubyte", np.zeros((60, 8, 8), np.uint8)), ("train-labels-idx1-ubyte", np.zeros(50, np.uint8))):
        shape_of = b"".join(int(s).to_bytes(4, "big") for s in data.shape)
        (tmp_path / name).write_bytes((0x800 + data.ndim).to_bytes(4, "big") + shape_of + data.tobytes())
    with pytest.raises(BadInputError, match="do not fit together"):
        profiling.profile(DataView(kind="images", file=str(tmp_path)))


def test_a_listed_picture_without_a_class_is_passed_over_and_told(tmp_path):
    shapes(tmp_path / "img", each=12)
    rows = [f"{p.relative_to(tmp_path)},{p.parent.name}" for p in sorted((tmp_path / "img").rglob("*.png"))]
    rows[3] = rows[3].split(",")[0] + ","
    (tmp_path / "list.csv").write_text("\n".join(["path,label", *rows]))
    listing = files.scan(tmp_path / "list.csv")
    assert "" not in listing.classes and len(listing.items) == len(rows) - 1
    assert (rows[3][:-1], "no class in the list") in listing.cruft
    assert len(files.scan_any(tmp_path / "list.csv").items) == len(rows)  # new pictures may lack one


def test_a_class_that_training_never_sees_blocks_and_a_remedy_in_force_is_not_offered_again():
    from phasewise.kinds.shared import splitchecks
    from phasewise.kinds.shared.assigning import TEST, TRAIN, VALIDATION

    part = np.array([TRAIN] * 40 + [VALIDATION] * 20 + [TEST] * 20)
    y = np.r_[np.arange(40) % 2, np.arange(20) % 3, np.arange(20) % 3]
    (found,) = splitchecks.classes(y, ["a", "b", "c"], part, 0, "file")
    assert found.severity == "block" and "'c'" in found.seen and [r.action for r in found.remedies] == ["stratify", "merge-class", "accept"] and not any(r.recommended for r in found.remedies)
    (alone,) = splitchecks.classes(np.r_[np.zeros(79, int), [1]], ["a", "b"], part, 0, "stratified")
    assert alone.severity == "block" and not alone.remedies and "'b' has 1 in all" in alone.title
    (other,) = splitchecks.classes(np.r_[np.zeros(79, int), [1]], ["a", "b"], part, 0, "random")
    assert [r.action for r in other.remedies] == ["stratify"]
