"""CPU to the first screen, side by side: a bare Textual app, our start screen, our project screen (frame, then page).

Run `python benchmarks/ui/start.py [--runs N] [--project DIR]`. Each start happens in its own process under a real
pseudo-terminal of 100x30; CPU is user plus system of that process (children waited for included), wall time beside it. Byte code
is kept between starts, as it is for an installed program, so the first start is never the best.
"""

import argparse
import fcntl
import json
import os
import pty
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("hello")
    def on_mount(self):
        self.call_after_refresh(self.exit)
Bare().run()
"""

OURS = """
import gc, os, sys, json, resource
gc.disable()  # as the program does until its first page stands
from pathlib import Path
from phasewise.tui.app import PhasewiseApp
from phasewise.tui.settings import Settings
def cpu():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime
out = {}
class Timed(PhasewiseApp):
    def _display(self, screen, renderable):
        super()._display(screen, renderable)
        if "first_paint" not in out and type(screen).__name__ in ("MainScreen", "StartScreen") and screen is self.screen:
            self.first()
    def first(self):
        out["first_paint"] = cpu()
        out["modules"] = len(sys.modules)
        out["heavy"] = [m for m in ("torch", "sklearn", "scipy", "skops", "polars", "plotext", "numpy", "pydantic") if m in sys.modules]
        if self.folder is None:
            self.call_later(self.exit)
    async def open_project(self):
        await super().open_project()
        self.call_after_refresh(self.ready)
    def ready(self):
        out["page"] = cpu()
        self.exit()
folder = sys.argv[1] if len(sys.argv) > 1 else ""
Timed(Path(folder) if folder else None, settings=Settings(motion=False)).run()
Path(os.environ["PHASEWISE_BENCH_OUT"]).write_text(json.dumps(out))
"""


def with_byte_code() -> None:
    """Programs started from here keep their byte code, as an installed program has it; never in the source tree."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / f"phasewise-bench-{os.getuid()}")


def start(code: str, *args: str) -> tuple[float, float, dict]:
    """One start under a pseudo-terminal: CPU seconds, wall seconds, what the process wrote."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        begin = time.perf_counter()
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update(PHASEWISE_BENCH_OUT=str(out), TERM="xterm-256color", LANG="C.UTF-8", COLUMNS="100", LINES="30")
            os.execv(sys.executable, [sys.executable, "-c", code, *args])
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        while True:
            try:
                if not os.read(fd, 65536):
                    break
            except OSError:
                break
        _, _, usage = os.wait4(pid, 0)
        os.close(fd)
        told = json.loads(out.read_text()) if out.exists() else {}
        return usage.ru_utime + usage.ru_stime, time.perf_counter() - begin, told


def make_project(folder: Path, runs: int) -> None:
    """A project in the middle of tuning with evidence of every phase before it, padded with ended runs to `runs` of them; real files, invented results."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
    from fakes import FakeRunner, Script
    from phasewise.project.folder import Project
    from phasewise.workflow.session import Session
    from workflow.fakes import World, result_for
    from workflow.test_walkthrough import walk

    folder.parent.mkdir(parents=True, exist_ok=True)
    data = folder.parent / "data.csv"
    data.write_text("age,town,label,other\n1,a,yes,no\n2,b,no,no\n")
    world = World()
    kinds = ("profile", "split", "checks", "baselines", "checkup", "find_lr", "fit", "ladder", "try_ideas", "search", "ablate", "inspect")
    steps = [[float(i), 1.0 / (1 + i), 1e-3] for i in range(400)]
    told = [("metrics", {"series": "train", "columns": ["step", "loss", "lr"], "rows": steps[i : i + 20]}) for i in range(0, 400, 20)]
    project = Project.create(folder, "bench")
    session = Session(project, runner=FakeRunner(project, {k: Script(result=lambda job: result_for(job, "0007-fit", world), events=told) for k in kinds}))
    session.answers.set("data", "file", str(data), source="flag")
    walk(session, until="train")
    while len(project.runs.list()) < runs:
        job = session.next_job("tune")
        if job is None:
            break
        session.start(job)
        session.poll()
    last = project.runs.list()[-1].job()
    runner = FakeRunner(project, {last.kind: Script(reason="stopped", result=None, events=told)})
    while len(project.runs.list()) < runs:
        runner.start(project.runs.create(last))
    session.close()


def main() -> None:
    """Print one line per start kind and a JSON line with the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--project", default="")
    args = parser.parse_args()
    with_byte_code()
    with tempfile.TemporaryDirectory() as temp:
        project = Path(args.project) if args.project else Path(temp) / "project"
        if not args.project:
            make_project(project, 50)
        figures: dict[str, dict] = {}
        for name, code, extra in (("bare textual", BARE, ()), ("start screen", OURS, ()), ("project, 50 runs", OURS, (str(project),))):
            found = [start(code, *extra) for _ in range(args.runs)]
            best = min(found)
            figures[name] = {"cpu": best[0], "wall": best[1], **best[2]}
            first, page = best[2].get("first_paint"), best[2].get("page")
            print(f"{name:<18} whole process {best[0]:.3f} s CPU, {best[1]:.3f} s wall" + (f"; first paint {first:.3f} s CPU, {best[2]['modules']} modules, heavy {best[2]['heavy']}" if first else "") + (f"; page ready {page:.3f} s CPU" if page else ""))
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
