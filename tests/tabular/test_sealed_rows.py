"""New rows that are sealed test rows are told exactly, by keyed hashes of their inputs; what cannot be told is said."""

import json
from pathlib import Path

import numpy as np
import polars as pl

from phasewise.kinds.tabular import arriving, development, sealed
from phasewise.kinds.tabular.reading import ROW

from .helpers import mixed, project


def arrived(made, wished, path: Path, frame: pl.DataFrame):
    frame.write_csv(path)
    dev = development.load(made, wished)
    new = arriving.arrived(made, wished, dev, path)
    return (dev, new, *arriving.sealed_met(made, dev, new))


def test_every_sealed_row_of_the_own_file_is_told_and_no_other(tmp_path):
    frame = mixed(400).with_columns(pl.Series("x", np.random.default_rng(1).normal(50, 10, 400)))
    made, wished = project(tmp_path, frame)
    rows = set(development.load(made, wished).natural[ROW].to_list())
    strange = mixed(100, seed=8)
    dev, new, met, why = arrived(made, wished, tmp_path / "again.csv", pl.concat([frame.select(strange.columns).cast(strange.schema), strange]))
    assert why == "" and len(rows) < 400
    assert met.tolist() == [i not in rows for i in range(400)] + [False] * 100
    assert not (met & arriving.seen_before(dev, new)).any()


def test_how_a_file_writes_its_cells_does_not_matter_but_a_changed_input_does(tmp_path):
    frame = mixed(300)
    made, wished = project(tmp_path, frame)
    written = frame.with_columns(pl.col("z").map_elements(lambda v: f"{v:.5f}", return_dtype=pl.String), pl.col("target").str.to_uppercase()).select("target", "day", "z", "x", "colour", "key")
    plain = arrived(made, wished, tmp_path / "plain.csv", frame)[2]
    assert plain.sum() == 60 and arrived(made, wished, tmp_path / "written.csv", written)[2].tolist() == plain.tolist()
    moved = frame.with_columns(pl.col("z") + 0.001)
    assert not arrived(made, wished, tmp_path / "moved.csv", moved)[2].any()


def test_what_cannot_be_told_is_said(tmp_path):
    frame = mixed(300)
    made, wished = project(tmp_path, frame)
    assert "lacks 'z'" in arrived(made, wished, tmp_path / "few.csv", frame.drop("z"))[3]
    (made.path / "splits" / sealed.FILE).write_bytes(sealed.packed(frame.head(5), {"x": "number"}, {}))
    assert "not the file of this split" in arrived(made, wished, tmp_path / "own.csv", frame)[3]
    (made.path / "splits" / sealed.FILE).unlink()
    assert "before" in arrived(made, wished, tmp_path / "own.csv", frame)[3]


def test_rows_that_repeat_by_chance_are_new(tmp_path):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.choice(["p", "q"], 400), "b": rng.choice(["r", "s", "t"], 400), "y": rng.choice(["no", "yes"], 400)})
    made, wished = project(tmp_path, frame, "y")
    assert not arrived(made, wished, tmp_path / "more.csv", frame.sample(100, seed=3))[2].any()


def test_the_file_holds_no_value_and_the_manifest_holds_its_digest(tmp_path):
    frame = mixed(300)
    made, _ = project(tmp_path, frame)
    data = (made.path / "splits" / sealed.FILE).read_bytes()
    with np.load(made.path / "splits" / sealed.FILE, allow_pickle=False) as held:
        assert {n: (held[n].dtype.name, held[n].shape) for n in held.files} == {"key": ("uint8", (16,)), "hashes": ("uint64", (60,))}
    manifest = json.loads((made.path / "vault" / "manifest.json").read_text())
    assert manifest["parts"]["test"]["recognised_by"] == sealed.digest(data)
