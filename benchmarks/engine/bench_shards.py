"""F5: a table four times the memory limit through shards against the same table resident (rows per CPU-second of training steps, and wall).

The sharded run happens in its own process under a hard address-space limit (RLIMIT_DATA) and reports its peak resident memory.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from common import CLASSES, FEATURES, Report, covertype_like, ratio

from phasewise.engine import Dataset, InputInfo, Member, fit
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.shards import Shards, ShardWriter, hold
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

WIDTHS = (32, 128)
LIMIT_MB, ROWS, VALIDATION, EPOCHS = 60, 1_150_000, 10_000, 1


def config(hidden: int) -> ModelConfig:
    """The network that is trained."""
    return ModelConfig(network=NetworkSpec(family="mlp", hidden=[hidden, hidden]), train=TrainSpec(lr=1e-3, batch_size=256, epochs=EPOCHS))


def child(folder: str, hidden: int, sharded: bool) -> None:
    """One run: prints seconds, rows, peak memory above the bare process."""
    torch.set_num_threads(1)
    shards = Shards.open(Path(folder))
    info, last = InputInfo(numbers=FEATURES, outputs=CLASSES), ROWS - VALIDATION
    tiny = torch.randn(512, FEATURES)
    small = [Member(id="warm", config=config(hidden), train=torch.arange(512), validation=torch.arange(10))]
    fit(small, Dataset(inputs={"num": tiny}, y=torch.randint(0, CLASSES, (512,)), task="multiclass", classes=CLASSES), info, DenseNet, device="cpu")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if sharded:
        used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (used + LIMIT_MB * 2**20,) * 2)
        data, train, validation = hold(shards, train=(0, last), validation=np.arange(last, ROWS), memory_mb=LIMIT_MB * 0.6)
    else:
        data, train, validation = shards.read(0, ROWS, torch.device("cpu")), torch.arange(last), torch.arange(last, ROWS)
    member = Member(id="m", config=config(hidden), train=train, validation=validation)
    wall, cpu = time.perf_counter(), time.process_time()
    result = fit([member], data, info, DenseNet, device="cpu")
    (m,) = result.members
    print(json.dumps({
        "wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "steps": m.steps, "training": m.seconds, "loss": m.best,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before,
    }))


def main() -> None:
    """Interleaved processes."""
    report = Report("engine-cpu.md")
    report.head(f"F5: training through shards under a limit of {LIMIT_MB} MB, one epoch")
    with tempfile.TemporaryDirectory() as folder:
        writer = ShardWriter(Path(folder), "multiclass", CLASSES)
        for seed in range(ROWS // 50_000):
            x, y = covertype_like(50_000, seed)
            writer.add({"num": x.numpy()}, y.numpy())
        writer.close()
        size = sum(f.stat().st_size for f in Path(folder).iterdir()) / 2**20
        for hidden in WIDTHS:
            runs: dict[bool, list[dict]] = {True: [], False: []}
            for _ in range(3 if hidden == 128 else 2):
                for sharded in (True, False):
                    done = subprocess.run([sys.executable, __file__, folder, str(hidden), str(int(sharded))], capture_output=True, text=True, check=False)
                    if done.returncode:
                        raise SystemExit(done.stderr)
                    runs[sharded].append(json.loads(done.stdout.splitlines()[-1]))
            speed = {k: [r["steps"] / r["wall"] for r in v] for k, v in runs.items()}
            middle, low, high = ratio(speed[True], speed[False])
            report.goal("F5", f"H={hidden}: table of {size:.0f} MB ({size / LIMIT_MB:.1f}x the limit), sharded over resident speed (whole fit, wall)", middle, 0.7, 0.7, (low, high))
            peak = max(r["peak_mb"] for r in runs[True])
            resident = max(r["peak_mb"] for r in runs[False])
            losses = ", ".join(f"{runs[k][0]['loss']:.4f}" for k in (True, False))
            report.say(f"| | H={hidden}: peak memory above the bare process, sharded / resident (MB) | {peak:.0f} / {resident:.0f} | | | |")
            report.say(f"| | H={hidden}: validation loss, sharded / resident | {losses} | | | |")
            report.save()


if __name__ == "__main__":
    if len(sys.argv) == 4:
        child(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "1")
    else:
        main()
