"""C6: members on all cores against one core: by threads in one process, as the product has it, and by one worker process a core (wall time; quiet machine needed)."""

import multiprocessing
import os
import time

import torch
from bench_steps import BEST
from common import BATCH, Report, dataset, ratio, rounds, trials

from phasewise.engine.dense.module import DenseNet
from phasewise.engine.native import threads
from phasewise.engine.plan import makers
from phasewise.engine.population import Setting
from phasewise.engine.sampling import BatchPlan

ROWS, STEPS, ROUNDS = 25_600, 80, 5


def work(hidden: int, n: int, start, done) -> None:
    """One worker: builds its tile, waits for the signal, reports the wall seconds of each round."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    data, info = dataset(ROWS)
    plan = BatchPlan(rows=ROWS, batch=BATCH, steps=STEPS)
    crew = makers()[BEST](trials(n, hidden, epochs=1, train=ROWS, rows=ROWS), Setting(data=data, info=info, build=DenseNet, device=torch.device("cpu")), plan)
    crew.begin(0, torch.stack([torch.randperm(ROWS) for _ in range(n)]), torch.full((STEPS, n), 1e-3, dtype=torch.float64))
    crew.run(data, 0, 10)
    done.put(0.0)
    while start.get():
        began = time.perf_counter()
        crew.run(data, 0, STEPS)
        done.put(time.perf_counter() - began)


def side_by_side(report: Report, cores: int) -> None:
    """A population of 16 as `fit` runs it: wall seconds of some steps on one core over those on all."""
    torch.set_num_threads(1)
    data, info = dataset(ROWS)
    plan = BatchPlan(rows=ROWS, batch=BATCH, steps=STEPS)
    for hidden in (32, 128):
        crew = makers()[BEST](trials(16, hidden, epochs=1, train=ROWS, rows=ROWS), Setting(data=data, info=info, build=DenseNet, device=torch.device("cpu")), plan)
        crew.begin(0, torch.stack([torch.randperm(ROWS) for _ in range(16)]), torch.full((STEPS, 16), 1e-3, dtype=torch.float64))

        def seconds(count: int, crew=crew) -> float:
            os.environ[threads.VARIABLE] = str(count)
            began = time.perf_counter()
            crew.run(data, 0, STEPS)
            return time.perf_counter() - began

        seconds(1), seconds(cores)
        got = rounds({"one": lambda: seconds(1), "all": lambda: seconds(cores)}, ROUNDS)
        middle, low, high = ratio(got["one"], got["all"])
        report.goal("C6", f"H={hidden}: a population of 16 on {cores} cores of one process over one core", middle, 0.85 * cores, 0.95 * cores, (low, high))
    os.environ.pop(threads.VARIABLE)


def main() -> None:
    """Rounds of one worker and of all workers, interleaved."""
    workers = min(os.cpu_count() or 1, 16)
    report = Report("engine-cpu.md")
    report.head(f"C6: {workers} worker processes x 1 thread against one (wall time)")
    if os.getloadavg()[0] > workers / 2:
        report.say(f"\n(load {os.getloadavg()[0]:.1f}: more than half the cores are busy, so the figure is a lower bound)\n")
    if BEST == "compiled":
        side_by_side(report, workers)
    for hidden, n in ((32, 8), (128, 4)):
        context = multiprocessing.get_context("spawn")
        pairs = [(context.Queue(), context.Queue()) for _ in range(workers)]
        crew = [context.Process(target=work, args=(hidden, n, a, b)) for a, b in pairs]
        for p in crew:
            p.start()
        for _, done in pairs:
            done.get(timeout=120)
        alone, together = [], []
        for _ in range(ROUNDS):
            pairs[0][0].put(True)
            alone.append(pairs[0][1].get(timeout=120))
            began = time.perf_counter()
            for start, _ in pairs:
                start.put(True)
            for _, done in pairs:
                done.get(timeout=120)
            together.append(time.perf_counter() - began)
        for start, _ in pairs:
            start.put(False)
        for p in crew:
            p.join(30)
        middle, low, high = (workers * v for v in ratio(alone, together))
        report.goal("C6", f"H={hidden}: throughput of {workers} processes over one", middle, 0.85 * workers, 0.95 * workers, (low, high))
    report.save()


if __name__ == "__main__":
    main()
