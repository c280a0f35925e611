"""C3, C4, C5: what one step of one trial costs, against stand-in peers, and the share of the machine's matrix-product peak.

Lightning and skorch themselves are in bench_peers.py. The stand-ins here: a DataLoader loop with `.item()` (what a front end does at least)
and a good plain loop with resident rows and fused AdamW. The goals against the front ends themselves are therefore not judged.
"""

import os
import tempfile
import time
from pathlib import Path

import torch
from common import BATCH, CLASSES, FEATURES, LoaderLoop, PlainLoop, Report, cpu_seconds, dataset, ratio, rounds, trials

from phasewise.engine.dense.module import DenseNet
from phasewise.engine.native import build as native
from phasewise.engine.native.build import library
from phasewise.engine.plan import makers
from phasewise.engine.population import Setting
from phasewise.engine.sampling import BatchPlan

ROWS, ROUNDS = 25_600, 7
BEST = "stacked" if isinstance(library(), str) else "compiled"
"""The plan that runs by itself on a machine like this one."""
TILES = {32: 8, 128: 4, 512: 1}
SHARE = {32: (0.25, 0.40), 128: (0.50, 0.70), 512: (0.80, 0.88)}
GOALS = {128: ("C3", 2.5, 3.5), 32: ("C4", 5.5, 8.0)}


def population(n: int, hidden: int, *, dropout: bool, by: str = BEST):
    """A function that runs some steps and gives CPU seconds per member-step."""
    data, info = dataset(ROWS)
    members = trials(n, hidden, epochs=1, train=ROWS, rows=ROWS, dropout=dropout)
    plan = BatchPlan(rows=ROWS, batch=BATCH, steps=ROWS // BATCH)
    crew = makers()[by](members, Setting(data=data, info=info, build=DenseNet, device=torch.device("cpu")), plan)
    orders = torch.stack([torch.randperm(ROWS) for _ in range(n)])
    crew.begin(0, orders, torch.full((plan.steps, n), 1e-3, dtype=torch.float64))
    steps = max(8, min(60, 240 // n) // (4 if hidden > 256 else 1))
    crew.run(data, 0, 4)
    return lambda: cpu_seconds(lambda: crew.run(data, 4, 4 + steps)) / steps / n


def loop(kind: type[PlainLoop], hidden: int, *, dropout: bool):
    """The same for a loop."""
    data, _ = dataset(ROWS)
    (member,) = trials(1, hidden, epochs=1, train=ROWS, rows=ROWS, dropout=dropout)
    it = kind(member, data.inputs["num"], data.y)
    steps = 60 if hidden <= 128 else 15
    it.steps(4)
    return lambda: cpu_seconds(lambda: it.steps(steps)) / steps


def peak() -> float:
    """Seconds per FLOP of a 512-cube product, the roof."""
    a, b, out = torch.randn(512, 512), torch.randn(512, 512), torch.empty(512, 512)
    return cpu_seconds(lambda: [torch.mm(a, b, out=out) for _ in range(40)]) / 40 / (2 * 512**3)


def compiling() -> float:
    """Seconds the step takes to compile on a machine that never did."""
    compiler = native._compiler(os.environ)
    assert compiler is not None
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        native.compiled(compiler, Path(folder))
        return time.perf_counter() - began


def flop(hidden: int) -> float:
    """FLOP of one member-step: 2B(3P - P1), P1 the first layer (its input gradient is not needed)."""
    first = FEATURES * hidden
    return 2 * BATCH * (3 * (first + hidden * hidden + CLASSES * hidden) - first)


def main() -> None:
    """All widths, interleaved."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    report = Report("engine-cpu.md")
    report.head("C3, C4, C5: cost of a step (CPU time, one thread, batch 256)")
    report.say(f"| | plan of the populations | {BEST} | | | |")
    if BEST == "compiled":
        report.say(f"| | compiling the step, once a machine: seconds (wall) | {compiling():.1f} | | | |")
    table = []
    for hidden in (128, 32, 512):
        n = TILES[hidden]
        contestants = {
            f"population of {n}": population(n, hidden, dropout=True), "population of 1": population(1, hidden, dropout=True),
            f"population of {n}, stacked (no compiler)": population(n, hidden, dropout=True, by="stacked"),
            "plain loop": loop(PlainLoop, hidden, dropout=True), "DataLoader loop": loop(LoaderLoop, hidden, dropout=True), "peak": peak,
        }
        got = rounds(contestants, ROUNDS if hidden < 512 else 5)
        crew = got[f"population of {n}"]
        if hidden in GOALS:
            id, target, stretch = GOALS[hidden]
            middle, low, high = ratio(got["plain loop"], crew)
            report.goal(id, f"H={hidden} dropout, population of {n} against a good plain loop", middle, target, stretch, (low, high))
            middle, low, high = ratio(got["plain loop"], got[f"population of {n}, stacked (no compiler)"])
            report.say(f"| {id} | H={hidden}, the same without a compiler (the stacked step) | {middle:.2f} ({low:.2f} to {high:.2f}) | {target:g} | {stretch:g} | |")
            middle, low, high = ratio(got["DataLoader loop"], crew)
            report.say(f"| {id} | H={hidden}, against a DataLoader loop with .item() (stand-in for front ends; no goal) | {middle:.2f} ({low:.2f} to {high:.2f}) | | | |")
        share, low, high = ratio([p * flop(hidden) for p in got["peak"]], crew)
        report.goal("C5", f"H={hidden} share of the matrix-product peak, population of {n}", share, *SHARE[hidden], (low, high))
        table += [f"| {hidden} | {name} | {sorted(v)[len(v) // 2] * 1e3:.3f} |" for name, v in got.items() if name != "peak"]
    report.say("\n| hidden | contestant | ms per member-step (median) |\n| --- | --- | --- |")
    for line in table:
        report.say(line)
    report.save()


if __name__ == "__main__":
    main()
