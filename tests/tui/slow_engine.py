"""Stands in for `phasewise.worker` in tests of the real program: a real detached process with events, inbox and checkpoints, no arithmetic.

It tells a falling loss twenty times a second until it is told to stop or a file `go` lies in the run's folder.
"""

import signal
import sys
import time
from pathlib import Path

from phasewise.worker.main import run_folder

PAUSE, LONGEST = 0.05, 240.0


def run(ctx, job):
    """Steps with points, epochs and checkpoints; ends with a result of the job's kind."""
    from workflow.fakes import World, result_for

    step = int(ctx.resume_from.read()) if ctx.resume_from is not None else 0
    ctx.started(plan={"from step": step})
    ctx.metrics("train", ["step", "loss"], [[float(max(step, 1)), 1.0]])
    end = time.monotonic() + LONGEST
    while time.monotonic() < end and not (ctx.run.path / "go").exists():
        asked = ctx.control.wait_while_paused()
        step += 1
        ctx.metrics("train", ["step", "loss"], [[float(step), 1.0 / step]])
        ctx.progress(min(step, 9999), 10_000)
        if step % 10 == 0:
            ctx.emit("epoch", epoch=step // 10, step=step, values={"validation_loss": 1.0 / step}, members={"seed-0": 0.5}, alive=1)
            ctx.checkpoints.save(str(step).encode(), step=step, suffix="txt")
        if asked.stop is not None:
            return None
        time.sleep(PAUSE)
    return result_for(job, ctx.run.id, World())


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    if sys.argv[1] == "--warm":
        from phasewise.worker.warm import serve

        sys.exit(serve(Path(sys.argv[2]), modules=(), work=lambda path: run_folder(path, find=lambda _kind: run)))
    sys.exit(run_folder(Path(sys.argv[1]), find=lambda _kind: run))
