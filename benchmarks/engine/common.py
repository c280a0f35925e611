"""What the engine benchmarks share: synthetic data, members, stand-in peers, timing in interleaved rounds, and printing."""

import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phasewise.engine import Dataset, InputInfo, Member
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

RESULTS = Path(__file__).resolve().parents[1] / "results"
FEATURES, CLASSES, BATCH = 54, 7, 256


def covertype_like(rows: int, seed: int = 0, noise: float = 0.5) -> tuple[Tensor, Tensor]:
    """float32 [rows, 54] and int64 [rows]: seven classes cut from a random two-layer teacher, with noise."""
    g = torch.Generator().manual_seed(1234)
    w1, w2 = torch.randn(FEATURES, 24, generator=g) / FEATURES**0.5, torch.randn(24, CLASSES, generator=g) / 24**0.5
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, FEATURES, generator=g)
    score = torch.relu(2 * x @ w1) @ w2 * 2
    return x, (score + noise * torch.randn(rows, CLASSES, generator=g)).argmax(1)


def dataset(rows: int) -> tuple[Dataset, InputInfo]:
    """The synthetic table as the engine wants it."""
    x, y = covertype_like(rows)
    return Dataset(inputs={"num": x}, y=y, task="multiclass", classes=CLASSES), InputInfo(numbers=FEATURES, outputs=CLASSES)


def drawn(n: int, seed: int, *, dropout: bool = True) -> np.ndarray:
    """Random points [n, 3] of the cube of trials: dropout (0 throughout without it), rate, decay."""
    source = random.Random(seed)
    return np.array([[source.random() if dropout else 0.0, source.random(), source.random()] for _ in range(n)])


def trials_at(cube: np.ndarray, hidden: int, *, epochs: int, train: int, rows: int, dropout: bool = True, first: int = 0) -> list[Member]:
    """The trials at points of the cube: log-uniform rate and decay, uniform dropout."""
    out = []
    for i, (share, rate, decay) in enumerate(cube.tolist(), first):
        p = round(0.02 + 0.28 * share, 3)
        spec = TrainSpec(lr=10 ** (-3.5 + 1.5 * rate), weight_decay=10 ** (-6 + 4 * decay), batch_size=BATCH, epochs=epochs)
        net = NetworkSpec(family="mlp", hidden=[hidden, hidden], dropout=[p, p] if dropout else [], init="torch")
        config = ModelConfig(network=net, train=spec)
        out.append(Member(id=f"t{i}", seed=i, config=config, train=torch.arange(train), validation=torch.arange(train, rows)))
    return out


def trials(n: int, hidden: int, *, epochs: int, train: int, rows: int, dropout: bool = True, seed: int = 0) -> list[Member]:
    """Random trials, the same for every contestant."""
    return trials_at(drawn(n, seed, dropout=dropout), hidden, epochs=epochs, train=train, rows=rows, dropout=dropout)


def network(member: Member) -> nn.Sequential:
    """The trial's network as a person would write it."""
    h, p = member.config.network.hidden, (member.config.network.dropout or [0.0, 0.0])[0]
    drop = [nn.Dropout(p)] if p else []
    return nn.Sequential(nn.Linear(FEATURES, h[0]), nn.ReLU(), *drop, nn.Linear(h[0], h[1]), nn.ReLU(), *drop, nn.Linear(h[1], CLASSES))


class PlainLoop:
    """A good plain loop: resident rows, one permutation an epoch, fused AdamW, no host sync."""

    def __init__(self, member: Member, x: Tensor, y: Tensor, *, fused: bool = True) -> None:
        torch.manual_seed(member.seed)
        train = member.config.train
        self.member, self.x, self.y = member, x, y
        self.net = network(member).to(x.device)
        self.opt = torch.optim.AdamW(self.net.parameters(), lr=train.lr, weight_decay=train.weight_decay, fused=fused)
        self.order = torch.zeros(0, dtype=torch.int64)

    def steps(self, count: int) -> None:
        """Some steps on fresh rows."""
        for _ in range(count):
            if len(self.order) < BATCH:
                self.order = torch.randperm(len(self.member.train), device=self.x.device)
            index, self.order = self.order[:BATCH], self.order[BATCH:]
            self.opt.zero_grad(set_to_none=True)
            loss = F.cross_entropy(self.net(self.x[index]), self.y[index])
            loss.backward()
            self.opt.step()

    @torch.no_grad()
    def validate(self) -> float:
        """Mean loss on the validation rows."""
        self.net.eval()
        rows = self.member.validation
        value = float(F.cross_entropy(self.net(self.x[rows]), self.y[rows]))
        self.net.train()
        return value


class LoaderLoop(PlainLoop):
    """The usual loop: DataLoader over a TensorDataset, default AdamW, `.item()` every step (what front ends do at least)."""

    def __init__(self, member: Member, x: Tensor, y: Tensor, *, fused: bool = False) -> None:
        super().__init__(member, x, y, fused=fused)
        rows = torch.utils.data.TensorDataset(x[: len(member.train)], y[: len(member.train)])
        self.loader = torch.utils.data.DataLoader(rows, batch_size=BATCH, shuffle=True, drop_last=True)
        self.batches = iter(self.loader)
        self.total = 0.0

    def steps(self, count: int) -> None:
        """Some steps through the loader."""
        for _ in range(count):
            batch = next(self.batches, None)
            if batch is None:
                self.batches = iter(self.loader)
                batch = next(self.batches)
            self.opt.zero_grad()
            loss = F.cross_entropy(self.net(batch[0]), batch[1])
            loss.backward()
            self.opt.step()
            self.total += loss.item()


def rounds(contestants: dict[str, Callable[[], float]], count: int = 5, seed: int = 0) -> dict[str, list[float]]:
    """Interleaved rounds in random order; each contestant returns its figure (seconds per unit)."""
    source, out = random.Random(seed), {name: [] for name in contestants}
    for _ in range(count):
        names = list(contestants)
        source.shuffle(names)
        for name in names:
            out[name].append(contestants[name]())
    return out


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call (all threads of this process)."""
    began = time.process_time()
    work()
    return time.process_time() - began


def ratio(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    """Median and quartiles of a/b computed within each round."""
    values = sorted(x / y for x, y in zip(a, b, strict=True))
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def machine() -> str:
    """The machine in general terms, with versions and load."""
    load = "/".join(f"{x:.1f}" for x in os.getloadavg())
    gpu = f", GPU {torch.cuda.get_device_name(0)}" if torch.cuda.is_available() else ", no GPU"
    return f"{os.cpu_count()} cores {platform.machine()} ({torch.backends.cpu.get_cpu_capability()}){gpu}, torch {torch.__version__}, Python {platform.python_version()}, load {load}"


class Report:
    """Prints as it goes and keeps everything for one Markdown file; a section is replaced when it is run again."""

    def __init__(self, file: str) -> None:
        self.path, self.lines = RESULTS / file, []

    def say(self, text: str = "") -> None:
        """One line."""
        print(text, flush=True)
        self.lines.append(text)

    def goal(self, id: str, what: str, value: float, target: float, stretch: float, spread: tuple[float, float] | None = None, lower: bool = False) -> None:
        """One row of the table of goals."""
        def reached(limit: float) -> bool:
            return value <= limit if lower else value >= limit

        state = "stretch" if reached(stretch) else "target" if reached(target) else "MISSED"
        between = f" ({spread[0]:.2f} to {spread[1]:.2f})" if spread else ""
        self.say(f"| {id} | {what} | {value:.2f}{between} | {target:g} | {stretch:g} | {state} |")

    def head(self, title: str) -> None:
        """The head of a section with its table."""
        self.say(f"## {title}")
        self.say(f"{time.strftime('%Y-%m-%d')}: {machine()}\n")
        self.say("| id | figure | median (quartiles) | target | stretch | reached |\n| --- | --- | --- | --- | --- | --- |")

    def save(self) -> None:
        """Puts this section into the results file in place of its former self."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        old = self.path.read_text() if self.path.exists() else ""
        title = next(line for line in self.lines if line.startswith("## "))
        parts = ["## " + p for p in ("\n" + old).split("\n## ")[1:]]
        kept = [p.rstrip() for p in parts if p.splitlines()[0] != title]
        self.path.write_text("\n\n".join([*kept, "\n".join(self.lines).rstrip()]) + "\n")
