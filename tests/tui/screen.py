"""Helpers to drive the app in tests: start it with a fake session, press keys, read the screen as text."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from phasewise.tui.app import PhasewiseApp
from phasewise.tui.settings import Settings

from .fake_session import FakeSession

GOLDENS = Path(__file__).parent / "goldens"


def frame(app: Any) -> str:
    """The screen as plain text, one line a row, trailing blanks dropped."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(s.text for s in strip).rstrip() for strip in strips)


def row(app: Any, number: int) -> str:
    """One row of the screen; negative numbers count from the bottom."""
    return frame(app).splitlines()[number]


@asynccontextmanager
async def opened(session: FakeSession | None, size: tuple[int, int] = (80, 24), **settings: Any) -> AsyncIterator[tuple[Any, Any]]:
    """The app on a session (None: the start screen) and its pilot, settled."""
    app = PhasewiseApp(settings=Settings(motion=False, **settings), session=session)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        yield app, pilot


async def settle(pilot: Any, rounds: int = 3) -> None:
    """Wait until messages and workers are through; the project of the first screen included."""
    app = pilot.app
    for i in range(1000):
        await pilot.pause(None if i < 50 else 0.02)  # a loaded machine paints its first frame late
        if app.session is None or (app.desk is not None and getattr(app.screen, "page", True) is not None):
            break
    for _ in range(rounds):
        await app.workers.wait_for_complete()
        await pilot.pause()
    text = frame(app)
    for _ in range(50):  # a loaded machine may need more rounds: until two frames in a row are equal
        await pilot.pause()
        before, text = text, frame(app)
        if text == before:
            break


async def still(pilot: Any) -> str:
    """The screen once it has stopped changing: three equal frames in a row."""
    same, text = 0, frame(pilot.app)
    for _ in range(200):
        await pilot.pause(0.02)
        now = frame(pilot.app)
        same = same + 1 if now == text else 0
        text = now
        if same >= 3:
            break
    return text


async def press(pilot: Any, *keys: str) -> None:
    """Press keys one after the other and settle."""
    await pilot.press(*keys)
    await settle(pilot, 1)


async def type_text(pilot: Any, text: str) -> None:
    """Type a text into the focused field."""
    names = {" ": "space", ".": "full_stop", "/": "slash", "-": "minus", "_": "underscore", "%": "percent_sign", ",": "comma"}
    await press(pilot, *(names.get(c, c) for c in text))


async def frames(pilot: Any, count: int = 2) -> None:
    """Run frames of the live timer by hand."""
    main = next(s for s in pilot.app.screen_stack if hasattr(s, "frame"))
    for _ in range(count):
        await main.frame()
        await pilot.pause()


def golden(name: str, text: str) -> None:
    """Compare a frame with its golden file; `UPDATE_FRAMES=1` writes it."""
    path = GOLDENS / f"{name}.txt"
    if os.environ.get("UPDATE_FRAMES") or not path.exists():
        if os.environ.get("UPDATE_FRAMES"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        else:
            raise AssertionError(f"no golden frame {path.name}; run with UPDATE_FRAMES=1 and look at it")
    assert text + "\n" == path.read_text(encoding="utf-8"), f"the frame {name} changed; look, then run with UPDATE_FRAMES=1"
