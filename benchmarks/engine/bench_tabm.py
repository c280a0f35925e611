"""C8, the TabM half: a whole fit of our TabM against the formulation of its paper in a good plain loop (CPU time, one thread).

The reference package and pytabkit are not installed. The stand-in follows arXiv 2410.24210: adapters r and s scale the activations of a shared
linear layer, k heads, every member trained on its own loss; resident rows, one permutation an epoch, fused AdamW, validation after every epoch.
Same sizes, batches, epochs and plain numbers as inputs on both sides. pytabkit's RealMLP over five folds is not measured.
Every fit runs in a process of its own: ours with the allocator thresholds the engine process sets, the paper's once without them, as a
person's script is, and once with them, which shows how much of the difference they are.
"""

import json
import subprocess
import sys

import torch
import torch.nn.functional as F
from common import BATCH, CLASSES, FEATURES, Report, cpu_seconds, dataset, ratio, rounds
from torch import Tensor, nn

from phasewise.engine import InputInfo, Member, fit
from phasewise.kinds.shared import allocator
from phasewise.kinds.tabular import networks
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

ROWS, TRAIN, EPOCHS, MEMBERS, HIDDEN = 14_000, 12_800, 6, 16, (128, 128)


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


def reference(x: Tensor, y: Tensor) -> float:
    """The plain loop; the validation loss at its end."""
    torch.manual_seed(0)
    net = Reference()
    opt, loss = torch.optim.AdamW(net.parameters(), lr=2e-3, fused=True), float("nan")
    for _ in range(EPOCHS):
        order = torch.randperm(TRAIN)
        net.train()
        for at in range(0, TRAIN, BATCH):
            rows = order[at : at + BATCH]
            opt.zero_grad(set_to_none=True)
            F.cross_entropy(net(x[rows]).flatten(0, 1), y[rows].repeat_interleave(MEMBERS)).backward()
            opt.step()
        net.eval()
        with torch.no_grad():
            said = net(x[TRAIN:]).softmax(-1).mean(1).clamp_min(1e-9).log()
            loss = float(F.nll_loss(said, y[TRAIN:]))
    return loss


def ours() -> float:
    """The same with our engine."""
    data, plain = dataset(ROWS)
    info = InputInfo(numbers=plain.numbers, outputs=plain.outputs, stats=networks.statistics(data.inputs["num"][:TRAIN]))
    spec = NetworkSpec(family="tabm", hidden=list(HIDDEN), members=MEMBERS, options={"plain_numbers": True})
    config = ModelConfig(network=spec, train=TrainSpec(lr=2e-3, batch_size=BATCH, epochs=EPOCHS))
    member = Member(id="m", config=config, train=torch.arange(TRAIN), validation=torch.arange(TRAIN, ROWS))
    return fit([member], data, info, networks.build, device="cpu", watch=False).members[0].curves["validation_loss"][-1]


def alone(who: str) -> None:
    """One contestant in this process: CPU seconds of its second fit and its validation loss as JSON."""
    torch.set_num_threads(1)
    if who != "paper":
        allocator.keep_freed()
    data, _ = dataset(ROWS)
    x, y = data.inputs["num"], data.y
    work = ours if who == "engine" else lambda: reference(x, y)
    work()
    seen: list[float] = []
    seconds = cpu_seconds(lambda: seen.append(work()))
    print(json.dumps([seconds, seen[0]]))


def main() -> None:
    """Interleaved rounds."""
    report = Report("engine-cpu.md")
    report.head("C8: TabM with 16 members, two layers of 128, against the paper's formulation in a plain loop (CPU time, one thread)")
    ended: dict[str, float] = {}

    def process(who: str) -> float:
        out = subprocess.run([sys.executable, __file__, who], check=True, capture_output=True, text=True).stdout
        seconds, ended[who] = json.loads(out)
        return seconds

    got = rounds({who: lambda who=who: process(who) for who in ("engine", "paper", "paper-tuned")}, 5)
    middle, low, high = ratio(got["paper"], got["engine"])
    report.goal("C8", "paper's formulation over ours, whole fit, each in its own process", middle, 1.5, 2.5, (low, high))
    middle, low, high = ratio(got["paper-tuned"], got["engine"])
    report.say(f"| | the same with our allocator thresholds given to the plain loop too | {middle:.2f} ({low:.2f} to {high:.2f}) | | | |")
    report.say(f"| | validation loss after {EPOCHS} epochs, ours / paper's | {ended['engine']:.3f} / {ended['paper']:.3f} | | | |")
    report.save()


if __name__ == "__main__":
    alone(sys.argv[1]) if len(sys.argv) > 1 else main()
