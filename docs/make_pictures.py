"""Draws the README's pictures from a real project, headless: `python docs/make_pictures.py [PROJECT_FOLDER]`.

Without a folder the demo project is made and run through in a temporary place first (about two minutes).
"""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

OUT = Path(__file__).parent / "pictures"
PICTURES = {
    "baseline-120x40": ((120, 40), "baseline", 1),
    "data-120x40": ((120, 40), "data", 2),
    "findings-120x40": ((120, 40), "data", 4),
    "training-120x40": ((120, 40), "train", 2),
    "diagnosis-120x40": ((120, 40), "tune", 1),
    "ideas-120x40": ((120, 40), "tune", 2),
    "verify-120x40": ((120, 40), "verify", 2),
    "goals-80x24": ((80, 24), "goals", 0),
}


def demo(home: Path) -> Path:
    """The demo project below `home`, run to verify with a network although none is needed: every page has something to show."""
    command = [sys.executable, "-m", "phasewise"]
    subprocess.run([*command, "demo", "--dir", str(home), "--no-input", "--through", "data"], check=True, capture_output=True)
    folder = next(home.iterdir())
    answers = ("baseline.go_on_reason=the pictures show how a network is trained", "goals.target=0.999", "tune.budget_trials=6")
    subprocess.run([*command, "run", "--through", "verify", "--yes", *(x for a in answers for x in ("--set", a))], cwd=folder, check=True, capture_output=True)
    return folder


async def draw(folder: Path) -> None:
    """One app per picture: open, go to the page, show the view, save the screen."""
    from phasewise.tui.app import PhasewiseApp

    for name, (size, phase, view) in PICTURES.items():
        app = PhasewiseApp(folder)
        async with app.run_test(size=size) as pilot:
            for _ in range(100):
                await pilot.pause(0.05)
                if getattr(app.screen, "page", None) is not None:
                    break
            await app.screen.go(phase)
            await pilot.pause(0.3)
            page = app.screen.page
            if view < len(page.VIEWS):
                await page.show(view)
            await pilot.pause(0.5)
            (OUT / f"{name}.svg").write_text(app.export_screenshot(title="phasewise"))
            app.exit()
        if app.session is not None:
            app.session.close()  # the next picture opens the project for writing again


def main() -> None:
    """Draws into docs/pictures."""
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(draw(Path(sys.argv[1]) if sys.argv[1:] else demo(Path(home))))


if __name__ == "__main__":
    main()
