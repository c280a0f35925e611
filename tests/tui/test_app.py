"""The app as a whole: start screen, palette, keys, remapping, panes, themes, review, jump, export, crash, settings."""

import time
from pathlib import Path

import pytest

from phasewise.records.errors import UsageError
from phasewise.records.phases import PHASES, TITLES
from phasewise.tui import export, keys, recent
from phasewise.tui.app import PhasewiseApp
from phasewise.tui.screens.start import StartModel
from phasewise.tui.settings import Settings, load
from phasewise.tui.widgets.table import Column, Table

from .fake_session import FakeSession, tell_training
from .screen import frame, frames, opened, press, row, settle, still, type_text


def test_keys_have_unique_ids_titles_and_no_clash_with_multiplexers():
    taken = {"ctrl+a", "ctrl+b", "ctrl+g", "ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+n", "ctrl+o", "ctrl+p", "ctrl+q", "ctrl+s", "ctrl+t", "ctrl+z"}
    ids = [k.id for k in keys.KEYS]
    assert len(ids) == len(set(ids))
    assert all(k.title and k.group for k in keys.KEYS)
    assert not [k for k in keys.KEYS if set(k.keys.split(",")) & taken]
    assert keys.check({}) == []
    assert "did you mean 'quit'" in keys.check({"quiet": "x"})[0]
    assert any("given to" in w for w in keys.check({"quit": "b"}))
    assert keys.spelled("f4,colon") == "F4 or :"


def test_settings_come_from_file_and_environment(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('theme = "light"\nmotion = false\n[keys]\nquit = "Q"\n')
    found = load({"LANG": "C.UTF-8", "TERM": "xterm-256color"}, file)
    assert (found.theme, found.motion, found.keys, found.markers, found.ascii) == ("light", False, {"quit": "Q"}, "braille", False)
    assert load({"LANG": "C"}, tmp_path / "none").ascii
    assert load({"LANG": "C.UTF-8", "TERM": "linux"}, tmp_path / "none").markers == "block"
    assert load({"NO_COLOR": "1", "LANG": "C.UTF-8"}, tmp_path / "none").theme == "mono"
    assert load({"PHASEWISE_THEME": "ansi", "LANG": "C.UTF-8"}, file).theme == "ansi"
    file.write_text('\nthme = "light"\n')
    with pytest.raises(UsageError) as wrong:
        load({}, file)
    assert "Did you mean 'theme'" in wrong.value.remedy
    assert "line 2" in wrong.value.cause
    file.write_text('theme = "lite"\n')
    with pytest.raises(UsageError, match="lite"):
        load({}, file)


async def test_keys_can_be_remapped_by_id():
    session = FakeSession(done="data")
    async with opened(session, keys={"back": "comma", "review": "w"}) as (app, pilot):
        await press(pilot, "escape", "b")
        assert app.screen.phase == "approach"
        await press(pilot, "comma")
        assert app.screen.phase == "data"
        await press(pilot, "w")
        assert "phasewise run --through" in frame(app)
        await press(pilot, "escape", "question_mark")
        text = frame(app)
        assert "Keys" in text


async def test_every_command_is_in_the_palette_and_runs():
    from phasewise.tui.commands import every

    async with opened(None) as (app, pilot):
        titles = {c.title for c in every(app)}
    async with opened(FakeSession(done="ship")) as (app, pilot):
        for phase in PHASES:
            await app.screen.go(phase)
            for i in range(len(app.screen.page.VIEWS)):
                await app.screen.page.show(i)
                titles |= {c.title for c in every(app)}
        assert {k.title for k in keys.KEYS if k.where != "augmented"} <= titles  # that view belongs to pictures
        assert {"Theme: colour-blind", "Go to Verify"} <= titles
        await press(pilot, "escape", "f4")
        await type_text(pilot, "theme: light")
        await settle(pilot)
        await press(pilot, "enter")
        assert app.theme == "phasewise-light"
        await press(pilot, "colon")
        await type_text(pilot, "go to tune")
        await settle(pilot)
        await press(pilot, "enter")
        assert app.screen.phase == "tune"
        await app.screen.page.show(2)
        await press(pilot, "f4")
        await type_text(pilot, "add an idea")
        await settle(pilot)
        await press(pilot, "enter")
        assert "A new idea" in frame(app), "a command of a view runs on the view"


async def test_every_question_is_in_the_palette_and_leads_to_its_field():
    from phasewise.tui.commands import every

    session = FakeSession(done="data")
    async with opened(session) as (app, pilot):
        asked = {f"{p}.{q.name}" for p in PHASES for q in session.questions(p) if q.visible}
        assert asked and asked <= {c.help for c in every(app)}
        await press(pilot, "f4")
        await type_text(pilot, "schedule")
        await settle(pilot)
        await press(pilot, "enter")
        assert app.screen.phase == "train"
        assert app.screen.page.form.focused_question().name == "schedule"
        for key in ("train.batch_size", "train.clip_norm", "goals.metric", "verify.claim"):
            await app.screen.action_question(key)
            text = await still(pilot)
            field = app.screen.page.form.fields[key.partition(".")[2]]
            assert field.editor.has_focus
            assert field.question.text[:30] in text, f"{key} has the focus and cannot be seen"


async def test_panes_toggle_by_digit():
    session = FakeSession(done="baseline")
    session.put("find_lr")
    async with opened(session, (160, 50)) as (app, pilot):
        assert app.screen.coach.display
        await press(pilot, "escape", "8", "7")
        assert not app.screen.coach.display
        assert not app.screen.rail_column.display
        assert app.screen.rail_row.display
        await press(pilot, "f10")
        tell_training(session.run_list[-1], 3)
        await frames(pilot)
        await press(pilot, "9")
        assert "validation improved" in frame(app)
        app.screen.query_one("#log-filter").focus()
        await type_text(pilot, "plan")
        assert "plan stacked" in frame(app)
        assert "validation improved to 0.9281" not in "\n".join(frame(app).splitlines()[-12:])


async def test_coach_says_what_is_asked_now_when_it_comes_into_sight():
    async with opened(FakeSession(done="data")) as (app, pilot):
        await app.screen.go("approach")
        await app.screen.page.show(0)
        await still(pilot)
        assert not app.screen.coach.display
        question = app.screen.page.form.focused_question()
        await press(pilot, "8")
        await still(pilot)
        assert question.text in app.screen.coach.text.plain
        await press(pilot, "escape")
        await still(pilot)
        assert "Which solved problem is this like?" in app.screen.coach.text.plain


async def test_review_lists_answers_with_source_and_goes_to_one():
    session = FakeSession(done="data")
    session.answers.set("goals", "target", 0.95)
    async with opened(session) as (app, pilot):
        await press(pilot, "escape", "v")
        text = frame(app)
        assert "phasewise run --through ship" in text
        assert "your answer" in text
        assert "from a flag" in text
        await press(pilot, "slash")
        await type_text(pilot, "good enough")
        await press(pilot, "enter", "enter")
        assert app.screen.phase == "goals"
        assert app.focused.id is None
        assert app.screen.page.form.focused_question().name == "target"


async def test_why_shows_text_source_and_advice():
    async with opened(FakeSession()) as (app, pilot):
        await press(pilot, "f1")
        text = frame(app)
        assert "A single number ends arguments." in text
        assert "G04" in text
        assert "two classes, 24 % in" in text


async def test_jump_goes_to_a_letter():
    async with opened(FakeSession()) as (app, pilot):
        await press(pilot, "f3", "d")
        assert app.screen.page.form.focused_question().name == "claim"


async def test_tables_and_charts_are_copied_and_exported(tmp_path):
    session = FakeSession(str(tmp_path), done="baseline")
    session.put("find_lr")
    async with opened(session, (100, 30)) as (app, pilot):
        await press(pilot, "escape", "b", "2", "E", "1")
        path = next((tmp_path / "export" / "pictures").glob("*.csv"))
        assert path.read_text().splitlines()[1].startswith('"",hist_gradient_boosting,0.9283') or "hist_gradient_boosting,0.9283" in path.read_text()
        await press(pilot, "y")
        assert app.clipboard.count("\t") > 5
        assert "also saved to" in frame(app)
        await app.screen.go("train", 1)
        await press(pilot, "shift+tab", "E", "2")
        svg = next((tmp_path / "export" / "pictures").glob("train-*.svg")).read_text()
        assert "<polyline" in svg
        await press(pilot, "E", "3")
        assert "Loss over learning rate" in next((tmp_path / "export" / "pictures").glob("train-*.txt")).read_text()
        await press(pilot, "f8")
        assert list((tmp_path / "export" / "pictures").glob("screen-train*.svg"))


def test_exports_are_safe_for_spreadsheets_and_browsers():
    table = Table([Column(title="=cmd"), Column(title="<b>")])
    table.rows = [["=1+1", "\x1b[2J"], ["-3.5", "a,b"]]
    text = export.text_of(table, "csv")
    assert text.splitlines() == ["'=cmd,<b>", "'=1+1,\u241b[2J", '-3.5,"a,b"']
    svg = export.text_of(table, "svg")
    assert "<b>" not in svg
    assert "\x1b" not in svg


async def test_the_start_screen_lists_projects_and_makes_new_ones(tmp_path):
    made = []
    (tmp_path / "adult").mkdir()
    recent.remember(recent.Recent(path=str(tmp_path / "adult"), name="adult", phase="train", state="ready", best="ROC AUC 0.93", t=time.time() - 3 * 86_400))
    model = StartModel(demo=lambda: tmp_path / "adult", templates=[("tabular-regression", "Predict a number")], make=lambda name, folder: made.append((name, folder)) or tmp_path / "adult")
    session = FakeSession(str(tmp_path / "adult"), done="data")
    app = PhasewiseApp(settings=Settings(motion=False), start=model, opener=lambda folder: session)
    async with app.run_test(size=(100, 30)) as pilot:
        await still(pilot)
        text = frame(app)
        assert "adult" in text
        assert "Train" in text
        assert "3 days ago" in text
        await press(pilot, "t", "1")
        await settle(pilot)
        assert made[0][0] == "tabular-regression"
        assert app.screen.phase == "approach"
    app = PhasewiseApp(settings=Settings(motion=False), start=model, opener=lambda folder: session)
    async with app.run_test(size=(60, 18)) as pilot:
        await still(pilot)
        assert "d Demo" in row(app, -1)
        await press(pilot, "d")
        await settle(pilot)
        assert app.screen.phase == "approach"


async def test_what_finished_while_away_is_said(tmp_path):
    session = FakeSession(str(tmp_path), done="baseline")
    recent.remember(recent.Recent(path=str(tmp_path), name="adult", t=1_600_000_000.0))
    app = PhasewiseApp(Path(tmp_path), settings=Settings(motion=False), session=session)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await settle(pilot)
        assert "Finished while you were away" in frame(app)
        assert "Best so far" in frame(app)
        await press(pilot, "escape", "q")
    assert recent.load()[0].phase == "train"


async def test_a_crash_ends_with_a_short_message_and_a_log(tmp_path):
    session = FakeSession(done="goals")
    app = PhasewiseApp(settings=Settings(motion=False), session=session)
    with pytest.raises(ZeroDivisionError):
        async with app.run_test() as pilot:
            await settle(pilot)
            secret = "hunter2"  # noqa: F841, S105

            def boom() -> None:
                local_secret = "hunter2"  # noqa: F841, S105
                raise ZeroDivisionError("no")

            app.call_later(boom)
            await pilot.pause()
    info = app.return_value
    assert info.code == 1
    assert "ZeroDivisionError" in info.text()
    log = next(line.split("log: ")[1] for line in info.lines if "log: " in line)
    assert "hunter2" not in Path(log).read_text().replace('"hunter2"', "")
    assert "come back with: phasewise" in info.text()


async def test_every_view_of_every_page_is_in_the_palette_and_is_found_by_its_word():
    from phasewise.tui.commands import views
    from phasewise.tui.pages import page_class

    async with opened(FakeSession(done="ship")) as (app, pilot):
        named = {c.title for c in views(app)}
        for phase in PHASES:
            offered = page_class(phase).offers(app.desk)
            assert all(f"Go to {v.TITLE} ({TITLES[phase]})" in named for v in offered) or len(offered) == 1
        places = {"labels": ("data", "Labels"), "findings": ("data", "Findings"), "ablation": ("tune", "Ablation"), "exports": ("ship", "Exports"), "confusion": ("tune", "Errors")}
        for word, (phase, title) in places.items():
            await app.screen.go("goals")
            await press(pilot, "escape", "f4")
            await type_text(pilot, word)
            await press(pilot, "enter")
            assert (app.screen.phase, app.screen.page.view.TITLE) == (phase, title), f"{word!r} led to {app.screen.phase} {app.screen.page.view.TITLE}"
            assert app.screen.step.label in row(app, -2)


async def test_a_picture_of_the_screen_needs_no_network_and_keeps_its_columns():
    from phasewise.tui.export import portable

    async with opened(FakeSession(done="tune"), (100, 30)) as (app, pilot):
        svg = app.export_screenshot()
        assert "font-face" not in svg and "https://" not in svg.replace("https://www.textualize.io", "").replace("https://textual.textualize.io", "")
        assert ">&#160;" not in svg, "some viewers drop blanks at the beginning of a text"
        assert ">Strengthen<" in svg
    line = '<text class="a" x="20" y="5" textLength="60" clip-path="url(#l)">&#160;&#160;abc&amp;</text>'
    assert portable(line) == '<text class="a" x="40.0" y="5" textLength="40.0" clip-path="url(#l)">abc&amp;</text>'
