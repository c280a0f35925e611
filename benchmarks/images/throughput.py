"""Decode and cache beside a bare Pillow loop; ResNet-20 training beside a plain PyTorch DataLoader loop of the same network and augmentation (C9, G5-G7).

    python benchmarks/images/throughput.py [decode] [train] [--pictures N] [--data FOLDER]     # a set smaller than N is gone through again

Prints one line per measurement; a GPU section runs where torch sees one.
"""

import argparse
import os
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import numpy as np
import torch
from common import DATA
from PIL import Image, ImageOps
from torch.utils.data import DataLoader, TensorDataset

from phasewise import engine
from phasewise.engine import Dataset, Hooks, InputInfo, Member
from phasewise.kinds.images import cache, files, networks
from phasewise.kinds.images.augment import colour, geometry
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

ROUNDS = 5
SIDE = 128
POLICY = {"crop": 4, "flip": 0.5, "brightness": 0.2}


def _pillow(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(ImageOps.fit(image.convert("RGB"), (SIDE, SIDE), Image.Resampling.BILINEAR))


def _bare(paths: list[Path]) -> np.ndarray:
    """CPU seconds of some pictures in a process of their own: program and system."""
    began = _used()
    for path in paths:
        _pillow(path)
    return _used() - began


def _kept(part: tuple[str, int, list[Path]]) -> np.ndarray:
    """CPU seconds of some pictures whose arrays are written to their place in a file, as whoever wants to use them again does."""
    place, first, paths = part
    began = _used()
    handle = os.open(place, os.O_RDWR)
    for i, path in enumerate(paths):
        os.pwrite(handle, _pillow(path).data, (first + i) * SIDE * SIDE * 3)
    os.close(handle)
    return _used() - began


def _used() -> np.ndarray:
    """CPU seconds of this process and of its children that have ended: program and system."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return np.array([sum(t.ru_utime for t in found), sum(t.ru_stime for t in found)])


def decode(data: Path, count: int) -> None:
    """Pictures a second, alternating: bare loops over all cores (threads, processes that are up already, and the same keeping their arrays), and decode with facts into a new cache on disk.

    CPU microseconds a picture depend little on what else the machine does: of the bare loop those of its processes without their start and what
    moves between them, of ours everything, processes started included.
    """
    listing = files.scan(data)
    items = list(islice(cycle(listing.items), count))
    listing = files.Listing(root=listing.root, items=items, classes=listing.classes)
    paths = [listing.root / i.path for i in listing.items]
    [p.read_bytes() for p in paths]
    parts = [paths[k : k + 16] for k in range(0, count, 16)]
    crew = os.cpu_count() or 1
    speeds: dict[str, list[float]] = {"threads": [], "processes": [], "kept": [], "ours": []}
    spent: dict[str, list[np.ndarray]] = {name: [] for name in speeds}
    with ThreadPoolExecutor(crew) as tight, ProcessPoolExecutor(crew) as apart:
        list(apart.map(_bare, parts[:8]))
        for _ in range(ROUNDS):
            for name in speeds:
                with tempfile.TemporaryDirectory() as scratch:
                    place = Path(scratch) / "arrays"
                    place.touch()
                    began, cpu = time.perf_counter(), _used()
                    if name == "ours":
                        cache.build(listing, Path(scratch), SIDE, 3)
                        paid = _used() - cpu
                    elif name == "kept":
                        paid = sum(apart.map(_kept, [(str(place), 16 * i, part) for i, part in enumerate(parts)]))
                    else:
                        paid = sum((tight if name == "threads" else apart).map(_bare, parts))
                    speeds[name].append(count / (time.perf_counter() - began))
                    spent[name].append(1e6 * paid / count)
    print(f"decode {data.name} to {SIDE} px, {count} pictures, {crew} cores, {ROUNDS} rounds, load {os.getloadavg()[0]:.1f}")
    for name, said in (("threads", "bare Pillow, threads"), ("processes", "bare Pillow, processes"), ("kept", "the same, arrays kept"), ("ours", "decode + facts + cache")):
        beside = [f"{median(o / b for o, b in zip(speeds['ours'], speeds[name], strict=True)):.2f} of its speed (best to best {max(speeds['ours']) / max(speeds[name]):.2f})"]
        if name != "threads":
            beside += [f"{median(f(b) / f(o) for o, b in zip(spent['ours'], spent[name], strict=True)):.2f} by {what} time" for f, what in ((np.sum, "CPU"), (lambda t: t[0], "program"))]
        cpu = "" if name == "threads" else f", CPU {median(t.sum() for t in spent[name]):.0f} us a picture, {median(t[1] for t in spent[name]):.0f} of it the system's"
        print(f"  {said}: best {max(speeds[name]):.0f}, median {median(speeds[name]):.0f} pictures/s{cpu}" + ("" if name == "ours" else f"; ours {', '.join(beside)}"))


def _plain_loop(images: torch.Tensor, y: torch.Tensor, device: str, epochs: int, batch: int) -> float:
    """Rows a second of what most people write: DataLoader, one augmented picture at a time in the data set, AdamW, a tenth of the rows to validate on."""

    class Augmented(TensorDataset):
        def __getitem__(self, i: int):
            x = self.tensors[0][i : i + 1].float() / 255
            x = colour.brightness(geometry.flip(geometry.pad_crop(x, None, 4), None, 0.5), None, 0.2)
            return (x[0] - 0.5) / 0.25, self.tensors[1][i]

    model = networks.build(NetworkSpec(family="resnet20"), _info(images)).body.to(device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    loader = DataLoader(Augmented(images, y), batch_size=batch, shuffle=True, drop_last=True, num_workers=0 if device == "cpu" else 8)
    model.train()
    began, rows = 0.0, 0
    for epoch in range(epochs + 1):
        if epoch == 1:
            began = time.perf_counter()
        for x, target in loader:
            optimiser.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(model(x.to(device)), target.to(device)).backward()
            optimiser.step()
            rows += len(x) if epoch else 0
        model.eval()
        with torch.inference_mode():
            for start in range(0, len(y) // 10, batch):
                model((images[start : start + batch].float().to(device) / 255 - 0.5) / 0.25)
        model.train()
    if device != "cpu":
        torch.cuda.synchronize()
    return rows / (time.perf_counter() - began)


def _info(images: torch.Tensor) -> InputInfo:
    channels = images.shape[1]
    return InputInfo(outputs=10, image=tuple(images.shape[1:]), stats={"mean": torch.full((channels,), 0.5), "std": torch.full((channels,), 0.25)})


def _engine(images: torch.Tensor, y: torch.Tensor, device: str, epochs: int, batch: int) -> float:
    """Rows a second of the engine with the same network, augmentation, optimiser and validation; its look at training rows is paid besides."""
    config = ModelConfig(network=NetworkSpec(family="resnet20", options={"augment": POLICY}), train=TrainSpec(optimizer="adamw", lr=1e-3, weight_decay=0.01, batch_size=batch, epochs=epochs + 1))
    data = Dataset(inputs={"image": images}, y=y, task="multiclass", classes=10)
    marks: list[float] = []

    class Marked(Hooks):
        def on_epoch(self, *_: object, **__: object) -> None:
            marks.append(time.perf_counter())

    rows = torch.arange(len(y))
    engine.fit([Member(id="m", config=config, seed=0, train=rows, validation=rows[: len(y) // 10])], data, _info(images), networks.build, Marked(), device=device, watch=False)
    return (len(y) // batch * batch) * (len(marks) - 1) / (marks[-1] - marks[0])


def train(count: int) -> None:
    """Training throughput side by side, alternating, best of two."""
    source = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=source)
    y = torch.randint(0, 10, (count,), generator=source)
    for device in ("cpu", *(["cuda"] if torch.cuda.is_available() else [])):
        plain, ours = [], []
        for _ in range(2):
            plain.append(_plain_loop(images, y, device, 1, 128))
            ours.append(_engine(images, y, device, 1, 128))
        print(f"resnet20 32 px batch 128 on {device}: DataLoader loop {max(plain):.0f} rows/s, engine {max(ours):.0f} rows/s, ratio {max(ours) / max(plain):.2f} ({count} rows, {torch.get_num_threads()} threads, best of 2, load {os.getloadavg()[0]:.1f})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["decode", "train"])
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--data", type=Path, default=DATA / "flowers")
    args = parser.parse_args()
    if "decode" in args.parts:
        decode(args.data, args.pictures)
    if "train" in args.parts:
        train(args.pictures)
