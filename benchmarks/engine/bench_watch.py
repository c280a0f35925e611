"""F2: a fit with the watch on over the same fit with it off (CPU time, one thread, interleaved), and that the weights are the same bits."""

import torch
from common import Report, cpu_seconds, dataset, ratio, rounds, trials

from phasewise.engine import fit
from phasewise.engine.dense.module import DenseNet


def main() -> None:
    """A single member and a population, two widths."""
    torch.set_num_threads(1)
    report = Report("engine-cpu.md")
    report.head("F2: watch on over watch off (CPU time, one thread)")
    data, info = dataset(30_000)
    for hidden, n, epochs in ((128, 1, 8), (32, 8, 4)):
        members = trials(n, hidden, epochs=epochs, train=25_600, rows=30_000)
        kept = {}

        def run(watch: bool, members=members, n=n, kept=kept) -> float:
            def work() -> None:
                kept[watch] = fit(members, data, info, DenseNet, plan="stacked", tile=n, device="cpu", watch=watch)
            return cpu_seconds(work)

        got = rounds({"on": lambda run=run: run(True), "off": lambda run=run: run(False)}, 7)
        middle, low, high = ratio(got["on"], got["off"])
        report.goal("F2", f"H={hidden}, {n} member(s)", middle, 1.03, 1.03, (low, high), lower=True)
        same = all(torch.equal(a.state[k], b.state[k]) for a, b in zip(kept[True].members, kept[False].members, strict=True) for k in a.state)
        report.say(f"| | H={hidden}: weights with and without the watch are the same bits | {same} | | | |")
    report.save()


if __name__ == "__main__":
    main()
