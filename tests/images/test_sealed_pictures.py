"""Sealed test pictures are recognised in a later folder without opening the vault (checks.md 7.3)."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project, shape, shapes, small  # noqa: E402

from phasewise.kinds.images import arriving, development, sealed  # noqa: E402
from phasewise.project.folder import Project  # noqa: E402


def test_sealed_pictures_are_met_under_other_names_and_formats_and_others_are_not(tmp_path):
    data = shapes(tmp_path / "data", each=20)
    jobs = project(tmp_path / "p", data)
    split = jobs.split(folds=0, test_share=0.3, validation_share=0.3)
    with Project.open(jobs.folder, read_only=True) as opened:
        dev = development.load(opened, jobs.data)
    known = set(dev.table["path"].to_list())
    tests = [p for p in sorted(data.rglob("*.png")) if str(p.relative_to(data)) not in known]
    assert len(tests) == split.parts["test"].rows >= 10
    new, rng = tmp_path / "new" / "circle", np.random.default_rng(9)
    new.mkdir(parents=True)
    for i, path in enumerate(tests[:4]):  # the same file, and the same pixels without loss
        (new / f"same{i}.png").write_bytes(path.read_bytes())
        Image.open(path).save(new / f"again{i}.bmp")
    Image.open(tests[5]).save(new / "lossy.jpg", quality=60)
    for i in range(6):
        shape("circle", rng).save(new / f"fresh{i}.png")
    (new / "known.png").write_bytes((data / dev.table["path"][0]).read_bytes())
    with Project.open(jobs.folder) as opened:
        arrived = arriving.arrived(opened, jobs.data, dev, tmp_path / "new")
        mask, why = arriving.sealed_met(opened, dev, arrived)
        met = {Path(p).stem for p, m in zip(arrived.table["path"].to_list(), mask, strict=True) if m}
        assert met == {f"{w}{i}" for w in ("same", "again") for i in range(4)} and not why
        listed = opened.path / "splits" / "sealed.npz"
        whole = listed.read_bytes()
        listed.write_bytes(whole[: len(whole) // 2])
        assert "cannot be read" in arriving.sealed_met(opened, dev, arrived)[1]
        listed.unlink()
        mask, why = arriving.sealed_met(opened, dev, arrived)
        assert not mask.any() and "before such rows" in why


def _scene(seed):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (7, 7, 3), dtype=np.uint8)).resize((96, 80), Image.Resampling.BICUBIC)


def test_copies_saved_with_loss_are_told_and_left_out_and_other_pictures_are_not(tmp_path):
    data = tmp_path / "data"
    for i in range(80):
        place = data / "ab"[i % 2] / f"{i:02}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        _scene(i).save(place)
    jobs = project(tmp_path / "p", data)
    jobs.split(folds=0, test_share=0.3, validation_share=0.3)
    fit = jobs.run("fit", config=small(epochs=1).model_dump())
    with Project.open(jobs.folder, read_only=True) as opened:
        dev = development.load(opened, jobs.data)
    known = set(dev.table["path"].to_list())
    tests = [p for p in sorted(data.rglob("*.png")) if str(p.relative_to(data)) not in known]
    new = tmp_path / "new"
    for name in "ab":
        (new / name).mkdir(parents=True)
    for i, path in enumerate(tests[:8]):
        place = new / path.parent.name
        whole = Image.open(path)
        changed = (whole, whole.resize((60, 50)), whole.transpose(Image.Transpose.FLIP_LEFT_RIGHT), whole.point(lambda v: min(255, v + 8)))[i % 4]
        changed.save(place / f"copy{i}.jpg", quality=50)
    for i, path in enumerate(tests[8:12], 8):  # without a twentieth of their sides, at one edge or both
        Image.open(path).crop(((0, 0, 91, 76), (5, 4, 96, 80), (2, 2, 93, 78), (5, 0, 96, 76))[i - 8]).save(new / path.parent.name / f"copy{i}.jpg", quality=60)
    for i in range(30):
        _scene(1000 + i).save(new / "ab"[i % 2] / f"fresh{i}.jpg", quality=80)
    for i, path in enumerate(sorted(known)[:5]):
        Image.open(data / path).resize((60, 50)).save(new / Path(path).parent.name / f"again{i}.jpg", quality=60)
    found = jobs.run("field", phase="field", model=fit.model.ref, file=str(new), name="new")
    again = [f for f in found.findings if f.check == "copies-seen-before"]
    assert len(again) == 1 and again[0].rows == 5 and found.judged == 30  # copies of development pictures are no evidence either
    told = [f for f in found.findings if f.check == "sealed-copies-seen"]
    assert len(told) == 1 and told[0].rows == 12 and told[0].title == "12 look like copies of sealed pictures"
    with Project.open(jobs.folder, read_only=True) as opened:
        arrived = arriving.arrived(opened, jobs.data, dev, new)
        mask, why = arriving.sealed_alike(opened, dev, arrived)
        assert {Path(p).stem for p, m in zip(arrived.table["path"].to_list(), mask, strict=True) if m} == {f"copy{i}" for i in range(12)} and not why


def test_no_list_of_looks_is_kept_of_pictures_that_are_alike_by_nature(tmp_path):
    def table(pictures):
        hashes = np.array(pictures, np.uint64)
        return pl.DataFrame({"phash": hashes, "phash_mirrored": ~hashes, "contrast": [50.0] * len(pictures)})

    rng = np.random.default_rng(0)
    apart, others = rng.integers(0, 2**63, 50), rng.integers(0, 2**63, 500)
    kept = sealed._looks(table(apart), table(others))
    assert int(kept["reach"]) == 6 and len(kept["looks"]) == 50
    near = sealed._looks(table(apart), table(np.r_[others, apart[:20] ^ 0b11111]))
    assert int(near["reach"]) == 4  # five bits away are different pictures here
    assert sealed._looks(table(apart), table(np.r_[others, apart])) == {}
    assert sealed._looks(table(apart), None) == {}
