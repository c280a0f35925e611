"""Error tags: counted on the sampled mistakes, ranked by what fixing them would bring, kept in the journal."""

import random

import pytest

from phasewise.records.errors import GateError, UsageError
from phasewise.records.results import InspectResult
from phasewise.stats import intervals
from phasewise.workflow import tagging
from workflow.test_loop import trained


def inspected(errors=100, accuracy=0.8, worst=8):
    rows = [{"row": r, "truth": "yes", "prediction": "no", "loss": 1.0, "shown": []} for r in range(errors + worst)]
    return InspectResult.model_validate({"model": "0001-fit/model", "metrics": {"accuracy": accuracy}, "gallery": {"errors": rows[:errors], "worst": rows[errors:]}})


def test_wilson_is_the_one_of_stats():
    for hits, n in ((0, 10), (3, 10), (10, 10), (41, 100), (0, 0)):
        assert tagging.wilson(hits, n) == pytest.approx(intervals.wilson(hits, n))


def test_tags_are_counted_ranked_and_kept_in_the_journal(make):
    session, found = trained(make), inspected()
    for row in range(50):
        tagging.put(session, found, row, "blurred" if row < 30 else "wrong  label")
    tagging.put(session, found, 0, "wrong label")
    tagging.put(session, found, 104, "wrong label")  # a worst case, not sampled: shown, but in no share
    got = tagging.table(session.view, found)
    assert [r.tag for r in got.rows] == ["blurred", "wrong label"] and got.looked == 50 and got.sample == 100
    first, second = got.rows
    assert first.gain == pytest.approx(30 / 50 * 0.2) and second.sampled == 21 and second.rows == 22
    low, high = intervals.wilson(30, 50)
    assert (first.low, first.high) == pytest.approx((0.2 * low, 0.2 * high))
    tagging.put(session, found, 0, "blurred", on=False)
    again = type(session)(session.project, recipes=session._recipes)
    assert tagging.tags(again.view, found.model)[0] == ["wrong label"] and tagging.known(again.view) == ["blurred", "wrong label"]
    written = [e for e in session.project.journal.entries() if e.kind == "tag"]
    assert len(written) == 53 and written[-1].data["on"] is False
    tagging.put(session, found, 0, "wrong label")  # is there already: nothing is written
    assert len([e for e in session.project.journal.entries() if e.kind == "tag"]) == 53


def test_shares_of_a_sample_cover_the_truth():
    rng, hits = random.Random(0), 0
    for _ in range(200):
        k = sum(rng.random() < 0.3 for _ in range(60))
        low, high = tagging.wilson(k, 60)
        hits += low <= 0.3 <= high
    assert hits >= 184


@pytest.mark.parametrize("text", ["150", "x=blur", "=blur", "3=", "3=" + "x" * 41])
def test_a_tag_that_cannot_be_read_is_said(text):
    with pytest.raises(UsageError):
        tagging.parsed(text)


def test_only_cases_that_are_shown_can_be_tagged(make):
    session = trained(make)
    with pytest.raises(UsageError, match="not in the gallery"):
        tagging.put(session, inspected(), 999, "blurred")
    with pytest.raises(GateError):
        tagging.put(session, InspectResult(model="a/b"), 1, "blurred")
    assert tagging.parsed("7= too \x1b[31m dark ") == (7, tagging.named("too \x1b[31m dark")) and "\x1b" not in tagging.parsed("7=a\x1b[31mb")[1]


def test_a_regression_counts_the_error_its_worst_fifth_carries():
    rows = [{"row": r, "loss": 10.0, "shown": []} for r in range(20)]
    found = InspectResult.model_validate({"model": "m/x", "metrics": {"mae": 4.0}, "gallery": {"errors": rows}})
    assert tagging.left(found, {g["row"]: g for g in rows}) == (2.0, "mae")
