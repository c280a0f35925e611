"""A child process on a real pseudo-terminal, its output fed to a terminal emulator."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path

import pyte

TESTS = Path(__file__).resolve().parents[1]


class Terminal:
    """A child process on a pseudo-terminal, its output fed to an emulator."""

    def __init__(self, code: str, *words: str, size: tuple[int, int] = (80, 24), env: dict[str, str] | None = None, home: Path | None = None) -> None:
        self.screen = pyte.Screen(*size)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm-256color", "LANG": "C.UTF-8", "XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home), **(env or {})})
            os.execv(sys.executable, [sys.executable, "-c", code, *words])  # noqa: S606
        self.resize(*size)

    def resize(self, width: int, height: int) -> None:
        """Give the child another window size."""
        self.screen.resize(height, width)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self.fd, keys.encode())

    def until(self, text: str, limit: float = 60.0) -> str:
        """Read until a text is on the screen; fails with what is there instead."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if not self._read(0.1):
                break
            if text in "\n".join(self.screen.display):
                return "\n".join(self.screen.display)
        if text in "\n".join(self.screen.display):
            return "\n".join(self.screen.display)
        raise AssertionError(f"{text!r} did not appear:\n" + "\n".join(self.screen.display))

    def pump(self) -> None:
        """Take in what was written."""
        end = time.monotonic() + 0.2
        while time.monotonic() < end and self._read(0.02):
            pass

    def hang_up(self, limit: float = 60.0) -> int:
        """The terminal window is closed: the kernel sends SIGHUP; the exit code (negative: signal)."""
        os.close(self.fd)
        self.fd = -1
        end = time.monotonic() + limit
        while time.monotonic() < end:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        raise AssertionError("the app did not end when its terminal was closed")

    def shut(self) -> None:
        """End the child whatever it does."""
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        if self.fd >= 0:
            os.close(self.fd)

    def _read(self, wait: float) -> bool:
        if select.select([self.fd], [], [], wait)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return False
            if not data:
                return False
            self.raw += data
            self.stream.feed(data)
        return True

    def end(self, limit: float = 60.0) -> int:
        """Read to the end and return the exit code; fails when the app does not end."""
        end = time.monotonic() + limit
        open_ = True
        while time.monotonic() < end:
            open_ = open_ and self._read(0.1)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                while open_ and select.select([self.fd], [], [], 0.05)[0]:
                    open_ = self._read(0.05)
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("the app did not end:\n" + "\n".join(self.screen.display))
