"""What a headless run shows: JSON lines on stdout, or a bar with ETA on stderr when it is a terminal, plain lines otherwise."""

import json
import sys
import time
from collections import Counter, defaultdict
from typing import Any

from phasewise.records.text import safe_text
from phasewise.tui.numbers import eta

WIDTH = 28
QUIET, QUIETER = 5.0, 30.0
"""Seconds between plain progress lines when stderr is no terminal: at first, and at most (a log of an hour's run is read, not watched)."""

ALIKE = 4
"""Findings of one check that are told in full: two hundred mostly empty columns are one piece of news."""


class Reporter:
    """Takes the drive's events one by one."""

    def __init__(self, *, as_json: bool = False, stderr: Any = None, clock: Any = time.monotonic) -> None:
        self._json = as_json
        self._err = stderr or sys.stderr
        self._bar = self._err.isatty()
        self._clock = clock
        self._open_line = False
        self._last, self._quiet = -1e9, QUIET
        self._told: Counter[tuple[str, str]] = Counter()
        self._alike: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._why = ""
        self.last_run = ""

    def event(self, event: Any) -> None:
        """One event of a run, or one line of the drive."""
        data = event if isinstance(event, dict) else event.model_dump(mode="json")
        if self._json:
            print(json.dumps(data, ensure_ascii=False), flush=True)
            return
        kind = data["kind"]
        if kind == "phase":
            self._phase(data)
        elif kind == "progress":
            self._progress(data)
        elif kind == "log" and data.get("level") in ("warning", "error"):
            self.line(f"  {data['level']}: {safe_text(data['text'], 300)}")
        elif kind == "finding":
            self._finding(data)
        elif kind == "finished":
            self._finished(data)

    def end(self, code: int, reason: str, **more: Any) -> None:
        """The last line: with `--json` always of kind `finished`."""
        self._close_line()
        if self._json:
            print(json.dumps({"kind": "finished", "reason": reason, "exit_code": code, **more}, ensure_ascii=False), flush=True)

    def line(self, text: str) -> None:
        """A line of talk above the bar."""
        self._close_line()
        print(text, file=self._err, flush=True)

    def _finding(self, data: dict[str, Any]) -> None:
        """With what to do about it; the same of other members of a population is counted and told once at the end of the run."""
        key = (data["id"], data["severity"])
        self._told[key] += 1
        alike = self._alike[(data["id"].partition(":")[0], data["severity"])]
        alike.add(data["id"])
        if self._told[key] == 1 and len(alike) <= ALIKE:
            self.line(f"  {data['severity']}: {safe_text(data['title'], 200)}")
            if data["severity"] != "info" and data.get("detail"):
                self.line(f"    {safe_text(data['detail'], 240)}")

    def _finished(self, data: dict[str, Any]) -> None:
        self._counted()
        if data["reason"] != "done":
            self.line(f"  {data['reason']} after {data['seconds']:.1f} s")

    def _counted(self) -> None:
        again = [f"{name} {count - 1} times" for (name, _), count in self._told.items() if count > 1]
        for (check, severity), ids in self._alike.items():
            if len(ids) > ALIKE:
                self.line(f"  {severity}: {check} of {len(ids) - ALIKE:,} more columns; `phasewise check --findings` lists them all")
        self._told.clear()
        self._alike.clear()
        if again:
            self.line(f"  and the like again: {', '.join(again)}; the run's findings have them all")

    def _phase(self, data: dict[str, Any]) -> None:
        self._counted()
        mark = {"running": "..", "done": "ok", "skipped": "--"}.get(data["state"], "  ")
        self._last, self._quiet = self._clock(), QUIET
        text = safe_text(data["text"], 600)
        same = data["state"] == "skipped" and text == self._why  # one verdict skips several phases: its reason is told once
        self._why = text if data["state"] == "skipped" else ""
        self.line(f"{mark} {data['phase']:<11} {'for the same reason' if same else text}".rstrip())

    def _progress(self, data: dict[str, Any]) -> None:
        total = data["total"] or 1
        share = min(max(data["done"] / total, 0.0), 1.0)
        left = eta(data.get("eta_low"), data.get("eta_high"))
        now = self._clock()
        if self._bar:
            if now - self._last < 0.1 and share < 1:
                return
            filled = round(share * WIDTH)
            self._err.write(f"\r\x1b[K   [{'#' * filled}{'.' * (WIDTH - filled)}] {share:4.0%} {left} {safe_text(data.get('note', ''), 40)}".rstrip())
            self._err.flush()
            self._open_line = True
        elif now - self._last < self._quiet or not data["done"]:
            return
        else:
            self._quiet = min(1.5 * self._quiet, QUIETER)
            print(f"   {share:4.0%} {left}".rstrip(), file=self._err, flush=True)
        self._last = now

    def _close_line(self) -> None:
        if self._open_line:
            self._err.write("\r\x1b[K")
            self._err.flush()
            self._open_line = False

