"""Remedies are pure, replayable on later files, and learn nothing from them."""

import polars as pl
import pytest

from phasewise.checks import remedies
from phasewise.records.errors import UsageError

FRAME = pl.DataFrame({"__row__": [0, 1, 2, 3, 4], "a": [1.0, -999.0, 3.0, 3.0, float("inf")], "b": ["X", "x ", "?", "?", "y-z"], "y": ["p", "q", "p", "p", "q"]})


def test_the_same_remedies_do_the_same_to_a_later_file():
    chosen = {
        "sentinel-values:a": 'to-missing?{"values":[-999]}', "infinite-values:a": "infinite-to-missing", "extreme-values:a": 'winsorise?{"high":2.0,"low":0.0}',
        "placeholders:b": 'to-missing?{"values":["?"]}', "text-variants:b": 'strip-and-fold-case?{"map":{"x":"X"}}', "constant-column:gone": "drop-column", "amount": "folds",
    }
    before = FRAME.clone()
    whole = remedies.apply(FRAME, chosen, "y")
    assert FRAME.equals(before)
    assert whole["a"].to_list() == [1.0, None, 2.0, 2.0, None]
    assert whole["b"].to_list() == ["X", "X", None, None, "y-z"]
    parts = pl.concat([remedies.apply(FRAME[i : i + 1], chosen, "y") for i in range(5)])
    assert parts.equals(whole)


def test_row_remedies_stay_away_from_files_whose_rows_must_be_answered():
    chosen = {"duplicate-rows": "drop-exact-duplicates", "missing-target:y": "drop-missing-target"}
    assert remedies.apply(FRAME, chosen, "y").height == 4
    assert remedies.apply(FRAME, chosen, "y", drop_rows=False).height == 5
    without = FRAME.drop("y")
    assert remedies.apply(without, {"conflicting-labels": "drop-conflicts", "c": "majority-label"}, "y").equals(without)


def test_contradictions():
    frame = pl.DataFrame({"__row__": [0, 1, 2, 3], "a": [1, 1, 1, 2], "y": ["p", "q", "q", "p"]})
    assert remedies.apply(frame, {"conflicting-labels": "drop-conflicts"}, "y")["a"].to_list() == [2]
    assert remedies.apply(frame, {"conflicting-labels": "majority-label"}, "y")["y"].to_list() == ["q", "q", "q", "p"]


def test_casts_units_hashes_and_classes():
    frame = pl.DataFrame({"m": ["1", "two", " 3 "], "u": [10.0, 600.0, 12.0], "d": ["2020-01-02", "x", None], "e": ["a@b.c", None, "a@b.c"], "y": ["r1", "r2", "k"]})
    out = remedies.apply(frame, {
        "mixed-types:m": "as-number", "unit-mix:u": 'rescale?{"above":100.0,"factor":60.0,"small":false}', "dates-as-text:d": 'as-date?{"format":"%Y-%m-%d"}',
        "personal-data:e": 'hash-column?{"salt":"s"}', "rare-class": 'merge-rare?{"columns":["y"],"map":{"r1":"other","r2":"other"}}',
    }, "y")
    assert out["m"].to_list() == [1.0, None, 3.0] and out["u"].to_list() == [10.0, 10.0, 12.0]
    assert out["d"].null_count() == 2 and out["d"][0].year == 2020
    assert out["e"][0] == out["e"][2] and "@" not in out["e"][0] and out["e"][1] is None
    assert out["y"].to_list() == ["other", "other", "k"]


def test_the_target_is_never_dropped_and_columns_may_hold_colons():
    frame = pl.DataFrame({"a:b": [1], "y": [2]})
    assert remedies.apply(frame, {"x:a:b": "drop-column"}, "y").columns == ["y"]
    assert remedies.apply(frame, {"x:y": "drop-column"}, "y").columns == ["a:b", "y"]


@pytest.mark.parametrize(("text", "said"), [("drop-colum", "Did you mean"), ("to-missing", "needs values"), ("to-missing?{", "cannot read")])
def test_broken_remedies_say_what_to_do(text, said):
    with pytest.raises(UsageError) as caught:
        remedies.parse(text)
    assert said in "\n".join(caught.value.lines())
