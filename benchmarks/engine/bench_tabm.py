"""C8, the TabM half: a whole fit of our TabM against the `tabm` package in its example's loop (CPU time, one thread, medians of five rounds).

Same rows, sizes, batches, epochs, rates, clipping, float32; validation rows scored after every epoch on both sides. Beyond that ours scores 2,048
training rows after every epoch and all training rows at the end (the diagnosis reads them), which is counted. Every fit runs in a process of its
own: ours with the allocator thresholds the engine process sets, the package once without them, as a person's script is, once with them, and once
under torch.compile. Without the peers' environment the formulation of the paper (arXiv 2410.24210) in a good plain loop stands in, as it says.
"""

import json
import sys

import peers
import torch
import torch.nn.functional as F
from common import BATCH, CLASSES, FEATURES, Report, cpu_seconds, dataset, ratio, rounds
from torch import Tensor, nn

from phasewise.engine import InputInfo, Member, fit
from phasewise.kinds.shared import allocator
from phasewise.kinds.tabular import networks
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

ROWS, TRAIN, EPOCHS, MEMBERS, HIDDEN, ROUNDS = 14_000, 12_800, 6, 16, (128, 128), 5
COMMON = {"train": TRAIN, "epochs": EPOCHS, "members": MEMBERS, "hidden": HIDDEN, "batch": BATCH, "lr": 2e-3, "weight_decay": 3e-4, "clip": 1.0, "seed": 0, "compile": False}
PLAIN = COMMON | {"embed": False, "dropout": 0.0}
EXAMPLE = COMMON | {"embed": True, "dropout": 0.1}


class Adapted(nn.Module):
    """x -> ((x * r) W) * s + b for k members side by side, [n, k, in] -> [n, k, out]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / inputs**0.5)
        self.r, self.s, self.b = nn.Parameter(torch.ones(MEMBERS, inputs)), nn.Parameter(torch.ones(MEMBERS, outputs)), nn.Parameter(torch.zeros(MEMBERS, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x * self.r, self.weight) * self.s + self.b


class Reference(nn.Module):
    """TabM as its paper writes it."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [FEATURES, *HIDDEN]
        self.layers = nn.ModuleList(Adapted(a, b) for a, b in zip(sizes[:-1], sizes[1:], strict=True))
        self.layers[0].r.data = torch.randint(0, 2, (MEMBERS, FEATURES)) * 2.0 - 1  # random signs, as the paper starts without embeddings
        self.head = nn.Parameter(torch.randn(MEMBERS, HIDDEN[-1], CLASSES) / HIDDEN[-1] ** 0.5)
        self.bias = nn.Parameter(torch.zeros(MEMBERS, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, None].expand(-1, MEMBERS, -1)
        for layer in self.layers:
            x = F.relu(layer(x))
        return torch.einsum("nki,kio->nko", x, self.head) + self.bias


def reference(x: Tensor, y: Tensor) -> dict[str, float]:
    """The plain loop; what it reached on the validation rows."""
    torch.manual_seed(0)
    net = Reference()
    opt, curve, right = torch.optim.AdamW(net.parameters(), lr=PLAIN["lr"], weight_decay=PLAIN["weight_decay"], fused=True), [], 0.0
    for _ in range(EPOCHS):
        order = torch.randperm(TRAIN)
        net.train()
        for at in range(0, TRAIN, BATCH):
            rows = order[at : at + BATCH]
            opt.zero_grad(set_to_none=True)
            F.cross_entropy(net(x[rows]).flatten(0, 1), y[rows].repeat_interleave(MEMBERS)).backward()
            nn.utils.clip_grad_norm_(net.parameters(), PLAIN["clip"])
            opt.step()
        net.eval()
        with torch.no_grad():
            said = net(x[TRAIN:]).softmax(-1).mean(1).clamp_min(1e-9).log()
            curve.append(float(F.nll_loss(said, y[TRAIN:])))
            right = float((said.argmax(1) == y[TRAIN:]).float().mean())
    return {"loss": curve[-1], "best": min(curve), "accuracy": right}


def ours(settings: dict) -> dict[str, float]:
    """The same with our engine."""
    data, plain = dataset(ROWS)
    info = InputInfo(numbers=plain.numbers, outputs=plain.outputs, stats=networks.statistics(data.inputs["num"][:TRAIN]))
    options = {} if settings["embed"] else {"plain_numbers": True}
    spec = NetworkSpec(family="tabm", hidden=list(HIDDEN), members=MEMBERS, dropout=[settings["dropout"]] * len(HIDDEN), options=options)
    train = TrainSpec(lr=settings["lr"], weight_decay=settings["weight_decay"], clip_norm=settings["clip"], batch_size=BATCH, epochs=EPOCHS)
    member = Member(id="m", config=ModelConfig(network=spec, train=train), train=torch.arange(TRAIN), validation=torch.arange(TRAIN, ROWS))
    curves = fit([member], data, info, networks.build, device="cpu", watch=False).members[0].curves
    return {"loss": curves["validation_loss"][-1], "best": min(curves["validation_loss"]), "accuracy": curves["validation_accuracy"][-1]}


def alone(who: str, settings: dict) -> None:
    """One contestant in this process: CPU seconds of its second fit and what it reached as JSON."""
    torch.set_num_threads(1)
    if who == "engine":
        allocator.keep_freed()
    data, _ = dataset(ROWS)
    work = (lambda: ours(settings)) if who == "engine" else (lambda: reference(data.inputs["num"], data.y))
    work()
    seen: list[dict[str, float]] = []
    seconds = cpu_seconds(lambda: seen.append(work()))
    print(json.dumps({"seconds": seconds, **seen[0], "versions": f"torch {torch.__version__}"}))


def compared(report: Report, title: str, settings: dict, stand_in: bool) -> None:
    """Interleaved rounds of one setting, its row of the table of goals and what everybody reached."""
    data, _ = dataset(ROWS)
    file = peers.rows_file(data.inputs["num"], data.y)
    mine = lambda who: peers.run("bench_tabm.py", who, json.dumps(settings), ours=True)  # noqa: E731
    theirs = lambda tuned=False, **more: peers.run("peer_tabm.py", str(file), json.dumps(settings | more), tuned=tuned)  # noqa: E731
    contestants = {"engine": lambda: mine("engine")}
    if stand_in:
        contestants |= {"the paper's formulation": lambda: mine("paper")}
    else:
        contestants |= {"tabm": theirs, "tabm, our allocator thresholds": lambda: theirs(True), "tabm, torch.compile": lambda: theirs(compile=True)}
    ended: dict[str, dict] = {}

    def timed(who: str) -> float:
        ended[who] = contestants[who]()
        return ended[who]["seconds"]

    got = rounds({who: lambda who=who: timed(who) for who in contestants}, ROUNDS)
    first, *others = [who for who in contestants if who != "engine"]
    middle, low, high = ratio(got[first], got["engine"])
    report.goal("C8", f"{title}: {first} over ours, whole fit", middle, 1.5, 2.5, (low, high))
    for who in others:
        middle, low, high = ratio(got[who], got["engine"])
        report.say(f"| | {title}: {who} | {middle:.2f} ({low:.2f} to {high:.2f}) | | | |")
    for who in ("engine", first):
        e = ended[who]
        report.say(f"| | {title}: {who}, median CPU seconds; validation loss best / last, accuracy | {sorted(got[who])[ROUNDS // 2]:.1f}; {e['best']:.3f} / {e['loss']:.3f}, {e['accuracy']:.3f} | | | |")
    report.notes.add(ended[first]["versions"])


def main() -> None:
    """Both settings beside the package, or the plain one beside the stand-in."""
    report, stand_in = Report("engine-cpu.md"), not peers.there()
    report.notes = set()
    beside = "the paper's formulation in a plain loop (CPU time, one thread)" if stand_in else "the `tabm` package in its example's loop (CPU time, one thread)"
    report.head(f"C8: TabM with 16 members, two layers of 128, six epochs of 12,800 rows, against {beside}")
    compared(report, "plain numbers, no dropout", PLAIN, stand_in)
    if not stand_in:
        compared(report, "as its example has it, piecewise-linear embeddings and dropout 0.1", EXAMPLE, stand_in)
    report.say(f"\n{peers.ABSENT if stand_in else 'Peer: ' + '; '.join(sorted(report.notes))}")
    report.save()


if __name__ == "__main__":
    alone(sys.argv[1], json.loads(sys.argv[2])) if len(sys.argv) > 1 else main()
