"""CPU to the first screen, until it stands still, and CPU while idle: a bare Textual app, a peer app, ours on a project of 50 runs.

Run `python benchmarks/ui/peer.py --peer /path/to/peer-venv/bin/posting [ARG ...]`. The peer is any full-screen program in an
environment of its own (it is no dependency of ours); without `--peer` its line is left out and said so. Every start has its own
pseudo-terminal of 100x30; a screen stands still when for half a second nothing was written and next to nothing worked. CPU is the process's own, from
the kernel's account, with children that ended.
"""

import argparse
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

from start import BARE, make_project, with_byte_code

TICK = os.sysconf("SC_CLK_TCK")
QUIET = 0.5
SCREEN = 1500
"""A first screen has at least this many bytes: what comes before sets the terminal up."""
IDLE = 5.0
ANSWERS = {b"\x1b[?2026$p": b"\x1b[?2026;2$y", b"\x1b[c": b"\x1b[?62c"}
"""What a terminal says when it is asked for synchronized output and for what it is."""


def cpu(pid: int) -> float:
    """CPU seconds of a process and its ended children so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(x) for x in fields[11:15]) / TICK


def drain(fd: int, until: float, quiet: float, seen: Callable[[int], None] = lambda got: None, working: Callable[[], float] = lambda: 0.0) -> int:
    """Reads what is written until nothing came and nothing was worked (CPU seconds of `working`) for `quiet` seconds, or until `until`; the number of bytes."""
    got, worked = 0, working()
    last = time.monotonic()
    while time.monotonic() < until and (time.monotonic() - last < quiet or got < SCREEN):
        if select.select([fd], [], [], 0.05)[0]:
            try:
                data = os.read(fd, 1 << 16)
            except OSError:
                break
            if not data:
                break
            for question, answer in ANSWERS.items():  # each its own: an answer nobody asked for is read as keys
                if question in data:
                    os.write(fd, answer)
            got += len(data)
            last = time.monotonic()
            seen(got)
        elif working() > worked + 5 / TICK:  # a tenth of a core; on a machine with other work a start may be silent for long and is not over
            worked, last = working(), time.monotonic()
    return got


def measure(command: list[str], cwd: Path) -> dict[str, float]:
    """One start: CPU and wall seconds to the first still screen, and the share of a core used while idle afterwards."""
    began = time.monotonic()
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        for name in [name for name in os.environ if name.startswith("XDG_")]:
            del os.environ[name]
        os.environ.update(TERM="xterm-256color", LANG="C.UTF-8", COLORTERM="truecolor", HOME=str(cwd.parent))  # nobody's own settings
        os.execvp(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    try:
        first: list[float] = []
        got = drain(fd, began + 30, QUIET, lambda got: first.append(cpu(pid)) if got >= SCREEN and not first else None, lambda: cpu(pid))
        if not first:
            raise SystemExit(f"{command[0]} drew no screen ({got} bytes)")
        seconds, wall = cpu(pid), time.monotonic() - began - QUIET
        drain(fd, time.monotonic() + 1.0, 2.0)
        before = cpu(pid)
        end = time.monotonic() + IDLE
        while time.monotonic() < end:
            drain(fd, end, IDLE)
        return {"first": first[0], "cpu": seconds, "wall": wall, "idle": (cpu(pid) - before) / IDLE, "bytes": got}
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(fd)


def main() -> None:
    """Prints a line per program, best of the runs, and the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer", nargs=argparse.REMAINDER, default=[], help="the peer's command (last)")
    args = parser.parse_args()
    with_byte_code()
    with tempfile.TemporaryDirectory() as temp:
        project = Path(temp) / "project"
        make_project(project, 50)
        programs = {"bare textual": [sys.executable, "-c", BARE.replace("self.call_after_refresh(self.exit)", "pass")], "phasewise, 50 runs": [sys.executable, "-m", "phasewise"]}
        if args.peer:
            programs[f"peer: {Path(args.peer[0]).name}"] = args.peer
        else:
            print("no peer named: --peer COMMAND")
        found = {name: [measure(command, project) for _ in range(args.runs)] for name, command in programs.items()}
    best = {name: {key: min(r[key] for r in rows) for key in rows[0]} for name, rows in found.items()}
    for name, row in best.items():
        print(f"{name:<22} {row['first']:.2f} s CPU to the first screen, {row['cpu']:.2f} s until it stands still, {row['wall']:.2f} s wall, idle {100 * row['idle']:.2f} % of a core")
    ours = best["phasewise, 50 runs"]
    for name, row in best.items():
        if not name.startswith("phasewise"):
            print(f"phasewise / {name}: {ours['first'] / row['first']:.2f}x CPU to the first screen, {ours['cpu'] / row['cpu']:.2f}x to the still one")
    print(f"load average {os.getloadavg()[0]:.1f}")
    print(json.dumps(best))


if __name__ == "__main__":
    main()
