"""Class labels as people write them: spellings are one class, marks of no label are none."""

from pathlib import Path

import numpy as np
import polars as pl

from phasewise.checks.registry import run_checks
from phasewise.checks.spelling import changed, labels_read
from phasewise.checks.table import CheckTable
from phasewise.kinds.tabular.profiling import profile
from phasewise.kinds.tabular.targets import encode, propose_task
from phasewise.records.jobs import DataView

LABELS = ["yes", "YES", "no", "No ", "no", "yes", "NA", None, "yes", "no"]


def text(values: list[str | None]) -> pl.Series:
    return pl.Series("y", values)


def test_spellings_become_the_most_frequent_one_and_marks_become_missing():
    read = labels_read(text(LABELS))
    assert read.to_list() == ["yes", "yes", "no", "no", "no", "yes", None, None, "yes", "no"]
    assert changed(text(LABELS), read) == ({"NA": 1}, {"No ": "no", "YES": "yes"})


def test_letters_a_declared_class_and_a_mark_among_two_labels_stay():
    assert labels_read(text(["a", "A", "b", "B"])).to_list() == ["a", "A", "b", "B"]
    assert labels_read(text(["NA", "CL", "K"]), kept=["NA"]).to_list() == ["NA", "CL", "K"]
    assert labels_read(text(["NA", "CL", "NA"])).to_list() == ["NA", "CL", "NA"], "one label is nothing to predict"
    assert labels_read(text(["GOOD", "good"]), kept=["GOOD", "good"]).to_list() == ["GOOD", "good"]
    assert labels_read(text(["none", "mild", "severe"])).to_list() == ["none", "mild", "severe"]


def test_later_rows_are_read_into_the_known_classes():
    assert labels_read(text(["YES", "no", "n/a", "other"]), classes=["Yes", "No"]).to_list() == ["Yes", "No", None, "other"]
    labels = encode(text(["YES", "no", "n/a"]), DataView(kind="tabular", file="f", target="y", task="binary"), ["No", "Yes"])
    assert labels.y.tolist() == [1, 0, -1]


def test_the_profile_proposes_two_classes_and_says_what_it_read(tmp_path: Path):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"x": rng.normal(size=90), "y": rng.choice(["yes", "no", "YES", "NA", "unknown"], 90, p=[0.4, 0.3, 0.1, 0.1, 0.1])})
    frame.write_csv(tmp_path / "t.csv")
    found = profile(DataView(kind="tabular", file=str(tmp_path / "t.csv"), target="y"))
    assert [b.label for b in found.classes] == ["no", "unknown", "yes"] and found.task == "multiclass"
    said = " ".join(found.notes)
    assert "'NA' are read as missing" in said and "'YES' as 'yes'" in said and "'unknown' may say" in said
    assert propose_task(frame.filter(pl.col("y") != "unknown")["y"])[0] == "binary"


def test_the_checks_count_the_classes_that_are_learned():
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    y = np.where(x + rng.normal(size=600) > 0, "yes", "no")
    y[:6] = np.char.upper(y[:6])
    found = {f.id: f for f in run_checks(CheckTable(frame=pl.DataFrame({"x": x, "y": y}), target="y", task="binary"), ["text-variants", "rare-class", "imbalance"]).findings}
    assert set(found) == {"text-variants:y"} and found["text-variants:y"].severity == "info"
