"""C8, the TabM half: a whole fit of our TabM against the formulation of its paper in a good plain loop (CPU time, one thread).

The reference package and pytabkit are not installed. The stand-in follows arXiv 2410.24210: adapters r and s scale the activations of a shared
linear layer, k heads, every member trained on its own loss; resident rows, one permutation an epoch, fused AdamW, validation after every epoch.
Same sizes, batches, epochs and plain numbers as inputs on both sides. pytabkit's RealMLP over five folds is not measured.
"""

import torch
import torch.nn.functional as F
from common import BATCH, CLASSES, FEATURES, Report, cpu_seconds, dataset, ratio, rounds
from torch import Tensor, nn

from phasewise.engine import InputInfo, Member, fit
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


def main() -> None:
    """Interleaved rounds."""
    torch.set_num_threads(1)
    report = Report("engine-cpu.md")
    report.head("C8: TabM with 16 members, two layers of 128, against the paper's formulation in a plain loop (CPU time, one thread)")
    data, plain = dataset(ROWS)
    x, y = data.inputs["num"], data.y
    info = InputInfo(numbers=plain.numbers, outputs=plain.outputs, stats=networks.statistics(x[:TRAIN]))
    spec = NetworkSpec(family="tabm", hidden=list(HIDDEN), members=MEMBERS, options={"plain_numbers": True})
    config = ModelConfig(network=spec, train=TrainSpec(lr=2e-3, batch_size=BATCH, epochs=EPOCHS))
    member = Member(id="m", config=config, train=torch.arange(TRAIN), validation=torch.arange(TRAIN, ROWS))
    ended: dict[str, float] = {}

    def ours() -> None:
        ended["ours"] = fit([member], data, info, networks.build, device="cpu", watch=False).members[0].curves["validation_loss"][-1]

    def theirs() -> None:
        ended["paper's"] = reference(x, y)

    got = rounds({"ours": lambda: cpu_seconds(ours), "paper": lambda: cpu_seconds(theirs)}, 3)
    middle, low, high = ratio(got["paper"], got["ours"])
    report.goal("C8", "paper's formulation over ours, whole fit", middle, 1.5, 2.5, (low, high))
    report.say(f"| | validation loss after {EPOCHS} epochs, ours / paper's | {ended['ours']:.3f} / {ended['paper' + chr(39) + 's']:.3f} | | | |")
    report.save()


if __name__ == "__main__":
    main()
