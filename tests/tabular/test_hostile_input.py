"""Regressions of a hostile user: class names with control codes, cut-off gzip files, old line ends, wrong metrics."""

import gzip

import pytest

from phasewise.kinds.shared.naming import class_named
from phasewise.kinds.tabular import sources
from phasewise.project.settings import parse
from phasewise.records.errors import BadInputError, UsageError
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
