"""Every page, its views, lists, fields, dialogs and hints by mouse only; then every page by keyboard only."""

import pytest

from phasewise.records.phases import PHASES, TITLES
from phasewise.tui.keyed import key_of, keyed
from phasewise.tui.widgets.bars import ViewStrip
from phasewise.tui.widgets.table import Table

from .fake_session import FakeSession, tell_training
from .screen import frame, frames, opened, press, row, settle, still
from .test_mouse import click


async def at(pilot, widget, x, y=0):
    """Click inside a widget."""
    await pilot.click(offset=(widget.region.x + x, widget.region.y + y))
    await still(pilot)


async def test_every_view_of_every_page_is_reached_and_its_rows_are_chosen_by_mouse():
    async with opened(FakeSession(done="ship"), (120, 40)) as (app, pilot):
        for number, phase in enumerate(PHASES, 1):
            await at(pilot, app.screen.rail_column, 5, next(y for y, text in enumerate(frame(app).splitlines()) if f"{number} {TITLES[phase]}" in text) - app.screen.rail_column.region.y)
            assert app.screen.phase == phase
            page = app.screen.page
            strip = page.query_one(ViewStrip)
            for i, view in enumerate(page.VIEWS):
                if len(page.VIEWS) > 1:
                    await at(pilot, strip, strip._spots[i][0] + 3)
                assert page.view.TITLE == view.TITLE, f"a click on {view.TITLE} of {phase} shows {page.view.TITLE}"
                for table in (t for t in page.view.query(Table) if t.display and len(t.rows) > 1 and t.region.height > t.top + 1):
                    await at(pilot, table, 4, table.top + 1)
                    assert table.cursor - table.scroll_offset.y == 1 or len(app.screen_stack) > 2, f"{phase} {view.TITLE}: a click does not move the cursor"
                    break


@pytest.mark.parametrize("phase", PHASES)
async def test_a_choice_of_every_form_is_made_by_mouse(phase):
    from phasewise.tui.widgets.chooser import Chooser
    from phasewise.tui.widgets.editors import Edited, PickOne, Toggle

    session = FakeSession(done="ship")
    async with opened(session, (100, 60)) as (app, pilot):
        await app.screen.go(phase, app.screen.pages[phase].question_view() if phase in app.screen.pages else None)
        await app.screen.page.show(app.screen.page.question_view())
        await still(pilot)
        form = app.screen.page.form
        seen = [f for f in form.fields.values() if f.display and f.editor.region.area and app.screen.region.contains_region(f.editor.region)]
        assert seen, f"{phase} shows no field"
        clicked = next((f for f in seen if isinstance(f.editor, PickOne | Toggle | Chooser) and not getattr(f.question, "locked", "")), None)
        if clicked is None:  # only typed fields: a click puts the cursor there
            await at(pilot, seen[0].editor, 1)
            assert app.screen.focused is not None
            return
        before = session.answers.value(phase, clicked.question.name)
        told = []
        clicked.editor.post_message, post = (lambda m: told.append(m) or post(m)), clicked.editor.post_message
        if isinstance(clicked.editor, Chooser):
            await at(pilot, clicked.editor, 2)
            assert len(app.screen_stack) == 3, "the list did not open"
            table = app.screen.query_one(Table)
            await at(pilot, table, 3, next(i for i in range(2) if app.screen.shown[i][0] != before))
        else:
            spots = [(x, y) for y in range(clicked.editor.region.height) for x in range(1, clicked.editor.region.width, 3)]
            for x, y in spots:
                await at(pilot, clicked.editor, x, y)
                if session.answers.value(phase, clicked.question.name) != before:
                    break
        assert any(isinstance(m, Edited) for m in told)
        assert session.answers.value(phase, clicked.question.name) != before


async def test_keys_named_in_hints_and_dialogs_are_pressed_by_a_click():
    session = FakeSession(done="train")
    async with opened(session, (100, 30)) as (app, pilot):
        await app.screen.go("tune", 2)
        await click(pilot, "z noise")
        assert "Is your gain noise?" in frame(app)
        await click(pilot, "Esc closes")
        assert len(app.screen_stack) == 2
        await click(pilot, "a add")
        assert "A new idea" in frame(app)
        await pilot.click(offset=(1, 1))
        await settle(pilot, 1)
        assert len(app.screen_stack) == 2, "a click beside the box closes it"
        await click(pilot, "F4 Commands")
        assert len(app.screen_stack) == 3
        await press(pilot, "escape")
        await click(pilot, "Review v", dx=2)
        await click(pilot, "a shows defaults")
        assert app.screen.everything


async def test_a_run_is_steered_and_left_by_mouse():
    session = FakeSession(done="baseline")
    session.put("find_lr")
    async with opened(session, (100, 30)) as (app, pilot):
        await click(pilot, "Train ›", dx=2)
        run = session.run_list[-1]
        tell_training(run)
        await frames(pilot)
        await click(pilot, "p pause")
        assert run.posted[-1][0] == "pause"
        await click(pilot, "r rate")
        await click(pilot, "half of what is planned")
        assert run.posted[-1][0] == "set_lr"
        await click(pilot, "q Quit")
        await click(pilot, "4  Cancel")
        assert len(app.screen_stack) == 2
        await click(pilot, "s stop")
        assert run.posted[-1][0] == "stop_epoch"
        await click(pilot, "q Quit")
    assert app.return_value is not None


async def test_the_start_screen_is_used_by_mouse(tmp_path, monkeypatch):
    from phasewise.tui.screens.files import FilePicker
    from phasewise.tui.screens.start import StartModel

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    made = []

    def create(data, folder):
        made.append((data.name, folder.name))
        folder.mkdir()
        return folder

    from phasewise.tui.app import PhasewiseApp
    from phasewise.tui.settings import Settings

    app = PhasewiseApp(settings=Settings(motion=False), start=StartModel(create=create, templates=[("t1", "A template")], make=lambda name, folder: tmp_path), opener=lambda folder: FakeSession())
    async with app.run_test(size=(80, 24)) as pilot:
        await still(pilot)
        await click(pilot, "New project from a template", dx=4)
        assert "A template" in frame(app)
        await click(pilot, "Esc closes")
        await click(pilot, "New project from a data file", dx=4)
        assert isinstance(app.screen, FilePicker)
        await click(pilot, "mine.csv")
        await settle(pilot)
        assert made == [("mine.csv", "mine-project")]
        assert app.screen.phase == "goals"


def test_words_that_are_keys_are_told_from_words_that_are_not():
    assert [key_of(w) for w in ("Enter", "Esc", "F6", "p", "/", "?", "type", "Enterprise", "")] == ["enter", "escape", "f6", "p", "slash", "question_mark", "", "", ""]
    text = "type or paste a path, Enter opens, Backspace goes up, F6 this folder, Esc closes"
    content = keyed(text)
    assert content.plain == text
    keys = [span.style.meta["@click"] for span in content.spans if not isinstance(span.style, str)]
    assert keys == [f"app.simulate_key('{k}')" for k in ("enter", "backspace", "f6", "escape")]
    for line in ("j k move, y copy", "a accept l relabel d drop u undo", "a feed a file  B put back", "number or Enter chooses, Esc closes", ""):
        assert keyed(line).plain == line
    assert [span.style.meta["@click"][-3] for span in keyed("a accept l relabel d drop").spans if not isinstance(span.style, str)] == ["a", "l", "d"]
    assert [span.style.meta["@click"][-3] for span in keyed("a feed a file").spans if not isinstance(span.style, str)] == ["a"]


async def test_every_page_and_view_by_keyboard_only():
    async with opened(FakeSession(done="ship"), (80, 24)) as (app, pilot):
        await pilot.press("escape", *["left_square_bracket"] * len(PHASES))
        seen = []
        for phase in PHASES:
            assert app.screen.phase == phase
            page = app.screen.page
            for i in range(len(page.VIEWS)):
                await pilot.press("escape", str(i + 1))
                assert page.current == i
                if app.screen.focused is None:
                    await pilot.press("enter")
                assert app.screen.focused is not None or not any(w.focusable for w in page.view.query("*")), f"{phase} view {i}: no key leads into the view"
                seen.append((phase, i))
            assert app.screen.step.label in row(app, -2)
            await pilot.press("escape", "right_square_bracket")
        assert len(seen) > 25
