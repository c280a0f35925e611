"""A small deterministic training without torch that checkpoints and obeys; as a script it stands in for `phasewise.worker`."""

import json
import random
import sys
import time
from pathlib import Path

from phasewise.project.lock import Lock  # noqa: F401  (imported early, as in a real engine)
from phasewise.worker.main import run_folder

STEPS, EVERY = 40, 5


def run(ctx, job):
    """Noisy descent of one number; state is number, step and generator; options come from `data.options`."""
    options = job.data.options
    steps, pause = int(options.get("steps", STEPS)), float(options.get("pause", 0.0))
    rng = random.Random(job.seed)
    x, step = 3.0, 0
    if ctx.resume_from is not None:
        saved = json.loads(ctx.resume_from.read())
        x, step = float.fromhex(saved["x"]), saved["step"]
        rng.setstate((3, tuple(saved["rng"]), None))
    ctx.control.base_lr = 0.1
    ctx.started(plan={"steps": steps})
    fail = options.get("fail")
    while step < steps:
        asked = ctx.control.wait_while_paused()
        if asked.stop is not None or asked.checkpoint_now:
            save(ctx, x, step, rng)
            if asked.stop is not None:
                return {"x": x.hex(), "steps": step}
        if fail and step == 3:
            raise FAILURES[fail]()
        x -= 0.1 * asked.lr_factor * (x + rng.random() - 0.5)
        step += 1
        ctx.metrics("train", ["step", "loss"], [[step, x * x]])
        ctx.progress(step, steps)
        if step % EVERY == 0:
            save(ctx, x, step, rng)
        if pause:
            time.sleep(pause)
    return {"x": x.hex(), "steps": step}


def save(ctx, x, step, rng):
    state = {"x": x.hex(), "step": step, "rng": list(rng.getstate()[1])}
    ctx.checkpoints.save(json.dumps(state).encode(), step=step, suffix="json")


class OutOfMemoryError(RuntimeError):
    """Named like torch's."""


def _no_room():
    import errno

    return OSError(errno.ENOSPC, "No space left on device")


FAILURES = {
    "value": lambda: ValueError("something odd"),
    "memory": lambda: OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"),
    "cpu memory": lambda: RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    "disk": _no_room,
    "exit": lambda: SystemExit(7),
}


def find(_kind):
    return run


if __name__ == "__main__":
    if sys.argv[1] == "--warm":
        from phasewise.worker.warm import serve

        sys.exit(serve(Path(sys.argv[2]), modules=(), work=lambda path: run_folder(path, find=find)))
    import signal

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sys.exit(run_folder(Path(sys.argv[1]), find=find))
