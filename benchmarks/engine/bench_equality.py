"""C7: a member in tiles of 1, 7 and 33 is bitwise the same over 108 shapes and over tasks, activations and odd sizes; through halving, after a resume and after joining another tile."""

import itertools

import torch
from common import Report

from phasewise.engine import Control, Dataset, Halving, Hooks, InputInfo, Member, fit
from phasewise.engine.dense import compiled
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.native.build import library
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

ROWS = 640
WIDTHS, BATCHES, DEPTHS, INPUTS = (8, 16, 24, 32, 48, 64, 96, 128, 256), (32, 100, 256), (1, 3), (5, 54)

TASKS, ACTIVATIONS = ("binary", "regression", "multiclass"), ("relu", "gelu", "silu", "mish", "selu", "tanh", "sigmoid")
ODD_WIDTHS, ODD_BATCHES = (5, 50), (33, 100)
PLANS = ("stacked",) if isinstance(library(), str) else ("stacked", "compiled")


def crew(n: int, width: int, batch: int, depth: int, *, activation: str = "relu", **train: object) -> list[Member]:
    """Members that differ in everything numeric."""
    out = []
    for i in range(n):
        spec = TrainSpec(**({"lr": 1e-3 * (1 + i % 5), "weight_decay": 1e-3 * (i % 3), "batch_size": batch, "epochs": 2, "label_smoothing": 0.05 * (i % 2)} | train))
        net = NetworkSpec(family="mlp", hidden=[width] * depth, dropout=[0.1 * (i % 3)] * depth, batch_norm=bool(width % 16 == 0 and depth == 3), activation=activation)
        out.append(Member(id=f"m{i}", seed=i, config=ModelConfig(network=net, train=spec), train=torch.arange(512), validation=torch.arange(512, ROWS)))
    return out


def same(a, b) -> bool:
    """Bitwise equality of weights, outputs and curves."""
    return all(torch.equal(a.state[k], b.state[k]) for k in a.state) and torch.equal(a.outputs, b.outputs) and a.curves == b.curves


def table(inputs: int, task: str = "multiclass") -> tuple[Dataset, InputInfo]:
    """A small table with a target that can be learned."""
    g = torch.Generator().manual_seed(inputs)
    x = torch.randn(ROWS, inputs, generator=g)
    if task == "regression":
        return Dataset(inputs={"num": x}, y=x[:, 0] * x[:, 1], task=task), InputInfo(numbers=inputs, outputs=1)
    if task == "binary":
        return Dataset(inputs={"num": x}, y=(x[:, 0] * x[:, 1] > 0).long(), task=task, classes=2), InputInfo(numbers=inputs, outputs=1)
    return Dataset(inputs={"num": x}, y=(x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 1).long(), task="multiclass", classes=3), InputInfo(numbers=inputs, outputs=3)


def unequal(plan: str, data: Dataset, info: InputInfo, members: list[Member]) -> list[int]:
    """Sizes of a population in which one of three members is not what it is alone."""
    picked = (0, 4, 6)
    alone = [fit([members[i]], data, info, DenseNet, plan=plan, device="cpu").members[0] for i in picked]
    found = []
    for n in (7, 33):
        together = fit(members[:n], data, info, DenseNet, plan=plan, tile=n, device="cpu").members
        if not all(same(together[i], a) for i, a in zip(picked, alone, strict=True)):
            found.append(n)
    return found


class StopAfter(Hooks):
    """Stops in mid-epoch with a checkpoint."""

    def __init__(self, looks: int) -> None:
        self.left, self.saved = looks, None

    def poll(self) -> Control:
        """Counts down."""
        self.left -= 1
        return Control(stop="now" if self.left == 0 else None, checkpoint_now=self.left == 0)

    def on_checkpoint(self, state_fn) -> None:
        """Keeps the state at the stop."""
        if self.left <= 0 and self.saved is None:
            self.saved = state_fn()


def main() -> None:
    """All shapes, under every plan that steps by hand here."""
    torch.set_num_threads(1)
    report = Report("engine-cpu.md")
    report.head("C7: bitwise equality")
    for plan in PLANS:
        judge(report, plan)
    report.save()


def judge(report: Report, plan: str) -> None:
    """One plan: shapes, tasks, survivors, resume."""
    shapes = list(itertools.product(WIDTHS, BATCHES, DEPTHS, INPUTS))
    bad = {7: 0, 33: 0}
    for width, batch, depth, inputs in shapes:
        for n in unequal(plan, *table(inputs), crew(33, width, batch, depth)):
            bad[n] += 1
    for n, count in bad.items():
        report.goal("C7", f"{plan}: shapes of {len(shapes)} where a member of {n} equals the member alone", float(len(shapes) - count), len(shapes), len(shapes))
    odd = [case for case in itertools.product(TASKS, ACTIVATIONS, ODD_WIDTHS, ODD_BATCHES, (1, 2)) if plan == "stacked" or case[1] in compiled.ACTIVATIONS]
    bad = {7: 0, 33: 0}
    for task, activation, width, batch, threads in odd:
        torch.set_num_threads(threads)
        smooth = {"label_smoothing": 0.0} if task == "regression" else {}
        for n in unequal(plan, *table(5, task), crew(33, width, batch, 1, activation=activation, **smooth)):
            bad[n] += 1
    torch.set_num_threads(1)
    for n, count in bad.items():
        report.goal("C7", f"{plan}: tasks x activations x odd sizes x 1 or 2 threads, of {len(odd)}: a member of {n} equals the member alone", float(len(odd) - count), len(odd), len(odd))
    data, info = table(54)
    members = crew(32, 32, 100, 3, epochs=6)
    free = fit(members, data, info, DenseNet, plan=plan, tile=16, device="cpu")
    halved = fit(members, data, info, DenseNet, plan=plan, tile=16, halving=Halving(rungs=(1, 3), keep=(12, 4)), device="cpu")
    survivors = [i for i, m in enumerate(halved.members) if m.stopped == "done"]
    report.goal("C7", f"{plan}: survivors of a halving 32 -> 12 -> 4 (tiles joined) equal the undisturbed member", float(sum(same(free.members[i], halved.members[i]) for i in survivors)), 4, 4)
    hooks = StopAfter(8)
    fit(members, data, info, DenseNet, hooks, plan=plan, tile=16, device="cpu", look_every=0)
    resumed = fit(members, data, info, DenseNet, plan=plan, tile=16, device="cpu", resume=hooks.saved)
    report.goal("C7", f"{plan}: members of 32 equal after a resume in mid-epoch", float(sum(same(a, b) for a, b in zip(free.members, resumed.members, strict=True))), 32, 32)


if __name__ == "__main__":
    main()
