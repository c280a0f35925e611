"""Regressions of a hostile user: class names with control codes, cut-off gzip files, old line ends, wrong metrics."""

import gzip

import numpy as np
import polars as pl
import pytest

from phasewise.kinds.registry import kind
from phasewise.kinds.shared.naming import class_named
from phasewise.kinds.tabular import profiling, sources
from phasewise.project.folder import Project
from phasewise.project.settings import parse
from phasewise.records.errors import BadInputError, UsageError
from phasewise.records.jobs import DataView, SplitJob
from phasewise.records.text import safe_text

HOSTILE = '=HYPERLINK("x")\x1b[2J'


def test_a_class_with_control_codes_can_be_named_as_it_is_shown():
    assert class_named(safe_text(HOSTILE, 60), ["plain", HOSTILE]) == HOSTILE
    assert class_named("plain", ["plain", HOSTILE]) == "plain"


def test_two_classes_that_are_shown_alike_are_not_guessed():
    with pytest.raises(UsageError, match="no class"):
        class_named("a\ufffd", ["a\u202e", "a\u202d"])


def test_a_cut_off_gzip_file_is_called_damaged_not_too_large(tmp_path):
    whole = gzip.compress(b"".join(b"%d,%d\n" % (i * 7919 % 104729, i) for i in range(20000)))
    (tmp_path / "cut.csv.gz").write_bytes(whole[:9000] + b"\xff\xff\xff\xff")
    with pytest.raises(BadInputError, match="damaged gzip"):
        sources.load_text(tmp_path / "cut.csv.gz")


def test_carriage_returns_alone_end_lines(tmp_path):
    (tmp_path / "old.csv").write_bytes(b"a,b\r1,2\r")
    assert sources.load_text(tmp_path / "old.csv").data == b"a,b\n1,2\n"


def test_a_misspelt_metric_in_a_file_names_line_key_and_nearest():
    with pytest.raises(UsageError) as caught:
        parse('[goals]\nmetric = "rocauc"\n', "a.toml")
    assert "a.toml, line 2: goals.metric" in caught.value.title and "Did you mean 'roc_auc'?" in caught.value.cause


@pytest.mark.parametrize("name", ["count", "rows", "value", "label", "index", "literal", "len", "proportion"])
def test_columns_may_be_called_what_a_library_calls_its_own(tmp_path, name):
    rng = np.random.default_rng(2)
    for frame, target in ((pl.DataFrame({name: rng.choice(["a", "b", "c"], 200), "x": rng.normal(size=200), "y": rng.integers(0, 2, 200)}), "y"), (pl.DataFrame({"x": rng.normal(size=200), name: rng.choice(["no", "yes"], 200)}), name)):
        file = tmp_path / f"{target}.csv"
        frame.write_csv(file)
        view = DataView(kind="tabular", file=str(file), target=target, task="binary")
        assert profiling.profile(view).target == target
        project = Project.create(tmp_path / f"p{target}", "p")
        kind("tabular").room("splitting").split(project, SplitJob(phase="data", data=view, policy="stratified"), lambda *a, **k: None)
        dev = kind("tabular").room("development").load(project, view)
        assert kind("tabular").room("preparing").fit(dev, dev.train, view).rows == len(dev.train)


@pytest.mark.parametrize(("text", "said"), [
    ('{"a": 1, "b": 2}\n' * 20, "JSON"), ('[{"a": 1},\n{"a": 2}]', "JSON"), ("% made by hand\n@RELATION t\n@attribute x numeric\n@data\n1,2\n", "ARFF"),
    ("<html><table><tr><td>1,2</td></tr></table></html>", "web page"), ("+1 1:0.5 3:2\n-1 2:0.5 3:1\n+1 1:0.1 2:4\n", "LibSVM"),
])
def test_text_that_is_no_table_is_refused_by_its_name(tmp_path, text, said):
    (tmp_path / "d.txt").write_text(text)
    with pytest.raises(BadInputError, match=said):
        profiling.profile(DataView(kind="tabular", file=str(tmp_path / "d.txt")))


def test_a_title_that_a_spreadsheet_padded_stands_above_the_table(tmp_path):
    body = "".join(f"{i % 7},{i % 3},{'ab'[i % 2]}\n" for i in range(60))
    for title in ("Monthly report,,\n,,\n", "Monthly report,,\n"):
        (tmp_path / "d.csv").write_text(f"{title}x,z,y\n{body}")
        assert [c.name for c in profiling.profile(DataView(kind="tabular", file=str(tmp_path / "d.csv"))).columns] == ["x", "z", "y"]
    (tmp_path / "d.csv").write_text(f"x,z,c\n{body.replace('a', 'c')}")  # a column named as one of its levels
    assert [c.name for c in profiling.profile(DataView(kind="tabular", file=str(tmp_path / "d.csv"))).columns] == ["x", "z", "c"]
