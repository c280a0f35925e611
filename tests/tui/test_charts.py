"""Charts: the useful part of a curve is seen, noise is smoothed with the raw values behind it, runs are compared, values are told."""

import math
import random
import time

import pytest

from phasewise.tui.charts.decimate import ceiling, cut, outliers_above, smooth
from phasewise.tui.charts.plot import Frame, Line, draw, gutter, ticks
from phasewise.tui.live.lines import lines_of
from phasewise.tui.live.run import LiveRun
from phasewise.tui.numbers import number
from phasewise.tui.widgets.chart import Chart

from .fake_session import FakeRun, FakeSession, tell_training
from .screen import frame, frames, opened, press, settle, still


def finder_curve():
    """A loss that is flat, falls, and blows up by three orders of magnitude."""
    rates = [1e-6 * 10 ** (i / 12) for i in range(80)]
    return [(r, 0.69 - 0.3 / (1 + (3e-3 / r) ** 2) + (0 if r < 0.5 else (r / 0.5) ** 3 - 1)) for r in rates]


def test_a_diverging_end_is_cut_and_the_fall_fills_the_picture():
    points = finder_curve()
    top = ceiling(points)
    low, high = min(y for _, y in points), max(y for _, y in points)
    assert points[0][1] < top < 1.0 < high, "the ceiling is a little above the start, far below the end"
    kept = [y for _, y in cut(points, top) if math.isfinite(y)]
    assert max(kept) == pytest.approx(top)
    share = (points[0][1] - low) / (max(kept) - min(kept))
    assert share > 0.6 > 0.1 > (points[0][1] - low) / (high - low), "the fall takes most of the height instead of a sliver"


def test_cutting_leaves_a_gap_and_keeps_what_lies_below():
    got = cut([(0.0, 0.0), (1.0, 2.0), (2.0, 2.0), (3.0, 0.0)], 1.0)
    finite = [p for p in got if math.isfinite(p[1])]
    assert finite == [(0.0, 0.0), (0.5, 1.0), (2.5, 1.0), (3.0, 0.0)]
    assert any(math.isnan(y) for x, y in got if 0.5 <= x <= 2.5)
    assert cut([(0.0, 1.0), (1.0, 0.5)], 5.0) == [(0.0, 1.0), (1.0, 0.5)]


def test_outliers_are_told_from_a_wide_range():
    calm = [(float(i), math.sin(i)) for i in range(200)]
    assert outliers_above(calm) is None
    assert outliers_above([*calm, (200.0, 50.0)]) < 3
    assert outliers_above([(float(i), 3.0) for i in range(100)]) is None


def test_smoothing_means_the_same_share_of_a_picture_however_many_points():
    def rest(count):
        rng = random.Random(0)
        line = smooth([(i / count, rng.gauss(0, 1) + (1.0 if i >= count // 2 else 0.0)) for i in range(count)], 0.9)
        return next(x for x, y in line if x > 0.5 and y > 0.6) - 0.5

    step = [smooth([(i / n, float(i >= n // 2)) for i in range(n)], 0.9) for n in (300, 3000)]
    waits = [next(x for x, y in line if y > 0.6) - 0.5 for line in step]
    assert waits[0] == pytest.approx(waits[1], abs=0.005)
    assert rest(3000) < 0.1


def test_log_ticks_are_round_and_the_picture_s_edge_is_found():
    assert [round(10**t, 4) for t in ticks(math.log10(0.003), math.log10(0.06), 4, log=True)] == [0.005, 0.01, 0.02, 0.05]
    rows = draw([Line(name="a", points=[(0.0, 1.0), (10.0, 3.0)])], Frame(width=60, height=12))
    assert 0 < gutter(rows) < 12


def training(id_="a", **more):
    run = FakeRun(id_, "fit", "train")
    tell_training(run, **more)
    live = LiveRun(id_, phase="train")
    live.feed(run.events)
    return live


def test_time_and_epoch_axes_come_from_the_run_s_own_clock():
    run = training(epochs=4)
    steps = lines_of(run, "loss", "step")[0].points
    epochs, times = (lines_of(run, "loss", unit)[0].points for unit in ("epoch", "time"))
    assert len(steps) == len(epochs) == len(times)
    assert epochs[-1][0] == pytest.approx(4, abs=0.05)
    assert [p[0] for p in times] == sorted(p[0] for p in times) and times[-1][0] <= run.clock[-1][1] - run.origin + 1e-9
    assert run.speed() > 0
    fresh = LiveRun("b")
    began = FakeRun("b", "fit", "train")
    began.emit("hello", job="fit", pid=1, host="x")
    began.emit("metrics", series="train", columns=["step", "loss"], rows=[[1.0, 0.5], [2.0, 0.4]])
    fresh.feed(began.events)
    assert lines_of(fresh, "loss", "epoch")[0].points == [], "before an epoch has ended nobody knows how long one is"
    assert len(lines_of(fresh, "loss", "time")[0].points) == 2


def test_the_points_of_one_member_are_drawn_until_it_is_silent():
    told = FakeRun("p", "search", "tune")

    def block(member, step):
        told.emit("metrics", series="train", columns=["step", "loss", "member"], rows=[[float(step), float(member), float(member)]])

    for step in (1, 2, 3):
        for member in (0, 1, 2):
            block(member, step)
    run = LiveRun("p")
    run.feed(told.events)
    assert run.series["train.loss"].points() == [(1.0, 0.0), (2.0, 0.0), (3.0, 0.0)], "interleaved members are no zigzag"
    assert run.series["train.loss"].passes == 1
    for step in (4, 5):
        for member in (1, 2):
            block(member, step)
    run.feed(told.events)
    assert run.followed == 1.0
    assert run.series["train.loss"].points()[-1] == (5.0, 1.0)


def test_sweeps_of_a_finder_are_kept_apart():
    told = FakeRun("f", "find_lr", "train")
    for sweep in range(2):
        for i, rate in enumerate((1e-4, 1e-3, 1e-2)):
            told.emit("metrics", series="finder", columns=["step", "lr", "loss"], rows=[[float(i), rate, 1.0 + sweep]])
    told.emit("metrics", series="finder", columns=["step", "lr", "loss", "smooth", "low", "high"], rows=[[0.0, 1e-4, 1.5, 1.5, 1.0, 2.0]])
    run = LiveRun("f")
    run.feed(told.events)
    assert [[y for _, y in s] for s in run.sweeps] == [[1.0] * 3, [2.0] * 3]


async def test_the_finder_s_live_chart_is_cut_and_says_so():
    session = FakeSession(done="baseline")
    async with opened(session) as (app, pilot):
        await press(pilot, "f10")
        run = session.run_list[-1]
        assert run.kind == "find_lr"
        assert "first points come in a moment" in await still(pilot)
        run.emit("hello", job="find_lr", pid=1, host="x")
        rows = [[float(i), x, y] for i, (x, y) in enumerate(finder_curve())]
        for i in range(0, len(rows), 5):
            run.emit("metrics", series="finder", columns=["step", "lr", "loss"], rows=rows[i : i + 5])
        await frames(pilot)
        chart = app.screen.page.view.chart
        assert "cut above" in await still(pilot)
        assert max(y for one in chart.shown() for _, y in one.points if math.isfinite(y)) < 1.0
        assert f"l loss {number(rows[-1][2])}" in frame(app), "the value told is the real one, not the ceiling"
        chart.focus()
        await press(pilot, "c")
        assert "cut above" not in await still(pilot)
        assert max(y for one in chart.shown() for _, y in one.points) > 10


async def test_the_gradient_strip_is_drawn_from_the_watch_s_events():
    session = FakeSession(done="baseline")
    session.put("find_lr")
    async with opened(session) as (app, pilot):
        await press(pilot, "f10")
        run = session.run_list[-1]
        run.emit("hello", job="fit", pid=1, host="x")
        for step in range(50, 500, 50):
            run.emit("metrics", series="train", columns=["step", "loss", "smooth", "lr", "member"], rows=[[float(step), 0.5, 0.5, 1e-3, 0.0]])
            run.emit("metrics", series="train", columns=["step", "grad_norm", "least_update", "update_ratio", "largest_update", "member"], rows=[[step - 5.0, 1.5, 1e-4, 1e-3, 1e-2, 0.0]])
        await frames(pilot)
        await press(pilot, "6")
        text = await still(pilot)
        assert "g gradient 1.5" in text
        assert "u update 0.0010" in text
        assert desk_passes(app) == 1, "the strip's steps do not rewind the loss"


def desk_passes(app):
    return max(s.passes for r in app.desk.board.runs.values() for s in r.series.values())


async def test_a_pinned_run_is_under_every_chart_and_zoom_and_click_work():
    session = FakeSession(done="baseline")
    session.put("find_lr")
    async with opened(session) as (app, pilot):
        for epochs in (12, 8):
            await press(pilot, "f10")
            run = session.run_list[-1]
            tell_training(run, epochs)
            session.complete(run)
            await frames(pilot, 4)
            if epochs == 12:
                first = run.id
                await press(pilot, "P")
                assert "is pinned" in frame(app)
                del session.stored["fit"]
        for digit, words in (("3", "validation"), ("4", "roc auc"), ("5", "lr")):
            await press(pilot, digit)
            await frames(pilot, 2)
            assert f"p {first} {words}" in " ".join((await still(pilot)).split()), "the pinned run lies under this chart too"
        await press(pilot, "3")
        chart = app.screen.page.view.charts["loss"]
        chart.focus()
        assert len(chart.shown()[-1].points) > 3
        await press(pilot, "z")
        spans = [(one.points[0][0], one.points[-1][0]) for one in chart.shown() if one.points]
        assert max(b for _, b in spans) <= 8 * 122 and min(a for a, _ in spans) >= 0.79 * 8 * 122, "one window for all lines: the last fifth of the shown run"
        await press(pilot, "z", "escape")
        await pilot.click(chart, offset=(chart.size.width // 2, chart.size.height // 2))
        await settle(pilot, 1)
        assert "at step" in await still(pilot)
        assert 0.3 * 976 < chart.at_cursor() < 0.7 * 12 * 122
        await press(pilot, "P")
        assert "no longer pinned" in frame(app)
        assert app.desk.pinned is None


def test_a_noisy_line_of_thousands_of_points_costs_a_frame_little():
    points = [(float(i), 1.0 / (1 + i / 500) + 0.01 * (i % 7)) for i in range(4000)]
    chart = Chart("Loss", lambda _chart: [Line(name="train", points=points, noisy=True)])
    begin = time.process_time()
    for _ in range(3):
        made = chart.shown()
    assert len(made) == 2 and made[0].faint, "the raw values lie behind the smoothed line"
    assert time.process_time() - begin < 6, "seconds for each look at 4,000 points: work that grows with their square"
