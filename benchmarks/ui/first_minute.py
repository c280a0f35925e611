"""The first minute: a person who knows only a file's path, the real program in a real terminal, from the start screen to the leaderboard.

Run `python benchmarks/ui/first_minute.py --data FILE.csv`. Keys are sent when what they answer is on the screen; a pasted path counts as one.
Prints the keys, the seconds to each stage and the leaderboard as it is seen at 80x24.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

OPEN = "import os, sys; os.chdir(sys.argv.pop(1)); sys.argv[0] = 'phasewise'; from phasewise.cli.main import main; sys.exit(main(sys.argv[1:]))"


def walk(data: Path, limit: float) -> dict[str, object]:
    """Drive the program; the keys sent and the seconds until each stage was on the screen."""
    from tui.pty_terminal import Terminal

    with tempfile.TemporaryDirectory() as temp:
        (Path(temp) / "here").mkdir()
        terminal = Terminal(OPEN, str(Path(temp) / "here"), home=Path(temp) / "home")
        began, keys, stages = time.monotonic(), [], {}

        def seen(text: str, stage: str) -> None:
            terminal.until(text, limit=limit)
            stages[stage] = round(time.monotonic() - began, 1)

        def send(key: str, name: str) -> None:
            terminal.send(key)
            keys.append(name)

        try:
            seen("New project", "start screen")
            send("n", "n")
            terminal.until("Choose a file")
            send(f"\x1b[200~{data}\x1b[201~", "paste")
            terminal.until(data.name)
            send("\r", "Enter")
            seen("rows", "the file is read")
            terminal.until("Split and seal" if False else "\u203a", limit=limit)
            send("\x1b[15~", "F5")
            terminal.until("Run through which phase")
            send("\r", "Enter")
            seen("trees", "the leaderboard has its best row")
            seen("Next:", "baselines, check-up and verdict are there")
            for _ in range(20):
                terminal._read(0.05)
            screen = [row.rstrip() for row in terminal.screen.display]
            terminal.send("q")
            terminal.end()
        finally:
            terminal.shut()
    return {"keys": keys, "seconds": stages, "screen": screen}


def main() -> None:
    """Print what happened and the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=float, default=120.0)
    args = parser.parse_args()
    found = walk(args.data.absolute(), args.limit)
    print("\n".join(found.pop("screen")), "\n")  # type: ignore[arg-type]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
