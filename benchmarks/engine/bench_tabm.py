"""C8, the TabM half: a whole fit of our TabM against the `tabm` package in its example's loop (CPU time, one thread, medians of three rounds).

Same rows, sizes, batches, epochs, rates, clipping, float32, and without embeddings the same robust scaling of the numbers; validation rows scored after
every epoch on both sides. Beyond that ours scores training rows after every epoch and at the end (the diagnosis reads them), which is counted. Every
fit runs in a process of its own with the round's seed: ours with the allocator thresholds the engine process sets, the package without them, as a
person's script is, and with them; torch.compile once at the end. Without the peers' environment the formulation of the paper (arXiv 2410.24210) in a
good plain loop stands in, as it says.
"""

import json
import statistics
import sys

import peers
import torch
import torch.nn.functional as F
from common import BATCH, CLASSES, FEATURES, Report, cpu_seconds, dataset, ratio, rounds
from torch import Tensor, nn

from phasewise.engine import InputInfo, Member, fit
from phasewise.kinds.shared import allocator
from phasewise.kinds.tabular import networks
from phasewise.kinds.tabular.networks.embeddings import RobustScale
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

ROWS, TRAIN, EPOCHS, MEMBERS, HIDDEN, ROUNDS = 14_000, 12_800, 6, 16, (128, 128), 3
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


def reference(x: Tensor, y: Tensor, seed: int) -> dict[str, float]:
    """The plain loop; what it reached on the validation rows."""
    torch.manual_seed(seed)
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
    member = Member(id="m", seed=settings["seed"], config=ModelConfig(network=spec, train=train), train=torch.arange(TRAIN), validation=torch.arange(TRAIN, ROWS))
    curves = fit([member], data, info, networks.build, device="cpu", watch=False).members[0].curves
    return {"loss": curves["validation_loss"][-1], "best": min(curves["validation_loss"]), "accuracy": curves["validation_accuracy"][-1]}


def alone(who: str, settings: dict) -> None:
    """One contestant in this process: CPU seconds of its second fit and what it reached as JSON."""
    torch.set_num_threads(1)
    if who == "engine":
        allocator.keep_freed()
    data, _ = dataset(ROWS)
    work = (lambda: ours(settings)) if who == "engine" else (lambda: reference(scaled(data.inputs["num"]), data.y, settings["seed"]))
    work()
    seen: list[dict[str, float]] = []
    seconds = cpu_seconds(lambda: seen.append(work()))
    print(json.dumps({"seconds": seconds, **seen[0], "versions": f"torch {torch.__version__}"}))


def scaled(x: Tensor) -> Tensor:
    """The numbers as our network scales them when it has no embeddings."""
    return RobustScale(networks.statistics(x[:TRAIN])["quantiles"])(x)


def compared(report: Report, title: str, settings: dict, stand_in: bool) -> str:
    """Interleaved rounds of one setting, its rows of the table, what everybody reached; returns the peer's versions."""
    data, _ = dataset(ROWS)
    x = data.inputs["num"]
    file = peers.rows_file(x if settings["embed"] else scaled(x), data.y)
    ended: dict[str, list[dict]] = {}

    def timed(who: str) -> float:
        done = ended.setdefault(who, [])
        s = json.dumps(settings | {"seed": len(done), "compile": "compile" in who})
        mine = who in ("engine", "paper")
        done.append(peers.run("bench_tabm.py", who, s, ours=True) if mine else peers.run("peer_tabm.py", str(file), s, tuned="thresholds" in who))
        return done[-1]["seconds"]

    first, *others = ["paper"] if stand_in else ["tabm", "tabm with our allocator thresholds"]
    got = rounds({who: lambda who=who: timed(who) for who in ("engine", first, *others)}, ROUNDS)
    middle, low, high = ratio(got[first], got["engine"])
    report.goal("C8", f"{title}: {first} over ours, whole fit", middle, 1.5, 2.5, (low, high))
    for who in others:
        middle, low, high = ratio(got[who], got["engine"])
        report.say(f"| | {title}: {who} over ours | {middle:.2f} ({low:.2f} to {high:.2f}) | | | |")
    if not stand_in:
        report.say(f"| | {title}: tabm under torch.compile over ours (once, compilation not counted) | {timed('tabm, compile') / statistics.median(got['engine']):.2f} | | | |")
    for who in ("engine", first):
        middle = {n: statistics.median(e[n] for e in ended[who]) for n in ("seconds", "best", "accuracy")}
        spread = statistics.stdev(e["best"] for e in ended[who])
        report.say(f"| | {title}: {who}, CPU seconds; best validation loss (sd over seeds), accuracy | {middle['seconds']:.1f}; {middle['best']:.3f} ({spread:.3f}), {middle['accuracy']:.3f} | | | |")
    return ended[first][0]["versions"]


def main() -> None:
    """Both settings beside the package, or the plain one beside the stand-in."""
    report, stand_in = Report("engine-cpu.md"), not peers.there()
    report.head("C8: TabM with 16 members, two layers of 128, six epochs of 12,800 rows (CPU time, one thread)")
    versions = compared(report, "plain numbers, no dropout", PLAIN, stand_in)
    if not stand_in:
        compared(report, "piecewise-linear embeddings, dropout 0.1", EXAMPLE, stand_in)
    report.say(f"\nPeer: {versions}, in the training loop of its example notebook.{' ' + peers.ABSENT + ' The formulation of its paper in a plain loop stands in.' if stand_in else ''}")
    report.save()


if __name__ == "__main__":
    alone(sys.argv[1], json.loads(sys.argv[2])) if len(sys.argv) > 1 else main()
