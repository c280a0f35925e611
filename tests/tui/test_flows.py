"""Working with the app by keyboard only: jobs, ceremonies, gates, live runs, leaving."""

import pytest

from phasewise import content
from phasewise.records.results.data import ColumnSummary
from phasewise.tui.live.run import LiveRun
from phasewise.tui.numbers import eta
from phasewise.tui.pages.findings import Findings
from phasewise.tui.pages.tune_live import spoken
from phasewise.tui.say import because
from phasewise.tui.widgets.result import run_row

from .fake_session import FakeSession, tell_training
from .screen import frame, frames, opened, press, row, still, type_text


async def test_from_reading_the_file_to_the_sealed_split_by_keyboard():
    session = FakeSession(done="goals")
    async with opened(session) as (app, pilot):
        assert session.started[-1].kind == "profile", "the file is read at once: every recommendation rests on it"
        assert session.confirmed == ["goals"]
        session.complete(session.run_list[-1])
        await frames(pilot)
        assert "Columns" in frame(app)
        assert "education-num" in frame(app)
        assert "Split and seal" in row(app, -2)
        await press(pilot, "n")
        assert "Type  seal  to do it" in frame(app)
        assert "48,842" in frame(app)
        await type_text(pilot, "yes")
        await press(pilot, "enter")
        assert "type seal to go on" in frame(app)
        assert len(session.started) == 1
        await press(pilot, "backspace", "backspace", "backspace")
        await type_text(pilot, "seal")
        await press(pilot, "enter")
        assert session.started[-1].kind == "split"
        session.complete(session.run_list[-1])
        await frames(pilot)
        assert session.started[-1].kind == "checks", "the phase goes on by itself"
        session.complete(session.run_list[-1])
        await frames(pilot)
        assert isinstance(app.screen.page.view, Findings)
        assert "relationship alone predicts" in frame(app)


async def test_findings_are_answered_on_one_key_and_gates_overridden_with_a_reason():
    session = FakeSession(done="goals")
    for slot in ("profile", "split", "checks"):
        session.put(slot)
    async with opened(session) as (app, pilot):
        await press(pilot, "a")
        assert session.answers.get("data").remedies == {"leak-single:relationship": "drop-column"}
        await press(pilot, "j", "enter", "2")
        assert session.answers.get("data").remedies["missing-marker:occupation"] == "accept"
        await press(pilot, "d")
        assert "no finding blocks" in frame(app)
        await press(pilot, "2")
        await type_text(pilot, "known before")
        await press(pilot, "enter")
        assert session.overrides == {"no-block": "known before"}


async def test_opening_the_vault_asks_for_the_prediction_and_a_word():
    session = FakeSession(done="strengthen")
    async with opened(session) as (app, pilot):
        assert "9,768 rows" in frame(app)
        assert "asked before it opens" in frame(app)
        await press(pilot, "n")
        await type_text(pilot, "0.93")
        await press(pilot, "enter")
        assert session.answers.source("verify", "predicted") == "typed"
        assert "Type  open  to look" in frame(app)
        assert "run-c/weighted" in frame(app)
        await press(pilot, "escape")
        assert session.started == []
        await press(pilot, "n")
        await type_text(pilot, "open")
        await press(pilot, "enter")
        assert session.started[-1].kind == "open_vault"
        session.complete(session.run_list[-1])
        await frames(pilot)
        assert "confirmed" in frame(app)
        assert "0.9291" in frame(app)
        await press(pilot, "1")
        assert "looks      1" in frame(app)


async def test_a_live_run_is_drawn_steered_and_stays_after_its_end():
    session = FakeSession(done="baseline")
    session.put("find_lr")
    async with opened(session) as (app, pilot):
        await press(pilot, "f10")
        run = session.run_list[-1]
        tell_training(run)
        await frames(pilot)
        text = frame(app)
        assert "running" in text
        assert "60 %" in text
        assert "t train" in text
        assert "Watch the run" in row(app, -2)
        await press(pilot, "p")
        assert run.posted[-1] == ("pause", {})
        await frames(pilot)
        assert "paused" in frame(app)
        await press(pilot, "p")
        assert run.posted[-1] == ("resume", {})
        await press(pilot, "K")
        assert run.posted[-1] == ("checkpoint", {})
        await press(pilot, "r", "2")
        assert run.posted[-1] == ("set_lr", {"factor": 0.1})
        await press(pilot, "r", "5")
        assert run.posted[-1] == ("set_lr", {"factor": 1.0})
        await press(pilot, "r", "4")
        await type_text(pilot, "0.002")
        await press(pilot, "enter")
        assert run.posted[-1] == ("set_lr", {"value": 0.002})
        for key, word in (("4", "ROC AUC"), ("5", "Learning rate"), ("6", "Gradients"), ("3", "Loss")):
            await press(pilot, key)
            assert word in frame(app)
        session.complete(run)
        await frames(pilot)
        assert "t train" in frame(app)
        assert "finished" in frame(app)


async def test_charts_have_a_cursor_and_scales():
    session = FakeSession(done="baseline")
    session.put("find_lr")
    async with opened(session) as (app, pilot):
        await press(pilot, "f10")
        tell_training(session.run_list[-1])
        await frames(pilot)
        chart = app.focused
        await press(pilot, "home")
        assert "at step 0" in frame(app)
        await press(pilot, "x", "end")
        assert "at epoch 11.98" in frame(app)
        await press(pilot, "l")
        assert "log" in frame(app)
        assert "smooth 0.9, dots: raw" in frame(app), "one value a step is smoothed, and it is said"
        await press(pilot, "m", "z")
        assert "smooth 0.98" in frame(app)
        assert "a fifth" in frame(app)
        await press(pilot, "m")
        assert "smooth" not in frame(app)
        drawn = chart.drawn
        await frames(pilot, 5)
        assert chart.drawn == drawn, "a clean chart is not drawn again"


async def test_the_finder_s_suggestions_can_be_taken():
    session = FakeSession(done="baseline")
    session.put("find_lr")
    async with opened(session) as (app, pilot):
        await press(pilot, "2", "j", "enter")
        assert session.answers.get("train").lr == 6.1e-3
        assert "in use" in frame(app)


async def test_express_takes_recommended_answers_through_phases_and_stops_at_the_gate():
    session = FakeSession()
    session.answers.set("data", "file", "/data/adult.csv", "flag")
    async with opened(session) as (app, pilot):
        await press(pilot, "f5", "2")
        for _ in range(12):
            running = [r for r in session.run_list if r.status == "running"]
            if not running:
                break
            session.complete(running[-1])
            if running[-1].kind == "checks":
                session.overrides["leak-single"] = "accepted"
            await frames(pilot)
        assert [r.kind for r in session.run_list] == ["profile", "split", "checks", "baselines", "checkup"]
        assert app.screen.phase == "baseline"
        assert "hist_gradient_boosting" in frame(app)


async def test_quitting_while_a_run_goes_on_leaves_it_running_by_default():
    session = FakeSession(done="baseline")
    async with opened(session) as (app, pilot):
        await press(pilot, "f10")
        tell_training(session.run_list[-1], 3)
        await frames(pilot)
        await press(pilot, "escape", "q")
        assert "Leave it running" in frame(app)
        await press(pilot, "4")
        assert app.is_running
        await press(pilot, "q", "enter")
    info = app.return_value
    assert session.run_list[-1].posted == []
    assert "goes on without this window" in info.run_state
    assert "0.9283" in info.best
    assert info.command.startswith("phasewise")
    assert "come back with" in info.text()


async def test_quitting_can_stop_the_run():
    session = FakeSession(done="baseline")
    async with opened(session) as (app, pilot):
        await press(pilot, "f10")
        tell_training(session.run_list[-1], 3)
        await frames(pilot)
        await press(pilot, "escape", "q", "2")
    assert session.run_list[-1].posted == [("stop_epoch", {})]
    assert app.return_value.run_state == "stopping after this epoch"


async def test_a_lost_run_is_said_and_resumed_from_the_list():
    session = FakeSession(done="baseline")
    run = session.start(session.next_job("train"))
    tell_training(run, 3)
    run.status = "lost"
    async with opened(session) as (app, pilot):
        assert "is lost" in frame(app)
        await press(pilot, "escape", "o", "r")
        assert session.resumed == [run.id]


async def test_a_running_run_is_attached_with_its_history():
    session = FakeSession(done="baseline")
    session.put("find_lr")
    run = session.start(session.next_job("train"))
    tell_training(run)
    async with opened(session) as (app, pilot):
        await frames(pilot)
        assert app.screen.phase == "train"
        assert app.desk.board.run(run.id).series["train.loss"].count == 12 * 31
        assert "t train" in frame(app)


async def test_a_second_viewer_reads_only():
    async with opened(FakeSession(done="goals", read_only=True)) as (app, pilot):
        assert "read only" in row(app, 1)
        assert "Read only" in row(app, -2)
        await press(pilot, "escape", "f5", "p")
        assert app.desk.session.started == []


async def test_ideas_are_predicted_added_and_tried():
    session = FakeSession(done="train")
    async with opened(session) as (app, pilot):
        await press(pilot, "3", "e")
        await type_text(pilot, "0.002 from -0.001 to 0.005, 40 %")
        await press(pilot, "enter")
        idea = next(i for i in session.ideas.all() if i.id == "i3")
        assert (idea.prediction.gain, idea.prediction.low, idea.prediction.high, idea.prediction.success) == (0.002, -0.001, 0.005, 0.4)
        await press(pilot, "a")
        await type_text(pilot, "less dropout")
        await press(pilot, "enter")
        assert "less dropout" in frame(app)
        await press(pilot, "T")
        assert session.started[-1].ids == ["i3"]


async def test_ideas_are_estimated_twice_and_the_incumbent_is_pruned():
    session = FakeSession(done="train")
    async with opened(session) as (app, pilot):
        await press(pilot, "3", "m")
        await type_text(pilot, "0.1, 2, 0.003, 20")
        await press(pilot, "enter", "M")
        await type_text(pilot, "0.2, 3, , 60 %")
        await press(pilot, "enter")
        idea = next(i for i in session.ideas.all() if i.id == "i3")
        assert (idea.estimates.hours, idea.estimates.complexity, idea.estimates.impact, idea.estimates.likelihood) == (0.1, 2, 0.003, 0.2)
        assert (idea.second.complexity, idea.second.impact, idea.second.likelihood) == (3, None, 0.6)
        await app.screen.go("tune", 4)
        await press(pilot, "P")
        assert session.started[-1].title == "Prune"


async def test_the_learning_curve_is_shown_with_its_forecast():
    session = FakeSession(done="tune")
    curve = {"points": [[100, 0.3], [100, 0.32], [200, 0.25], [400, 0.2]], "a": 0.1, "b": 2.0, "c": 0.5, "rows": 400, "double": 0.17, "double_low": 0.16, "double_high": 0.19, "tenfold": 0.13, "tenfold_low": 0.11, "tenfold_high": 0.16, "gain_double": 0.03, "gain_tenfold": 0.07}
    async with opened(session, (100, 30)) as (app, pilot):
        await app.screen.go("tune", 5)
        view = app.screen.query_one("Errors")
        view.found = view.found.model_copy(update={"learning_curve": curve})
        view._together = lambda evidence: view.found
        await press(pilot, *["c"] * view.parts.index("data"))
        text = frame(app)
        assert "training rows" in text and "0.31" in text and "4,000" in text and "twice the rows save 0.03" in text, text


async def test_the_account_of_noise_opens_on_a_key_and_names_every_idea():
    session = FakeSession(done="tune")
    async with opened(session, (100, 30)) as (app, pilot):
        await app.screen.go("tune", 2)
        await press(pilot, "z")
        text = frame(app)
        assert "Is your gain noise?" in text
        assert "more width" in text and "dropout [bold]x" in text and "1 of 2 tried ideas gained more than noise" in text


async def test_going_on_after_the_loop_stopped_asks_for_a_reason():
    session = FakeSession(done="tune")
    given: list[str] = []
    session.extend_budget = given.append
    async with opened(session, (100, 30)) as (app, pilot):
        await app.screen.go("tune", 2)
        await press(pilot, "B")
        assert "Go on tuning" in frame(app) and not given
        await press(pilot, *"because", "enter")
        assert given == ["because"]


@pytest.mark.parametrize("keys", [["f3"], ["question_mark"], ["f4"]])
async def test_keys_typed_ahead_close_a_screen_once(keys):
    """Several keys may wait for a screen that the first of them closes: the others must not take the main screen along."""
    async with opened(FakeSession(done="tune"), (80, 24)) as (app, pilot):
        await press(pilot, *keys)
        shown = app.screen
        assert shown is not app.screen_stack[0]
        for _ in range(3):
            shown.dismiss(None)
        await still(pilot)
        assert app.is_running and len(app.screen_stack) >= 1 and shown not in app.screen_stack and type(app.screen).__name__ == "MainScreen"


async def test_a_date_column_shows_its_range_and_no_page_of_the_data_falls_over_it():
    session = FakeSession(done="goals")
    session.put("profile")
    found = session.evidence("profile").result
    day = ColumnSummary(name="Datum [x]", role="date", dtype="string", rows=48842, missing=0, distinct=726, minimum="2021-01-02 00:00:00", maximum="2023-06-19 10:30:00", bars=[], reason="dates")
    session.stored["profile"] = found.model_copy(update={"columns": [day, *found.columns]})
    async with opened(session) as (app, pilot):
        await app.screen.go("data", 2)
        seen = await still(pilot)
        assert "from 2021-01-02 to 2023-06-19 10:30:00" in seen
        assert "Datum [x]" in seen


def test_sources_are_what_a_person_can_look_up():
    assert content.cited("T22, Bergstra & Bengio 2012") == "Bergstra & Bengio JMLR 2012; Bergstra & Bengio 2012"
    assert content.cited("A10 B01").startswith("deeplearning.ai course; Smith arXiv 1704.01568")
    assert content.cited("check:T13, T20; Gebru et al., arXiv 1803.09010", rules=False) == "Gebru et al., arXiv 1803.09010"
    assert content.plainly("Add only what pays (A10).") == "Add only what pays."
    assert content.plainly("One hot (B07, check:T30), and (U2).") == "One hot, and (U2)."


def test_a_stale_reason_names_the_question_and_a_run_keeps_its_bar_beside_a_long_title():
    assert because(["goals.target changed from 0.9 to 0.8", "goals.csv changed"]) == "the answer to \u201cWhich value is good enough?\u201d changed from 0.9 to 0.8; goals.csv changed"
    run = LiveRun("r")
    run.state, run.title, run.done, run.total, run.eta_low, run.eta_high = "running", "Try twice the units in every layer, one hidden layer more, one-cycle schedule", 20, 100, 250.0, 480.0
    told = run_row(run, 78, True).plain
    assert len(told) <= 78 and "20 %" in told and "left" in told and "Try twice" in told and "#" in told.replace("=", "#")
    told = {"idea-one-cycle.s2": "one-cycle, seed 2", "idea-one-cycle.s2.f0": "one-cycle, seed 2, fold 1", "incumbent.s0": "the model so far, seed 0", "t03": "t03", "t03.f4": "t03, fold 5"}
    assert {m: spoken(m) for m in told} == told


def test_a_remaining_time_has_one_unit():
    assert [eta(*r) for r in ((8.0, 19.0), (62.0, 115.0), (254.0, 476.0), (20.0, 130.0), (5400.0, 9000.0), (None, 7.0))] == [
        "8 to 19 s left", "1 to 2 min left", "4 to 8 min left", "0 to 3 min left", "1.5 to 2.5 h left", "7 s left",
    ]
    assert eta(None, None) == ""


async def test_who_has_no_new_rows_is_told_how_to_leave_the_field_out():
    session = FakeSession(done="verify")
    async with opened(session) as (app, pilot):
        await app.screen.go("field")
        assert "S skip with a reason" in await still(pilot)
