"""A table several times the allowed memory, headless from `new` through `verify`: peak memory of every job, and training speed against resident rows.

The allowance is `PHASEWISE_TABLES_MB`; every process also runs under a hard limit on its private memory (RLIMIT_DATA). The footprint of the
program itself is what the same commands take on a table of few rows and as many columns. Speed is that of the project's own fit (its
preparation, network and settings) through the product's shards against the same rows in memory, in processes of their own, in turn.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

BLOCK = 50_000
FLAGS = ["--set", "goals.target=0.999", "--set", "train.epochs=2", "--set", "train.family=mlp", "--set", "train.ladder=no", "--budget-trials", "0"]
"""A goal out of reach, so that no phase is left out; two epochs and no idea to try, so that minutes are enough."""
OUT = Path(__file__).resolve().parent / "results" / "large-table.md"


def write(path: Path, rows: int, columns: int) -> None:
    """A Parquet table in row groups of 100,000, made and written block by block: numbers, one category, a target with interactions."""
    parts = path.with_suffix(".parts")
    parts.mkdir(parents=True)
    for start in range(0, rows, BLOCK):
        rng, n = np.random.default_rng(start), min(BLOCK, rows - start)
        x = rng.standard_normal((n, columns - 2), dtype=np.float32)
        score = x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + np.abs(x[:, 3]) - 0.8 + 0.3 * rng.standard_normal(n)
        frame = pl.DataFrame({f"f{j:03d}": x[:, j] for j in range(columns - 2)})
        frame.with_columns(group=pl.Series(rng.choice([f"g{k}" for k in range(12)], n)), target=pl.Series(np.where(score > 0, "yes", "no"))).write_parquet(parts / f"{start:09d}.parquet")
    pl.scan_parquet(parts / "*.parquet").sink_parquet(path, row_group_size=100_000, compression="lz4")
    shutil.rmtree(parts)


def watched(command: list[str], folder: Path, env: dict[str, str], limit_mb: int | None) -> tuple[int, dict[int, tuple[int, int]]]:
    """Exit code of a command and, by process it or its workers ran in, peak resident and peak private (VmData) memory in MB."""
    mark = f"LARGE_TABLE={os.urandom(4).hex()}"
    key, value = mark.split("=")

    def bound() -> None:
        if limit_mb:
            resource.setrlimit(resource.RLIMIT_DATA, (limit_mb * 2**20,) * 2)

    process = subprocess.Popen(command, cwd=folder, env={**env, key: value}, preexec_fn=bound)
    peaks: dict[int, tuple[int, int]] = {}
    while process.poll() is None:
        for entry in os.scandir("/proc"):
            try:
                if entry.name.isdigit() and mark.encode() in Path(entry.path, "environ").read_bytes():
                    found = dict(line.split(":", 1) for line in Path(entry.path, "status").read_text().splitlines())
                    now = tuple(int(found[k].split()[0]) // 1024 for k in ("VmHWM", "VmData"))
                    before = peaks.get(int(entry.name), (0, 0))
                    peaks[int(entry.name)] = max(before[0], now[0]), max(before[1], now[1])
            except (OSError, KeyError):
                continue
        time.sleep(0.05)
    return process.returncode, peaks


def headless(table: Path, folder: Path, allowed_mb: int, limit_mb: int | None) -> dict[str, tuple[float, int, int]]:
    """Seconds, peak resident and peak private MB of every job of a project made from a table."""
    shutil.rmtree(folder, ignore_errors=True)
    env = {**os.environ, "PHASEWISE_TABLES_MB": str(allowed_mb), "OMP_NUM_THREADS": "1"}
    peaks: dict[int, tuple[int, int]] = {}
    for command, place in ((["new", str(folder), "--data", str(table), "--yes"], table.parent), (["run", "--through", "verify", "--yes", *FLAGS], folder)):
        code, found = watched([sys.executable, "-m", "phasewise", *command], place, env, limit_mb)
        peaks |= found
        if code not in (0, 3):  # 3: a gate did not pass, as the goal wants
            raise SystemExit(f"phasewise {' '.join(command)} ended with {code}")
    out = {}
    for run in sorted((folder / "runs").iterdir()):
        events = [json.JSONDecoder().raw_decode(line)[0] for line in (run / "events.jsonl").read_text().splitlines()]
        hello = next(e for e in events if e["kind"] == "hello")
        resident, private = peaks.get(int(hello["pid"]), (0, 0))
        out[run.name.split("-", 1)[1]] = (events[-1]["t"] - events[0]["t"], resident, private)
    return out


def whole(table: Path, folder: Path, limit_mb: int) -> str:
    """The control: what a project says that is allowed to read the table whole under the same hard limit."""
    shutil.rmtree(folder, ignore_errors=True)

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit_mb * 2**20,) * 2)

    done = subprocess.run([sys.executable, "-m", "phasewise", "new", str(folder), "--data", str(table), "--yes"], capture_output=True, text=True, check=False, preexec_fn=bound, env={**os.environ, "PHASEWISE_TABLES_MB": "1000000"})
    told = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.startswith(("error:", "  cause:"))]
    return " ".join(told).replace(str(table.parent) + "/", "") or f"exit code {done.returncode}"


def peak_mb() -> float:
    """Peak resident memory of this process; getrusage would tell that of the process it was forked from."""
    return next(int(line.split()[1]) / 1024 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))


def child(project: str, streamed: bool, limit_mb: int) -> None:
    """The project's fit once more, its rows streamed (under a hard limit of 1.5 times the allowance above what the imports take) or in memory; prints steps a second and peak MB."""
    import torch

    from phasewise.engine import Dataset, InputInfo, Member, fit
    from phasewise.kinds.tabular import networks
    from phasewise.project.folder import Project
    from phasewise.records.jobs import parse_job
    from phasewise.worker.bench import open_bench

    torch.set_num_threads(1)
    run = next(p for p in sorted(Path(project, "runs").iterdir()) if p.name.endswith("-fit"))
    job = parse_job(json.loads((run / "job.json").read_text()))
    tiny = Dataset(inputs={"num": torch.randn(512, 4)}, y=torch.randint(0, 2, (512,)), task="binary", classes=2)
    small = job.config.model_copy(update={"train": job.config.train.model_copy(update={"epochs": 1})})
    fit([Member(id="warm", config=small, train=torch.arange(400), validation=torch.arange(400, 512))], tiny, InputInfo(numbers=4, outputs=1), networks.build, device="cpu")
    before = peak_mb()
    if streamed:
        used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (used + limit_mb * 3 * 2**19,) * 2)
    with Project.open(Path(project), read_only=True) as opened:
        bench = open_bench(job.data, opened, "cpu")
    (stage,) = bench.stages(job.config.prepare)
    flow = bench.streamed(stage, tell=lambda done, total: None, say=print)
    train, validation, data = torch.from_numpy(stage.train), torch.from_numpy(stage.validation), flow
    if not streamed:
        parts = [flow.shards.read(a, b, torch.device("cpu")) for a, b in flow.spans()] + [stage.data]
        held = sum(b - a for a, b in flow.spans())
        data = Dataset(inputs={n: torch.cat([p.inputs[n] for p in parts]) for n in stage.data.inputs}, y=torch.cat([p.y for p in parts]), task=flow.held.task, classes=flow.held.classes)
        train, validation = torch.arange(held), validation + held
        del parts
    began, spent = time.perf_counter(), time.process_time()
    result = fit([Member(id="m", config=job.config, train=train, validation=validation)], data, stage.info, bench.build, device="cpu")
    wall, cpu, (member,) = time.perf_counter() - began, time.process_time() - spent, result.members
    print(json.dumps({"steps": member.steps, "wall": wall, "cpu": cpu, "training": member.seconds, "best": member.best, "peak": peak_mb() - before, "plan": result.plan.get("plan"), "stream": result.plan.get("stream")}))


def main() -> None:
    """Prints and writes `results/large-table.md`."""
    parse = argparse.ArgumentParser()
    for name, default in (("rows", 1_250_000), ("columns", 240), ("allowed", 300), ("limit", 1600), ("rounds", 5)):
        parse.add_argument(f"--{name}", type=int, default=default)
    parse.add_argument("--folder", type=Path, required=True)
    asked = parse.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    tables = {name: asked.folder / f"{name}-{rows}x{asked.columns}.parquet" for name, rows in (("few", 3000), ("large", asked.rows))}
    for name, rows in (("few", 3000), ("large", asked.rows)):
        if not tables[name].is_file():
            write(tables[name], rows, asked.columns)
    bare = headless(tables["few"], asked.folder / "few", asked.allowed, None)
    large = headless(tables["large"], asked.folder / "large", asked.allowed, asked.limit)
    control = whole(tables["large"], asked.folder / "control", asked.limit)
    size = asked.rows * ((asked.columns - 2) * 4 + 4 + 8) / 2**20
    lines = [
        "# A table larger than memory, headless from new through verify", "",
        f"`python benchmarks/large_table.py --folder DIR --rows {asked.rows} --columns {asked.columns} --allowed {asked.allowed}` on 2 shared cores of a server; {time.strftime('%Y-%m-%d')}.", "",
        f"{asked.rows:,} rows, {asked.columns} columns: {size:,.0f} MB as prepared ({size / asked.allowed:.1f} times the {asked.allowed} MB allowed), {asked.rows * asked.columns * 16 / 2**20:,.0f} MB to read whole. Every process under RLIMIT_DATA of {asked.limit:,} MB, under which reading it whole is refused: \"{control}\".", "",
        "| job | seconds | peak resident MB | few rows, the same columns | above them | peak private MB (VmData) |", "|---|---|---|---|---|---|",
    ]
    lines += [f"| {name} | {s:.0f} | {r} | {bare[name][1] if name in bare else '-'} | {r - bare[name][1] if name in bare else '-'} | {p} |" for name, (s, r, p) in large.items()]
    runs: dict[bool, list[dict]] = {True: [], False: []}
    for _ in range(asked.rounds):
        for streamed in runs:
            done = subprocess.run([sys.executable, __file__, "--child", str(asked.folder / "large"), str(int(streamed)), str(asked.allowed)], capture_output=True, text=True, check=False, env={**os.environ, "PHASEWISE_TABLES_MB": str(asked.allowed), "OMP_NUM_THREADS": "1"})
            if done.returncode:
                raise SystemExit(done.stderr)
            runs[streamed].append(json.loads(done.stdout.splitlines()[-1]))
    rates = {unit: {k: [r["steps"] / r[unit] for r in v] for k, v in runs.items()} for unit in ("wall", "cpu")}
    first = runs[True][0]
    lines += [
        "", f"Training the fit of the project again, {first['steps']:,} steps ({first['plan']}), {first['stream']['windows']} windows of {first['stream']['window_rows']:,} rows, {asked.rounds} rounds in turn; load average {os.getloadavg()[1]:.1f}:", "",
        "| whole fit: reading, steps, validation (in memory all training rows are predicted at its end, streamed a sample) | streamed | in memory | ratio of medians (goal 0.70) | rounds |", "|---|---|---|---|---|",
    ]
    for unit, name in (("wall", "steps a second by the clock"), ("cpu", "steps a second of processor time")):
        mine, theirs = (statistics.median(rates[unit][k]) for k in (True, False))
        lines.append(f"| {name} | {mine:,.0f} | {theirs:,.0f} | {mine / theirs:.2f} | {', '.join(f'{a / b:.2f}' for a, b in zip(rates[unit][True], rates[unit][False], strict=True))} |")
    strict = [[r["steps"] / r[unit] for r in runs[k]] for k, unit in ((True, "wall"), (False, "training"))]
    lines += [
        f"| the same by the clock, of the fit in memory the steps alone | {statistics.median(strict[0]):,.0f} | {statistics.median(strict[1]):,.0f} | {statistics.median(strict[0]) / statistics.median(strict[1]):.2f} | {', '.join(f'{a / b:.2f}' for a, b in zip(*strict, strict=True))} |",
        f"| peak MB above the imports | {max(r['peak'] for r in runs[True]):,.0f} | {max(r['peak'] for r in runs[False]):,.0f} | | |",
        f"| best objective on the same validation rows | {first['best']:.4f} | {runs[False][0]['best']:.4f} | | |",
    ]
    OUT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "--child":
        child(sys.argv[2], sys.argv[3] == "1", int(sys.argv[4]))
    else:
        main()
