"""Draws the README's pictures from a real project, headless: `python docs/make_pictures.py [PROJECT_FOLDER]`.

Without a folder the demo project is made and run through in a temporary place first (about a minute).
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
    "verify-120x40": ((120, 40), "verify", 1),
    "goals-80x24": ((80, 24), "goals", 0),
}


def demo(home: Path) -> Path:
    """The finished demo project below `home`."""
    subprocess.run([sys.executable, "-m", "phasewise", "demo", "--dir", str(home), "--no-input"], check=True, capture_output=True)
    return next(home.iterdir())


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


def main() -> None:
    """Draws into docs/pictures."""
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(draw(Path(sys.argv[1]) if sys.argv[1:] else demo(Path(home))))


if __name__ == "__main__":
    main()
