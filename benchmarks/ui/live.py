"""The app under load: 2,000 events a second for some seconds; key-to-echo lag, frames drawn, CPU, memory after 100k events.

Run `python benchmarks/ui/live.py [--seconds S] [--rate N]`. The session is the tests' fake one, events are fed as the
engine would write them; the app runs headless (no terminal writes), keys go through the pilot while events arrive.
"""

import argparse
import asyncio
import gc
import json
import resource
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))


async def load(seconds: float, rate: int) -> dict:
    """Feed events while a text field is typed into and the loss chart is seen; returns the figures."""
    from phasewise.records.events import parse_event
    from phasewise.tui.app import PhasewiseApp
    from phasewise.tui.settings import Settings
    from tui.fake_session import FakeSession

    session = FakeSession(done="baseline")
    session.put("find_lr")
    app = PhasewiseApp(settings=Settings(motion=False), session=session)
    lags: list[float] = []
    async with app.run_test(size=(160, 50)) as pilot:
        await pilot.pause()
        await pilot.pause()
        await pilot.press("f10")
        run = session.run_list[-1]
        run.emit("hello", job="fit", pid=1, host="x")
        rows = 20
        made = [parse_event({"v": 1, "seq": i + 1, "t": time.time(), "run": run.id, "kind": "metrics", "columns": ["step", "loss", "lr"], "rows": [[i * rows + j, 1 / (1 + i), 0.1] for j in range(rows)]}) for i in range(int(seconds * rate))]
        before = [c.drawn for c in app.screen.page.view.charts.values()]
        begin, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
        sent = 0
        while (now := time.perf_counter() - begin) < seconds:
            due = min(int(now * rate), len(made))
            run.events.extend(made[sent:due])
            sent = due
            asked = time.perf_counter()
            answered = asyncio.get_running_loop().create_future()
            app.call_next(lambda f=answered: f.done() or f.set_result(None))
            await answered
            lags.append(time.perf_counter() - asked)
            await asyncio.sleep(0.02)
        spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - cpu
        drawn = [c.drawn - b for c, b in zip(app.screen.page.view.charts.values(), before, strict=True)]
    lags.sort()
    return {"events": sent, "seconds": seconds, "cpu_share": spent / seconds, "lag_p50_ms": 1000 * statistics.median(lags), "lag_p95_ms": 1000 * lags[int(0.95 * len(lags))], "lag_max_ms": 1000 * lags[-1], "draws_per_s_per_chart": max(drawn) / seconds}


async def switches(rounds: int) -> tuple[dict[str, list[float]], float]:
    """Milliseconds of CPU of each visit of each page at 100x30, the first visit first; and what the test driver's own waiting costs, which is in all of them."""
    from phasewise.records.phases import PHASES
    from phasewise.tui.app import PhasewiseApp
    from phasewise.tui.settings import Settings
    from tui.fake_session import FakeSession

    app = PhasewiseApp(settings=Settings(motion=False), session=FakeSession(done="ship"))
    gc.collect()
    gc.freeze()  # as the program does after its start
    found: dict[str, list[float]] = {phase: [] for phase in PHASES}
    idle = []
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        await pilot.pause()
        for _ in range(rounds):
            for phase in PHASES:
                begin = time.process_time()
                await app.screen.go(phase)
                await pilot.pause()  # until every widget has worked off what it was sent and the screen is painted
                found[phase].append(1000 * (time.process_time() - begin))
        for _ in range(rounds):
            begin = time.process_time()
            await pilot.pause()
            idle.append(1000 * (time.process_time() - begin))
    return found, statistics.median(idle)


def pages() -> dict:
    """Milliseconds of CPU to show each page for the first time (median of five windows) and again (median of the later visits; `worst_ms` is the longest of all)."""
    windows = [asyncio.run(switches(5)) for _ in range(5)]
    first = {phase: round(statistics.median(found[phase][0] for found, _ in windows), 1) for phase in windows[0][0]}
    later = {phase: [ms for found, _ in windows for ms in found[phase][1:]] for phase in first}
    return {
        "first_ms": first, "again_ms": {phase: round(statistics.median(ms), 1) for phase, ms in later.items()},
        "worst_ms": round(max(max(ms) for ms in later.values()), 1), "driver_ms": round(statistics.median(idle for _, idle in windows), 1),
    }


def memory(events: int) -> dict:
    """Growth of the resident size while a run of many events is folded, the events themselves not kept."""
    import psutil

    from phasewise.records.events import parse_event
    from phasewise.tui.live.run import LiveRun

    run = LiveRun("r")
    me = psutil.Process()
    start = me.memory_info().rss
    for i in range(events):
        run.feed([parse_event({"v": 1, "seq": i, "t": 0.0, "run": "r", "kind": "metrics", "columns": ["step", "loss", "lr"], "rows": [[i, 1.0 / (1 + i), 0.1]]})])
    return {"events": events, "growth_mb": (me.memory_info().rss - start) / 1e6}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--events", type=int, default=100_000)
    args = parser.parse_args()
    grown = memory(args.events)  # first: later the process has room of its own to grow into
    print(json.dumps({"load": asyncio.run(load(args.seconds, args.rate)), "pages": pages(), "memory": grown}, indent=1))


if __name__ == "__main__":
    main()
