"""Frames as text at four sizes and in ASCII and mono; on every page the primary action is seen and nothing is wider than the screen."""

import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from phasewise.records.phases import PHASES

from .fake_session import FakeSession, tell_training
from .screen import frame, frames, golden, opened, press, row, still

SIZES = {"60x18": (60, 18), "80x24": (80, 24), "120x40": (120, 40), "160x50": (160, 50)}


@pytest.mark.parametrize("size", ["60x18", "80x24", pytest.param("120x40", marks=pytest.mark.slow), pytest.param("160x50", marks=pytest.mark.slow)])
async def test_every_page_shows_its_primary_action_and_fits(size):
    async with opened(FakeSession(done="ship"), SIZES[size]) as (app, pilot):
        for phase in PHASES:
            await app.screen.go(phase)
            await still(pilot)
            page = app.screen.page
            for i in range(len(page.VIEWS)):
                await page.show(i)
                text = await still(pilot)
                lines = text.splitlines()
                assert app.screen.step.label in lines[-2], f"{phase} view {i}: primary action not seen"
                assert max(cell_len(x) for x in lines) <= SIZES[size][0]
                assert page.views[i].max_scroll_x == 0, f"{phase} view {i} scrolls sideways"
                assert page.views[i].TITLE


@pytest.mark.parametrize("size", SIZES)
async def test_golden_forms(size):
    async with opened(FakeSession(), SIZES[size]) as (app, pilot):
        golden(f"goals-{size}", await still(pilot))


@pytest.mark.parametrize("size", SIZES)
async def test_golden_leaderboard(size):
    async with opened(FakeSession(done="baseline"), SIZES[size]) as (app, pilot):
        await press(pilot, "escape", "b", "2")
        golden(f"leaderboard-{size}", await still(pilot))


@pytest.mark.parametrize("size", SIZES)
async def test_golden_training(size):
    session = FakeSession(done="baseline")
    session.put("find_lr")
    async with opened(session, SIZES[size]) as (app, pilot):
        await press(pilot, "f10")
        tell_training(session.run_list[-1])
        await frames(pilot)
        golden(f"training-{size}", await still(pilot))


PAGES = {
    "columns": ("data", 2), "split": ("data", 3), "findings": ("data", 4), "finder": ("train", 1), "diagnosis": ("tune", 1), "ideas": ("tune", 2),
    "errors": ("tune", 5), "ensembles": ("strengthen", 1), "vault": ("verify", 0), "result": ("verify", 2), "drift": ("field", 1), "exports": ("ship", 2),
}


async def test_golden_pages_at_80x24():
    async with opened(FakeSession(done="ship")) as (app, pilot):
        for page, (phase, view) in PAGES.items():
            await app.screen.go(phase, view)
            golden(f"{page}-80x24", await still(pilot))


async def test_golden_ascii_has_no_other_character():
    session = FakeSession(done="baseline")
    session.put("find_lr")
    async with opened(session, ascii=True, markers="ascii", theme="mono") as (app, pilot):
        await press(pilot, "f10")
        tell_training(session.run_list[-1])
        await frames(pilot)
        golden("training-ascii", await still(pilot))
        console = Console(color_system=None, width=200)
        drawn = "\n".join(s.render(console) for s in app.screen._compositor.render_strips())
        assert re.sub(r"\x1b\[[0-9;]*m", "", drawn).isascii()
        await press(pilot, "f4")
        drawn = "".join(s.render(console) for s in app.screen._compositor.render_strips())
        assert re.sub(r"\x1b\[[0-9;]*m", "", drawn).isascii()


async def test_below_60x18_one_line_says_the_needed_size_and_the_app_goes_on():
    async with opened(FakeSession(done="goals"), (59, 18)) as (app, pilot):
        assert "needs 60x18" in frame(app)
        assert "Watch the run" not in frame(app)
        for size in ((40, 10), (200, 60), (60, 17), (80, 24)):
            await pilot.resize_terminal(*size)
            await still(pilot)
        assert "needs 60x18" not in frame(app)
        assert "Watch the run" in row(app, -2)


async def test_every_theme_draws_the_same_text():
    async with opened(FakeSession(done="ship")) as (app, pilot):
        await app.screen.go("baseline", 1)
        text = await still(pilot)
        for theme in ("dark", "light", "ansi", "colour-blind", "high-contrast", "mono", "default"):
            app.use_theme(theme)
            assert await still(pilot) == text
            assert app.theme == f"phasewise-{theme}"


@pytest.mark.parametrize("theme", ["ansi", "mono", "light"])
async def test_no_theme_writes_in_the_colour_of_the_ground(theme):
    async with opened(FakeSession(done="data"), theme=theme) as (app, pilot):
        for phase, view in (("goals", 0), ("data", 2)):
            await app.screen.go(phase, view)
            await still(pilot)
            segments = [s for strip in app.screen._compositor.render_strips() for s in strip if s.style and s.style.color and s.style.bgcolor and any(c.isalnum() for c in s.text)]
            assert len(segments) > 20
            assert [s.text for s in segments if s.style.color.name == s.style.bgcolor.name] == []


def test_the_default_theme_is_safe_in_256_colours():
    from phasewise.tui.themes import PALETTES

    levels = (0, 95, 135, 175, 215, 255)
    greys = {8 + 10 * i for i in range(24)}
    for name in ("default", "dark", "light", "colour-blind"):
        p = PALETTES[name]
        for value in (p.background, p.bar, p.raised, p.text, p.muted, p.line, p.accent, p.good, p.warn, p.bad, p.second):
            r, g, b = (int(value[i : i + 2], 16) for i in (1, 3, 5))
            assert all(c in levels for c in (r, g, b)) or (r == g == b and r in greys), f"{name}: {value} is no slot of the 256 colours"
