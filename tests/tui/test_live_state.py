"""Live state without a screen: series with bounded memory, runs folded from events, attach is replay."""

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasewise.tui.charts.decimate import decimate, segments, smooth
from phasewise.tui.live.board import REPLAY_EVENTS, Board
from phasewise.tui.live.lines import chart_of, letters, lines_of
from phasewise.tui.live.run import LiveRun
from phasewise.tui.live.series import BUCKETS, RAW, Series

from .fake_session import FakeRun, tell_training


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=600), st.integers(2, 80))
@settings(max_examples=60, deadline=None)
def test_decimation_keeps_extremes_and_at_most_two_points_a_column(values, columns):
    points = [(float(i), v) for i, v in enumerate(values)]
    thin = decimate(points, columns)
    assert len(thin) <= max(2 * columns, len(points) if len(points) <= 2 * columns else 0)
    assert min(y for _, y in thin) == min(values)
    assert max(y for _, y in thin) == max(values)
    assert [x for x, _ in thin] == sorted(x for x, _ in thin)


def test_a_gap_stays_a_gap():
    points = [(0.0, 1.0), (1.0, 2.0), (2.0, math.nan), (3.0, 4.0)]
    assert [len(s) for s in segments(points)] == [2, 1]
    assert smooth(points, 0.0) == points
    assert [p[1] for p in smooth([(0.0, 5.0), (1.0, 5.0)], 0.9)] == pytest.approx([5.0, 5.0])


def test_a_series_has_bounded_memory_and_loses_no_peak():
    s = Series("train.loss")
    for i in range(200_000):
        s.add(float(i), 100.0 if i == 50_000 else math.sin(i / 1000))
    assert len(s.buckets) <= BUCKETS
    assert len(s.raw) <= 2 * RAW
    points = s.points()
    assert max(y for _, y in points) == 100.0
    assert (50_000.0, 100.0) in points
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert points[-1][0] == 199_999.0
    assert s.best_high == 100.0


def test_a_line_that_goes_back_forgets_what_is_told_again():
    s = Series("train.loss")
    for x in (1, 2, 3, 4, 3, 4, 5):
        s.add(float(x), float(10 * s.passes + x))
    assert s.points() == [(1.0, 11.0), (2.0, 12.0), (3.0, 13.0), (4.0, 24.0), (5.0, 25.0)]
    assert s.passes == 2
    for x in range(1, 20_000):
        s.add(float(x), 1.0)
    s.add(1.0, 7.0)
    assert s.points() == [(1.0, 7.0)]


def test_nan_is_counted_where_it_began():
    s = Series("train.loss")
    for i, y in enumerate([1.0, None, math.inf, 2.0]):
        s.add(float(i), y)
    assert (s.nans, s.first_nan, s.last) == (2, 1.0, 2.0)


def test_a_run_is_the_fold_of_its_events_and_duplicates_change_nothing():
    folder = FakeRun("r1", "fit", "train")
    tell_training(folder, finish=True)
    run = LiveRun("r1")
    assert run.feed(folder.events) == len(folder.events)
    before = (run.state, run.epoch, run.step, run.series["train.loss"].count, run.log_count)
    assert run.feed(folder.events) == 0
    assert before == (run.state, run.epoch, run.step, run.series["train.loss"].count, run.log_count)
    assert run.state == "finished"
    assert run.epoch == 12
    assert run.leaders(True)[0].id == "seed-0"
    assert run.leaders(False)[0].id == "seed-1"


def test_members_that_left_are_told_from_those_alive():
    folder = FakeRun("r1", "search", "tune")
    folder.emit("hello", job="search", pid=1, host="x")
    folder.emit("epoch", epoch=1, step=1, members={"a": 0.5, "b": 0.4}, alive=2)
    folder.emit("epoch", epoch=2, step=2, members={"a": 0.6, "b": 0.4}, alive=1)
    run = LiveRun("r1")
    run.feed(folder.events)
    assert (run.trials["a"].alive, run.trials["b"].alive) == (True, False)
    assert run.trials["b"].seen_epoch == 1


def test_attach_replays_in_pieces_and_holds_new_events_back():
    folder = FakeRun("r1", "fit", "train")
    folder.emit("hello", job="fit", pid=1, host="x")
    for i in range(REPLAY_EVENTS + 500):
        folder.emit("metrics", columns=["step", "loss"], rows=[[i, 1.0]])
    board = Board()
    board.attach(folder, job="fit", phase="train")
    old = list(folder.events)
    folder.emit("log", text="late")
    assert board.feed(folder.events[len(old):]) == set()
    board.step()
    assert board.replaying
    assert board.run("r1").series["train.loss"].count < REPLAY_EVENTS + 500
    while board.replaying:
        board.step()
    assert board.run("r1").series["train.loss"].count == REPLAY_EVENTS + 500
    assert board.run("r1").log[-1][2] == "late"


def test_lines_are_named_lettered_and_put_on_the_right_chart():
    assert [chart_of(n) for n in ("train.loss", "epoch.validation_loss", "train.lr", "epoch.roc_auc", "watch.grad_norm", "train.member")] == ["loss", "loss", "rate", "metric", "watch", ""]
    assert letters(["train", "test", "t"]) == ["t", "e", "a"]
    folder = FakeRun("r1", "fit", "train")
    tell_training(folder)
    run = LiveRun("r1")
    run.feed(folder.events)
    steps, epochs = lines_of(run, "loss"), lines_of(run, "loss", "epoch")
    assert [one.name for one in steps] == ["train", "validation"]
    assert steps[1].points[-1][0] == 12 * 122
    assert epochs[1].points[-1][0] == 12
    assert lines_of(run, "loss", "time")[1].points[-1][0] > 0


def test_two_thousand_events_a_second_cost_a_small_share_of_a_core():
    folder = FakeRun("r1", "fit", "train")
    for i in range(10_000):
        folder.emit("metrics", columns=["step", "loss", "lr"], rows=[[i, 1.0, 0.1]])
    run = LiveRun("r1")
    begin = time.process_time()
    run.feed(folder.events)
    spent = time.process_time() - begin
    assert run.series["train.loss"].count == 10_000
    assert spent < 25, f"{spent:.2f} s CPU for 5 s of events"
