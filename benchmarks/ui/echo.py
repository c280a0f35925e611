"""The real program in a real terminal while an engine writes 2,000 events a second: frames, CPU, key-to-echo.

Run `python benchmarks/ui/echo.py [--seconds S] [--rate N]`. A second process holds the run's lock and appends events to the run
folder as an engine would (half of them metrics); the app looks on through `python -m phasewise PROJECT` in a pseudo-terminal of 100x30. A key counts as answered when the emulated screen shows what it does; the emulator's own time is part of the figure.
Frames are the terminal's synchronised updates, counted while no key is pressed.
"""

import argparse
import json
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from peer import cpu
from start import make_project

SIZE = (100, 30)
FRAME = b"\x1b[?2026h"
FEED = """
import sys, time
from pathlib import Path
from phasewise.project.runs import RunFolder
from phasewise.project.writer import RunWriter
rate, end = float(sys.argv[2]), time.monotonic() + float(sys.argv[3])
writer = RunWriter(RunFolder(Path(sys.argv[1])))
writer.emit("hello", job="fit", pid=1, host="here")
begin, sent = time.monotonic(), 0
while (now := time.monotonic()) < end:
    while sent < (now - begin) * rate:
        step = sent // 2
        writer.emit("metrics", series="train", columns=["step", "loss", "lr"], rows=[[float(step), 1.0 / (1 + step / 500), 1e-3]])
        writer.emit("progress", done=step % 10000, total=10000, unit="steps")  # also writes the metrics that wait
        sent += 2
    time.sleep(0.002)
print(sent / (time.monotonic() - begin))
writer.finish(None, reason="stopped")
"""
OPEN = "import sys; sys.argv[0] = 'phasewise'; from phasewise.cli.main import main; sys.exit(main(sys.argv[1:]))"


def wait(terminal: object, true: object, limit: float = 5.0) -> float:
    """Seconds until something is seen on the emulated screen."""
    began = time.perf_counter()
    while not true():  # type: ignore[operator]
        if time.perf_counter() - began > limit:
            raise SystemExit("not seen in time:\n" + "\n".join(terminal.screen.display))  # type: ignore[attr-defined]
        terminal._read(0.002)  # type: ignore[attr-defined]
    return time.perf_counter() - began


def quiet(terminal: object, seconds: float) -> tuple[float, float]:
    """(frames a second, share of a core) over some seconds without a key."""
    terminal.raw = b""  # type: ignore[attr-defined]
    before, begin = cpu(terminal.pid), time.monotonic()  # type: ignore[attr-defined]
    while time.monotonic() < begin + seconds:
        terminal._read(0.05)  # type: ignore[attr-defined]
    return terminal.raw.count(FRAME) / seconds, (cpu(terminal.pid) - before) / seconds  # type: ignore[attr-defined]


def spread(lags: list[float]) -> dict[str, float]:
    """Median, 95 % point and the longest, in milliseconds."""
    lags = sorted(lags)
    return {"keys": len(lags), "p50_ms": 1000 * statistics.median(lags), "p95_ms": 1000 * lags[int(0.95 * len(lags))], "max_ms": 1000 * lags[-1]}


def typing(terminal: object, seconds: float) -> dict[str, float]:
    """Digits typed into a number field, and taken out again; each counts when the field shows it."""
    shows = lambda text: any(re.search(rf"\u258e +(?:[0-9.e-]+)?{text}[^0-9]", row) for row in terminal.screen.display)  # type: ignore[attr-defined]  # noqa: E731
    lags, text = [], ""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for key in "739184":
            text += key
            terminal.send(key)  # type: ignore[attr-defined]
            lags.append(wait(terminal, lambda text=text: shows(text)))
            terminal._read(0.03)  # type: ignore[attr-defined]
        while text:
            text = text[:-1]
            terminal.send("\x7f")  # type: ignore[attr-defined]
            lags.append(wait(terminal, lambda text=text: shows(text) if text else not shows("7")))
            terminal._read(0.03)  # type: ignore[attr-defined]
    return spread(lags)


def views(terminal: object, seconds: float) -> dict[str, float]:
    """From the loss to the planned rate and back, both live charts; each counts when its title is seen."""
    titles = {"5": "l lr", "3": "t train"}
    seen = lambda title: any(title in row for row in terminal.screen.display[3:12])  # type: ignore[attr-defined]  # noqa: E731
    lags = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for key, title in titles.items():
            terminal.send(key)  # type: ignore[attr-defined]
            lags.append(wait(terminal, lambda title=title: seen(title)))
            terminal._read(0.05)  # type: ignore[attr-defined]
    return spread(lags)


def measure(rate: int, seconds: float) -> dict[str, object]:
    """All figures of one run of the program."""
    from phasewise.project.folder import Project
    from tui.pty_terminal import Terminal

    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp) / "project"
        make_project(folder, 50)
        with Project.open(folder) as project:
            job = next(run.job() for run in reversed(project.runs.list()) if run.id.endswith("-fit"))
            run = project.runs.create(job)
        feed = subprocess.Popen([sys.executable, "-c", FEED, str(run.path), str(rate), str(4 * seconds + 12)], stdout=subprocess.PIPE, text=True)
        terminal = Terminal(OPEN, str(folder), size=SIZE, home=Path(temp))
        try:
            terminal.send("\x1b[?2026;2$y")  # as a terminal that knows synchronised updates answers
            terminal.until("still running", limit=20)
            terminal._read(0.5)
            for key in ("[", "]"):  # wherever it opened: to Train
                if not any("t train" in row for row in terminal.screen.display):
                    terminal.send(key)
                    terminal._read(0.5)
            terminal.send("3")
            terminal.until("t train", limit=10)
            frames, share = quiet(terminal, seconds)
            switched = views(terminal, seconds)
            terminal.send("1")
            terminal.until("Which learning rate", limit=10)
            for _ in range(12):  # Tab to the first field that is typed
                terminal.send("\t")
                quiet(terminal, 0.4)
                if "\u203a F10" in terminal.screen.display[-2]:  # in a field that takes letters the action's key is the function key
                    break
            typed = typing(terminal, seconds)
            told = float(feed.communicate(timeout=60)[0])
        finally:
            terminal.shut()
            if feed.poll() is None:
                feed.send_signal(signal.SIGKILL)
                feed.wait()
        return {"events_per_s": told, "frames_per_s": frames, "cpu_share": share, "view_switch": switched, "echo": typed}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=int, default=2000)
    args = parser.parse_args()
    print(json.dumps(measure(args.rate, args.seconds), indent=1))


if __name__ == "__main__":
    main()
