"""All figures of the app in one go, judged and written to `benchmarks/results/ui.md`; misses are printed as misses.

Run `make bench-ui`, or `python benchmarks/ui/report.py [--peer NAME=COMMAND ...]`. Peers are programs in environments of their own.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "results" / "ui.md"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table: what, the bound, what was measured and whether it holds."""

    what: str
    bound: str
    measured: str
    holds: bool

    def row(self) -> str:
        """As a row of Markdown."""
        return f"| {self.what} | {self.bound} | {self.measured} | {'yes' if self.holds else '**no**'} |"


def run(script: str, *args: str) -> dict:
    """A script's last JSON document."""
    out = subprocess.run([sys.executable, str(HERE / script), *args], capture_output=True, text=True, check=True).stdout
    print(out, file=sys.stderr)
    begin = out.rfind("\n{\n") + 1 if not out.startswith("{") else 0
    return dict(json.loads(out[begin:] if begin or out.startswith("{") else out.strip().splitlines()[-1]))


def starts(peers: dict[str, list[str]], runs: int) -> list[Figure]:
    """First paint, first still screen beside each peer, idle share."""
    first = run("start.py", "--runs", str(runs))["project, 50 runs"]
    found: dict[str, dict[str, float]] = {}
    for command in peers.values() or [[]]:
        found |= run("peer.py", "--runs", str(runs), *(["--peer", *command] if command else []))
    ours = found.pop("phasewise, 50 runs")
    out = [
        Figure(what="CPU to the first paint, project of 50 runs", bound="<= 0.4 s", measured=f"{first['first_paint']:.2f} s", holds=first["first_paint"] <= 0.4),
        Figure(what="CPU until the page can be used, same project", bound="<= 0.4 s", measured=f"{first['page']:.2f} s", holds=first["page"] <= 0.4),
        Figure(what="share of a core while nothing happens", bound="< 1 %", measured=f"{100 * ours['idle']:.2f} %", holds=ours["idle"] < 0.01),
    ]
    for name, row in found.items():
        peer = name.startswith("peer")
        out.append(Figure(what=f"CPU to the first screen in a terminal, beside {name.removeprefix('peer: ')} ({row['first']:.2f} s)", bound="<= 0.9x" if peer else "for comparison", measured=f"{ours['first']:.2f} s, {ours['first'] / row['first']:.2f}x", holds=not peer or ours["first"] <= 0.9 * row["first"]))
        out.append(Figure(what=f"CPU to the first still screen, beside {name.removeprefix('peer: ')} ({row['cpu']:.2f} s)", bound="<= 0.9x" if peer else "for comparison", measured=f"{ours['cpu']:.2f} s, {ours['cpu'] / row['cpu']:.2f}x", holds=not peer or ours["cpu"] <= 0.9 * row["cpu"]))
    return out


def work() -> list[Figure]:
    """Under load, page switches, memory."""
    live, real = run("live.py"), run("echo.py")
    again, first = live["pages"]["again_ms"], live["pages"]["first_ms"]
    slow, built = max(again, key=again.get), max(first, key=first.get)
    return [
        Figure(what="page switch, slowest of ten pages", bound="<= 50 ms CPU", measured=f"{again[slow]:.0f} ms ({slow}; median of 20, longest of 200: {live['pages']['worst_ms']:.0f}; {live['pages']['driver_ms']:.0f} of it the test driver's)", holds=again[slow] <= 50),
        Figure(what="first visit of a page, which builds it, slowest of ten", bound="for comparison", measured=f"{first[built]:.0f} ms ({built}; median of five windows)", holds=True),
        Figure(what=f"key to echo at {real['events_per_s']:,.0f} events/s, in a terminal, p95", bound="< 100 ms", measured=f"{real['echo']['p95_ms']:.0f} ms (median {real['echo']['p50_ms']:.0f}, longest {real['echo']['max_ms']:.0f}, {real['echo']['keys']} keys)", holds=real["echo"]["p95_ms"] < 100),
        Figure(what="from one live chart to another at the same load, p95", bound="for comparison", measured=f"{real['view_switch']['p95_ms']:.0f} ms (median {real['view_switch']['p50_ms']:.0f})", holds=True),
        Figure(what="wait of the app's loop at the same load, p95", bound="< 100 ms", measured=f"{live['load']['lag_p95_ms']:.0f} ms", holds=live["load"]["lag_p95_ms"] < 100),
        Figure(what="frames a second at the same load", bound="<= 6", measured=f"{real['frames_per_s']:.1f} ({100 * real['cpu_share']:.0f} % of a core)", holds=real["frames_per_s"] <= 6),
        Figure(what=f"memory after {live['memory']['events']:,} events", bound="< 20 MB", measured=f"{live['memory']['growth_mb']:.1f} MB", holds=live["memory"]["growth_mb"] < 20),
    ]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        log = Path(temp) / "some.log"
        log.write_text("".join(f"2026-01-01 00:00:{i % 60:02d} INFO line {i}\n" for i in range(2000)))
        peers = {name: [str(Path(first).absolute()), *(part.replace("LOG", str(log)) for part in rest)] for name, _, command in (p.partition("=") for p in args.peer) for first, *rest in (shlex.split(command),)}
        before = os.getloadavg()[0]
        figures = starts(peers, args.runs) + work()
    lines = [
        "# The app: start, load, memory", "",
        f"`make bench-ui`, {datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores of a virtual server, Linux, Python {sys.version.split()[0]}; load average {before:.1f} at the beginning, {os.getloadavg()[0]:.1f} at the end (other work slows the wall-clock figures).",
        "CPU is user plus system of the process, best of the runs, byte code kept between starts as for an installed program; peers come from the package index, each in an environment of its own, with nothing but "
        "what they need to show their first screen (toolong: a log of 2,000 lines; posting: its empty collection; neither reads a project of 50 runs).", "",
        "| figure | bound | measured | holds |", "|---|---|---|---|", *(f.row() for f in figures), "",
    ]
    if not peers:
        lines += ["No peer was named: that comparison is missing.", ""]
    OUT.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
