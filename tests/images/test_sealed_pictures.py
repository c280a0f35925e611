"""Sealed test pictures are recognised in a later folder without opening the vault (checks.md 7.3)."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project, shape, shapes  # noqa: E402

from phasewise.kinds.images import arriving, development  # noqa: E402
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
