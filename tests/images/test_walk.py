"""All jobs of a picture project, one after the other, on a small made-up set: split to export (D06, X03-X13, V05, E01-E08)."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project, shapes, small  # noqa: E402

from phasewise.kinds.images import development, predictor  # noqa: E402
from phasewise.project.folder import Project  # noqa: E402


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walk")
    data = shapes(folder / "data", each=70)
    jobs = project(folder / "project", data)
    split = jobs.split(folds=0, test_share=0.2, validation_share=0.25)
    fit = jobs.run("fit", config=small(options={"augment": {"crop": 2, "flip": 0.5}}, epochs=14).model_dump())
    return jobs, split, fit, data, folder


def test_the_split_seals_test_pictures_and_keeps_them_out_of_the_store(walked):
    jobs, split, _, data, _ = walked
    with Project.open(jobs.folder, read_only=True) as opened:
        dev = development.load(opened, jobs.data)
    total = sum(len(list((data / c).iterdir())) for c in ("circle", "cross", "square"))
    assert split.parts["test"].rows + len(dev.y) == total and split.parts["test"].rows >= 40
    assert dev.pixels().shape == (len(dev.y), 24, 24, 3)
    assert not (jobs.folder / ".phasewise" / "cache" / "decoding").exists()
    kept = {str(p) for p in dev.table["path"].to_list()}
    outside = [p for p in jobs.folder.rglob("*") if p.is_file() and "vault" not in p.parts]
    sealed = sorted(str(p.relative_to(data)) for p in data.rglob("*.png") if str(p.relative_to(data)) not in kept)
    assert len(sealed) == split.parts["test"].rows
    assert not any(sealed[0].encode() in p.read_bytes() for p in outside)


def test_the_store_is_made_again_and_notices_a_changed_picture(walked, tmp_path):
    import shutil

    jobs, *_ , data, _ = walked
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    other = project(tmp_path / "p", copy)
    other.split(folds=0)
    with Project.open(other.folder, read_only=True) as opened:
        before = development.load(opened, other.data)
        shutil.rmtree(other.folder / ".phasewise")
        after = development.load(opened, other.data)
        assert np.array_equal(before.pixels(), after.pixels())
        path = Path(after.table["__root__"][0]) / after.table["path"][0]
        path.write_bytes((copy / after.table["path"][5]).read_bytes())
        from phasewise.records.errors import StorageError

        with pytest.raises(StorageError, match="is not the picture that was split"):
            development.load(opened, other.data)


def test_network_learns_and_its_folder_predicts_alone(walked):
    jobs, _, fit, data, _ = walked
    assert fit.model.validation.value > 0.6
    folder = jobs.folder / "runs" / fit.model.ref.split("/")[0] / "models" / fit.model.ref.split("/")[1]
    with Project.open(jobs.folder, read_only=True) as opened:
        dev = development.load(opened, jobs.data)
    said = predictor.load(folder).predict(dev.table[dev.validation])
    assert (np.asarray(said.names()) == np.array(dev.classes)[dev.y[dev.validation]]).mean() == pytest.approx(fit.model.validation.value)


def test_checks_baselines_and_checkup_run(walked):
    jobs, *_ = walked
    checks = jobs.run("checks", phase="data")
    assert {c.check for c in checks.coverage if c.state == "failed"} == set()
    assert {"unreadable", "exact-copies", "near-copies", "odd-size", "exposure", "label-noise"} <= {c.check for c in checks.coverage if c.state == "ran"}
    found = jobs.run("baselines", models=["dummy", "pixels", "hog", "features"], phase="baseline")
    assert {m.name for m in found.models} == {"dummy", "pixels", "hog"} and "features" in found.skipped
    values = {m.name: m.validation.value for m in found.models}
    assert values["hog"] > values["dummy"] + 0.2


def test_inspection_shows_pictures_and_where_the_model_looks(walked):
    jobs, _, fit, *_ = walked
    found = jobs.run("inspect", model=fit.model.ref, parts=["slices", "gallery", "confusion", "importance"])
    worst = found.gallery["worst"][0]
    assert len(worst["thumbnail"]) == 12 and len(worst["thumbnail"][0]) == 24 and len(worst["saliency"]) == len(worst["gradient"]) == 7 and max(map(max, worst["gradient"])) == 1.0
    assert {r["column"] for r in found.importance} >= {"middle centre", "top left"}
    drops = {r["column"]: r["drop"] for r in found.importance}
    assert drops["middle centre"] == max(drops.values())


def test_combining_with_tta_and_pruning_with_a_scratch_control(walked):
    jobs, _, fit, *_ = walked
    combined = jobs.run("combine", models=[fit.model.ref], config=small(epochs=3).model_dump(), members=2, methods=["average"], options={"tta": True})
    assert {"tta-mean", "tta-with-plain", "tta-lerp"} <= {m.name for m in combined.singles}
    pruned = jobs.run("prune", model=fit.model.ref, options={"step": 0.2, "share": 0.4, "epochs": 2, "tolerance": 0.5})
    assert pruned.pruned.parameters < pruned.original.parameters and pruned.scratch is not None
    assert pruned.speed["size_mb"]["after"] < pruned.speed["size_mb"]["before"]
    assert pruned.speed["batch"] == 64 and pruned.speed["rows_per_second"]["low"] <= pruned.speed["rows_per_second"]["times"] and pruned.notes[0].startswith("Measured ")


def test_vault_field_prediction_and_exports(walked):
    jobs, split, fit, _, folder = walked
    looked = jobs.run("open_vault", phase="verify", model=fit.model.ref, freeze="f" * 8, target=0.5, reason="")
    assert looked.rows == split.parts["test"].rows and abs(looked.test.value - fit.model.validation.value) < 0.35
    new = shapes(folder / "new", each=15, seed=9)
    (new / "circle" / "broken.png").write_bytes(b"no picture")
    judged = jobs.run("field", phase="field", model=fit.model.ref, file=str(new), name="new")
    assert judged.rows == 45 and judged.score is not None and judged.overlap == 0
    flat = folder / "flat"
    flat.mkdir()
    for path in (new / "cross").iterdir():
        (flat / path.name).write_bytes(path.read_bytes())
    done = jobs.run("predict", phase="ship", model=fit.model.ref, file=str(flat), output=str(folder / "out.csv"))
    lines = list(csv.DictReader((folder / "out.csv").open()))
    assert done.rows == len(lines) == 15 and set(lines[0]) == {"file", "prediction", "p(circle)", "p(cross)", "p(square)"}
    made = jobs.run("export", phase="ship", model=fit.model.ref, formats=["bundle", "torch", "onnx", "script"])
    ok = {f.format: f for f in made.files}
    assert ok["bundle"].ok and ok["torch"].ok and ok["torch"].parity < 1e-4 and not ok["script"].ok
    assert ok["onnx"].ok and ok["onnx"].parity < 1e-4, ok["onnx"].note
    said = json.loads(Path(ok["torch"].path).with_suffix(".pt2.json").read_text())
    assert said["input"]["dtype"] == "uint8" and said["classes"] == ["circle", "cross", "square"]


def test_folds_share_pixels_and_ship_as_an_average(tmp_path):
    jobs = project(tmp_path / "p", shapes(tmp_path / "d", each=20))
    split = jobs.split(folds=3)
    fit = jobs.run("fit", config=small(epochs=2).model_dump())
    assert split.folds == 3 and len(fit.model.validation.folds) == 3
    assert isinstance(pl.read_ipc((jobs.folder / "splits" / "pictures.arrow").read_bytes()), pl.DataFrame)
