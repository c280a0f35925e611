"""F1: five learning-rate sweeps as one population against one sweep in a plain loop (CPU time, 100 points each)."""

import torch
import torch.nn.functional as F
from common import BATCH, PlainLoop, Report, cpu_seconds, dataset, ratio, rounds, trials

from phasewise.engine import find_lr
from phasewise.engine.dense.module import DenseNet

POINTS, LO, HI = 100, 1e-6, 1.0


def plain_sweep(member, x, y) -> None:
    """What a person writes: exponential ramp, AdamW, loss noted with `.item()` at every step."""
    loop = PlainLoop(member, x, y)
    order = torch.randperm(len(member.train))
    for i in range(POINTS):
        loop.opt.param_groups[0]["lr"] = LO * (HI / LO) ** (i / (POINTS - 1))
        index = order[(i * BATCH) % (len(order) - BATCH) :][:BATCH]
        loop.opt.zero_grad(set_to_none=True)
        loss = F.cross_entropy(loop.net(x[index]), y[index])
        loss.item()
        loss.backward()
        loop.opt.step()


def main() -> None:
    """Two widths."""
    torch.set_num_threads(1)
    report = Report("engine-cpu.md")
    report.head("F1: LR finder, five sweeps as one population over one plain sweep (CPU time, one thread)")
    data, info = dataset(25_600)
    for hidden in (128, 32):
        (member,) = trials(1, hidden, epochs=1, train=25_600, rows=25_600)
        got = rounds({
            "engine": lambda m=member: cpu_seconds(lambda: find_lr(m.config, data, info, DenseNet, rows=m.train, sweeps=5, lo=LO, hi=HI, points=POINTS, device="cpu")),
            "one": lambda m=member: cpu_seconds(lambda: find_lr(m.config, data, info, DenseNet, rows=m.train, sweeps=1, lo=LO, hi=HI, points=POINTS, device="cpu")),
            "plain": lambda m=member: cpu_seconds(lambda: plain_sweep(m, data.inputs["num"], data.y)),
        }, 7)
        middle, low, high = ratio(got["engine"], got["plain"])
        report.goal("F1", f"H={hidden}: five sweeps over one plain sweep", middle, 1.3, 1.3, (low, high), lower=True)
        middle, low, high = ratio(got["one"], got["plain"])
        report.say(f"| | H={hidden}: one sweep of ours over one plain sweep | {middle:.2f} ({low:.2f} to {high:.2f}) | | | |")
    report.save()


if __name__ == "__main__":
    main()
