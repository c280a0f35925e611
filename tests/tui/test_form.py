"""Forms: every editor kind, validation on leaving and on Next, sources, reset, advanced questions."""

import pytest

from phasewise.tui.widgets.chooser import Chooser
from phasewise.tui.widgets.editors import PickMany, PickOne, Toggle
from phasewise.tui.widgets.entries import NumberEntry, PathEntry, parse_number

from .fake_session import FakeSession
from .screen import frame, opened, press, row, type_text


@pytest.mark.parametrize(("text", "whole", "bounds", "value", "words"), [
    ("0.5", False, (0, 1), 0.5, ""), ("50 %", False, (0, 1), 0.5, ""), ("1,000", True, (1, None), 1000, ""), ("", True, (1, None), None, ""),
    ("2.5", True, (1, None), None, "whole number"), ("abc", False, (None, None), None, "not a number"), ("nan", False, (None, None), None, "finite"),
    ("0", True, (1, 9), None, "at least 1"), ("10", True, (1, 9), None, "at most 9"), ("1e3", False, (None, None), 1000.0, ""),
])
def test_numbers_are_read_or_refused_with_what_is_allowed(text, whole, bounds, value, words):
    found, error = parse_number(text, whole, bounds)
    assert found == value
    assert words in error
    assert bool(error) == bool(words)


async def test_editors_follow_the_questions_and_changes_reach_the_session():
    session = FakeSession()
    async with opened(session) as (app, pilot):
        form = app.screen.page.form
        kinds = {name: type(f.editor) for name, f in form.fields.items()}
        assert kinds["metric"] is Chooser
        assert kinds["target"] is NumberEntry
        assert kinds["claim"] is PickOne
        assert "recommended" in frame(app)
        form.fields["target"].editor.focus()
        form.fields["target"].editor.value = "0.95"
        await press(pilot, "enter")
        assert session.answers.get("goals").target == 0.95
        assert session.answers.source("goals", "target") == "typed"
        assert "your answer" in frame(app)
        assert app.focused is form.fields["claim"].editor
        await press(pilot, "right")
        assert session.answers.get("goals").claim == "new_groups"
        await press(pilot, "delete")
        assert session.answers.source("goals", "claim") == "recommended"


async def test_chooser_searches_and_chooses():
    session = FakeSession()
    async with opened(session) as (app, pilot):
        assert isinstance(app.focused, Chooser)
        await press(pilot, "enter")
        await type_text(pilot, "log")
        await press(pilot, "enter")
        assert session.answers.get("goals").metric == "log_loss"
        assert "log loss" in frame(app)


async def test_a_wrong_value_is_said_on_leaving_and_next_goes_to_it():
    session = FakeSession()
    async with opened(session) as (app, pilot):
        form = app.screen.page.form
        entry = form.fields["budget_trials"].editor
        entry.focus()
        entry.value = "0"
        await press(pilot, "tab")
        assert "too small: at least 1" in frame(app)
        assert session.answers.source("goals", "budget_trials") == "default"
        await press(pilot, "f10")
        assert app.screen.phase == "goals"
        assert app.focused is entry
        entry.value = "12"
        await press(pilot, "enter")
        assert "too small" not in frame(app)
        await press(pilot, "f10")
        assert app.screen.phase == "data"
        assert "goals" in session.confirmed


async def test_back_never_validates():
    session = FakeSession(done="goals")
    async with opened(session) as (app, pilot):
        entry = app.screen.page.form.fields["test_share"].editor
        entry.focus()
        entry.value = "7"
        await press(pilot, "escape", "b")
        assert app.screen.phase == "goals"


async def test_problems_of_the_session_are_shown_at_their_question():
    session = FakeSession(done="goals")
    session.answers.unset("data", "file")
    async with opened(session) as (app, pilot):
        await press(pilot, "escape", "n")
        assert "Which file holds the data?" in frame(app)
        assert isinstance(app.focused, PathEntry)
        assert "Answer what is missing" in row(app, -2)


async def test_advanced_questions_come_on_demand_and_hidden_ones_when_they_apply():
    session = FakeSession(done="goals")
    async with opened(session, (80, 40)) as (app, pilot):
        form = app.screen.page.form
        assert "seed" not in form.fields
        assert len(form.fields) <= 12
        form.advanced.focus()
        await press(pilot, "enter")
        assert form.fields["seed"].display
        assert not form.fields["group"].display
        form.fields["policy"].editor.focus()
        await press(pilot, "right")
        assert session.answers.get("data").policy == "grouped"
        assert form.fields["group"].display
        form.advanced.focus()
        await press(pilot, "enter")
        assert not form.fields["seed"].display


async def test_boxes_switch_with_space():
    session = FakeSession(done="approach")
    async with opened(session) as (app, pilot):
        form = app.screen.page.form
        models = form.fields["models"].editor
        assert isinstance(models, PickMany)
        before = list(session.answers.get("baseline").models)
        models.focus()
        await press(pilot, "space")
        assert session.answers.get("baseline").models == before[1:]
        form.advanced.focus()
        await press(pilot, "enter")
        toggle = form.fields["checkup"].editor
        assert isinstance(toggle, Toggle)
        toggle.focus()
        await press(pilot, "space")
        assert session.answers.get("baseline").checkup is False


async def test_paths_complete_and_missing_files_are_said(tmp_path):
    (tmp_path / "people.csv").write_text("a\n1\n")
    session = FakeSession(done="goals")
    async with opened(session) as (app, pilot):
        entry = app.screen.page.form.fields["file"].editor
        entry.focus()
        entry.value = str(tmp_path / "nope.csv")
        await press(pilot, "tab")
        assert "no such file" in frame(app)
        entry.focus()
        entry.value = ""
        entry.insert_text_at_cursor(str(tmp_path / "peo"))
        await press(pilot)
        entry.action_cursor_right()
        assert entry.value == str(tmp_path / "people.csv")
        await press(pilot, "enter")
        assert session.answers.get("data").file == str(tmp_path / "people.csv")


async def test_the_file_picker_narrows_and_takes_a_file(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "people.csv").write_text("a\n1\n")
    session = FakeSession(done="goals")
    async with opened(session) as (app, pilot):
        entry = app.screen.page.form.fields["file"].editor
        entry.value = str(tmp_path)
        entry.focus()
        await press(pilot, "f6")
        assert "Choose a file" in frame(app)
        await type_text(pilot, "dee")
        await press(pilot, "enter")
        await type_text(pilot, "peop")
        await press(pilot, "enter")
        assert session.answers.get("data").file == str(tmp_path / "deep" / "people.csv")
