"""All GPU figures in one command under nine minutes: G1-G3, G4-like, G8-like, G9 and the open points of the design, one guarded section each.

    PYTHONPATH=src python benchmarks/engine/gpu.py            needs torch, numpy and pydantic only
    PYTHONPATH=src python benchmarks/engine/gpu.py --dry      a tiny run on the CPU, to see that the script works

Peers that are not installed are stood in for by plain loops; the text says so at each figure.
"""

import os
import sys
import time
import traceback
from collections.abc import Callable

import common
import torch
import torch.nn.functional as F
from common import BATCH, CLASSES, FEATURES, PlainLoop, Report

from phasewise.engine import Halving, fit
from phasewise.engine import device as devices
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.population import Setting
from phasewise.engine.sampling import BatchPlan

DRY = "--dry" in sys.argv
DEVICE = torch.device("cpu" if DRY or not torch.cuda.is_available() else "cuda")
LIMIT = 530.0
BEGAN = time.perf_counter()
report = Report("engine-gpu-dry.md" if DRY else "engine-gpu.md")


def sync() -> None:
    """Waits for the device."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def timed(work: Callable[[], object], repeats: int = 5) -> float:
    """Median seconds of a call after one warm-up call."""
    work()
    sync()
    values = []
    for _ in range(1 if DRY else repeats):
        began = time.perf_counter()
        work()
        sync()
        values.append(time.perf_counter() - began)
    return sorted(values)[len(values) // 2]


def population(n: int, hidden: int, *, graph: bool = True, steps: int = 64, rows: int = 51200, dropout: bool = True, precision: str = "tf32"):
    """A stacked population ready to run `steps` steps."""
    rows = 2560 if DRY else rows
    steps = min(steps, rows // BATCH)
    data, info = common.dataset(rows)
    members = common.trials(n, hidden, epochs=1, train=rows, rows=rows, dropout=dropout)
    setting = Setting(data=data.to(DEVICE), info=info, build=DenseNet, device=DEVICE, precision=precision)
    plan = BatchPlan(rows=rows, batch=BATCH, steps=steps)
    if DEVICE.type == "cuda":
        from phasewise.engine.dense.graph import GraphPopulation

        crew = GraphPopulation(members, setting, plan, graph=graph)
    else:
        from phasewise.engine.dense.population import DensePopulation

        crew = DensePopulation(members, setting, plan)
    orders = torch.stack([torch.randperm(rows)[: steps * BATCH] for _ in range(n)]).to(DEVICE)
    crew.begin(0, orders, torch.full((steps, n), 1e-3, dtype=torch.float64))
    return crew, setting.data, steps


def member_step(n: int, hidden: int, **options: object) -> float:
    """Seconds per member-step of a population."""
    crew, data, steps = population(n, hidden, **options)
    seconds = timed(lambda: crew.run(data, 0, steps)) / steps / n
    note = getattr(crew, "fallback", "")
    if note:
        report.say(f"(note: {note})")
    return seconds


def plain_eager(hidden: int, steps: int = 64) -> float:
    """Seconds per step of the good plain loop on the device."""
    data, _ = common.dataset(2560 if DRY else 51200)
    data = data.to(DEVICE)
    (member,) = common.trials(1, hidden, epochs=1, train=data.rows, rows=data.rows)
    loop = PlainLoop(member, data.inputs["num"], data.y)
    return timed(lambda: loop.steps(4 if DRY else steps)) / (4 if DRY else steps)


def plain_graph(hidden: int, steps: int = 64) -> float:
    """Seconds per step of one plain model whose whole step is a CUDA graph (capturable fused AdamW), the strongest one-model peer."""
    if DEVICE.type != "cuda":
        return plain_eager(hidden)
    data, _ = common.dataset(51200)
    data = data.to(DEVICE)
    (member,) = common.trials(1, hidden, epochs=1, train=data.rows, rows=data.rows)
    net = common.network(member).to(DEVICE)
    opt = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True, capturable=True)
    order, place, within = torch.randperm(data.rows, device=DEVICE), torch.zeros(1, dtype=torch.int64, device=DEVICE), torch.arange(BATCH, device=DEVICE)

    def step() -> None:
        index = order.index_select(0, (place * BATCH + within) % data.rows)
        opt.zero_grad(set_to_none=False)
        F.cross_entropy(net(data.inputs["num"].index_select(0, index)), data.y.index_select(0, index)).backward()
        opt.step()
        place.add_(1)

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(4):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return timed(lambda: [graph.replay() for _ in range(steps)]) / steps


def section_g1_g2() -> None:
    """G1, G2: member-steps per second against one eager and one captured plain model."""
    report.say("\n### G1, G2: cost of a member-step (TF32, batch 256, dropout; quality equality is G9)\n")
    report.say("| hidden | eager plain, us | graph of one plain model, us | N | population, us per member-step | x eager | x graph |")
    report.say("| --- | --- | --- | --- | --- | --- | --- |")
    for hidden in (128, 32, 512):
        eager, captured = plain_eager(hidden), plain_graph(hidden)
        for n in ((2,) if DRY else {128: (1, 16, 64, 256), 32: (64, 256), 512: (16, 64)}[hidden]):
            cost = member_step(n, hidden)
            report.say(f"| {hidden} | {eager * 1e6:.0f} | {captured * 1e6:.1f} | {n} | {cost * 1e6:.2f} | {eager / cost:.0f} | {captured / cost:.1f} |")
            if hidden == 128 and n in (2, 64):
                goals.append(("G1", "H=128 N=64 against eager plain loop", eager / cost, 30, 100))
                goals.append(("G2", "H=128 N=64 against one model in a CUDA graph", captured / cost, 10, 25))


def bytes_per_member_step(hidden: int) -> float:
    """The bandwidth model of the design (section 3): 11 passes over each hidden activation, 40 bytes a parameter, 4 over the inputs."""
    parameters = FEATURES * hidden + hidden * hidden + CLASSES * hidden + 2 * hidden + CLASSES
    return 11 * 2 * BATCH * hidden * 4 + 40 * parameters + 4 * BATCH * FEATURES * 4


def section_g3() -> None:
    """G3: share of the bandwidth model at N=256, H=128."""
    size = 2**20 if DRY else 2**30
    a = torch.empty(size, dtype=torch.float32, device=DEVICE)
    b = torch.empty_like(a)
    rate = 2 * size * 4 / timed(lambda a=a, b=b: b.copy_(a))
    del a, b
    n = 2 if DRY else 256
    cost = member_step(n, 128)
    share = bytes_per_member_step(128) / cost / rate
    report.say(f"\n### G3: copy bandwidth {rate / 1e12:.2f} TB/s; N={n}, H=128: {cost * 1e6:.2f} us per member-step = {share:.2f} of the bandwidth model")
    goals.append(("G3", "share of the bandwidth model, N=256 H=128", share, 0.35, 0.55))


def section_g4() -> None:
    """G4-like: trials per minute end to end, 64 trials x 10 epochs x 100k rows, halving, against plain eager loops with and without a pruner."""
    n, rows, epochs = (4, 3000, 2) if DRY else (64, 110_000, 10)
    train = rows * 10 // 11
    data, info = common.dataset(rows)
    members = common.trials(n, 128, epochs=epochs, train=train, rows=rows)
    halving = Halving(rungs=(1,), keep=(2,)) if DRY else Halving(rungs=(1, 3), keep=(21, 7))

    def engine(h: Halving | None) -> tuple[float, float]:
        began = time.perf_counter()
        result = fit(members, data, info, DenseNet, device=DEVICE.type, halving=h)
        sync()
        report.say(f"(plan {result.plan['plan']}, tiles {[b['tile'] for b in result.plan['buckets']]}, fallbacks {result.fallbacks})")
        return time.perf_counter() - began, min(m.best for m in result.members)

    cold, _ = engine(halving)
    warm, best = engine(halving)
    full, best_full = engine(None)
    x, y = data.inputs["num"].to(DEVICE), data.y.to(DEVICE)
    per_epoch = train // BATCH
    loop = PlainLoop(members[0], x, y)
    loop.steps(5)
    loop.validate()
    sync()
    began = time.perf_counter()
    loop = PlainLoop(members[0], x, y)
    one_epochs = 1 if DRY else 3
    for _ in range(one_epochs):
        loop.steps(per_epoch)
        loop.validate()
    sync()
    epoch = (time.perf_counter() - began) / one_epochs
    budget = sum(epochs if i < 7 else 3 if i < 21 else 1 for i in range(n))
    plain, pruned = epoch * epochs * n, epoch * budget
    report.say(f"\n### G4-like: {n} trials x {epochs} epochs x {train} rows, H=128 (Optuna, Lightning and fastai are not installed: stand-ins are eager plain loops, their time extrapolated from {one_epochs} measured epochs)\n")
    report.say("| contestant | seconds | trials/min | best validation loss |\n| --- | --- | --- | --- |")
    for name, seconds, value in (
        ("engine, halving, first call", cold, best), ("engine, halving, warm", warm, best), ("engine, all to the end", full, best_full),
        ("plain eager loop with the same halving", pruned, None), ("plain eager loop, all to the end", plain, None),
    ):
        report.say(f"| {name} | {seconds:.1f} | {n / seconds * 60:.0f} | {'' if value is None else f'{value:.4f}'} |")
    goals.append(("G4", "trials/min against a plain eager loop with the same halving (stand-in)", pruned / warm, 50, 200))


def section_g8() -> None:
    """G8-like: a population LSTM step (own cell over bmm, in a graph) against cuDNN one at a time."""
    report.say("\n### G8-like and open point 4: LSTM, batch 64, 32 steps of 64 inputs, N=16; forward and backward, us per member-step\n")
    report.say("| hidden | cuDNN one at a time | bmm population, eager | bmm population, CUDA graph | ratio |\n| --- | --- | --- | --- | --- |")
    b, t, d, n = (4, 3, 8, 2) if DRY else (64, 32, 64, 16)
    for hidden in ((8,) if DRY else (64, 128, 256, 512)):
        lstm = torch.nn.LSTM(d, hidden, batch_first=True).to(DEVICE)
        x = torch.randn(b, t, d, device=DEVICE)

        def one(lstm: torch.nn.LSTM = lstm, x: torch.Tensor = x) -> None:
            lstm(x)[0][:, -1].square().mean().backward()

        single = timed(one)
        w = [torch.randn(n, d + hidden, 4 * hidden, device=DEVICE).div_(hidden**0.5).requires_grad_(), torch.zeros(n, 1, 4 * hidden, device=DEVICE, requires_grad=True)]
        xs = torch.randn(n, b, t, d, device=DEVICE)

        def crew(hidden: int = hidden, w: list[torch.Tensor] = w, xs: torch.Tensor = xs) -> None:
            h = c = torch.zeros(n, b, hidden, device=DEVICE)
            inputs = torch.matmul(xs.view(n, b * t, d), w[0][:, :d]).view(n, b, t, 4 * hidden).unbind(2)
            for part in inputs:
                i, f, g, o = (torch.bmm(h, w[0][:, d:]) + part + w[1]).chunk(4, 2)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            for p, grad in zip(w, torch.autograd.grad(h.square().mean(), w), strict=True):
                p.grad = grad if p.grad is None else p.grad.copy_(grad)

        eager = timed(crew) / n
        captured = eager
        if DEVICE.type == "cuda":
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    crew()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                crew()
            captured = timed(graph.replay) / n
        report.say(f"| {hidden} | {single * 1e6:.0f} | {eager * 1e6:.0f} | {captured * 1e6:.0f} | {single / captured:.1f} |")
        if hidden in (8, 128):
            goals.append(("G8", "LSTM population N=16, hidden 128, against cuDNN one at a time", single / captured, 3, 8))


def section_g9() -> None:
    """G9: same N twice bitwise; N against another N: first ten losses and ranks of final validation losses."""
    n, rows, epochs = (3, 2000, 2) if DRY else (24, 22_000, 4)
    data, info = common.dataset(rows)
    members = common.trials(n, 64, epochs=epochs, train=rows * 10 // 11, rows=rows, dropout=False)
    report.say("\n### G9: reproducibility\n")
    for precision, limit in (("fp32", 1e-5), ("tf32", 1e-3)):
        a, b = (fit(members, data, info, DenseNet, device=DEVICE.type, precision=precision) for _ in range(2))
        bitwise = all(torch.equal(p.state[k], q.state[k]) for p, q in zip(a.members, b.members, strict=True) for k in p.state)
        c = fit(members, data, info, DenseNet, device=DEVICE.type, precision=precision, tile=n // 3)
        first = max(first_losses(members, data, info, precision, n // 3, limit_steps=10))
        x, y = [m.best for m in a.members], [m.best for m in c.members]
        from phasewise.engine.halving import rank_correlation

        rank = rank_correlation(x, y)
        report.say(f"- {precision}: same N twice bitwise {bitwise}; N={n} against tiles of {n // 3}: largest difference of the first ten losses {first:.1e} (limit {limit:g}), Spearman of final losses {rank:.4f} (limit 0.98)")
        goals.append((f"G9 {precision}", "same N bitwise (1 = yes)", float(bitwise), 1, 1))
        goals.append((f"G9 {precision}", "Spearman of final losses, N against N'", rank, 0.98, 0.98))


def first_losses(members, data, info, precision: str, tile: int, *, limit_steps: int) -> list[float]:
    """Largest differences over members of the first losses of a tile of all and of smaller tiles, step by step."""
    from phasewise.engine.plan import stacked_maker
    from phasewise.engine.population import Setting as Where

    with devices.numerics(precision):
        setting = Where(data=data.to(DEVICE), info=info, build=DenseNet, device=DEVICE, precision=precision)
        plan = BatchPlan(rows=len(members[0].train), batch=BATCH, steps=limit_steps if not DRY else 5)
        order = torch.stack([torch.randperm(plan.rows, generator=torch.Generator().manual_seed(i))[: plan.steps * BATCH] for i in range(len(members))])

        def losses(part: slice) -> torch.Tensor:
            crew = stacked_maker([replace_rows(m) for m in members[part]], setting, plan)
            crew.begin(0, order[part].to(DEVICE), torch.tensor([[m.config.train.lr for m in members[part]]] * plan.steps, dtype=torch.float64))
            crew.run(setting.data, 0, plan.steps)
            return crew.losses.clone()

        whole = losses(slice(None))
        parts = torch.cat([losses(slice(at, at + tile)) for at in range(0, len(members), tile)], dim=1)
    return (whole - parts).abs().amax(1).tolist()


def replace_rows(member):
    """The member with its index tensors on the device."""
    from dataclasses import replace

    return replace(member, train=member.train.to(DEVICE), validation=member.validation.to(DEVICE))


def section_point_1() -> None:
    """Open point 1: throughput of strided batched products, TF32 and bf16, and whether the bits change with N."""
    report.say("\n### Open point 1: bmm [N, 256, H] x [N, H, H], TFLOP/s\n")
    report.say("| H | N | TF32 | bf16 | fp32 bits equal to N=1 | TF32 bits equal to N=1 |\n| --- | --- | --- | --- | --- | --- |")
    for hidden in ((8,) if DRY else (32, 64, 128, 256, 512)):
        for n in ((2,) if DRY else (8, 64, 256, 512)):
            a, w = torch.randn(n, 256, hidden, device=DEVICE), torch.randn(n, hidden, hidden, device=DEVICE)
            flop, cells = 2 * n * 256 * hidden * hidden, []
            torch.set_float32_matmul_precision("high")
            cells.append(flop / timed(lambda a=a, w=w: torch.bmm(a, w)) / 1e12)
            tf32 = torch.equal(torch.bmm(a, w)[:1], torch.bmm(a[:1], w[:1]))
            ab, wb = a.bfloat16(), w.bfloat16()
            cells.append(flop / timed(lambda a=ab, w=wb: torch.bmm(a, w)) / 1e12)
            torch.set_float32_matmul_precision("highest")
            fp32 = torch.equal(torch.bmm(a, w)[:1], torch.bmm(a[:1], w[:1]))
            report.say(f"| {hidden} | {n} | {cells[0]:.1f} | {cells[1]:.1f} | {fp32} | {tf32} |")


def section_point_2() -> None:
    """Open point 2: whole-step graphs, microseconds a step against N, with and without the graph."""
    report.say("\n### Open point 2: a step of the population, us\n\n| H | N | eager | graph | us per member-step, graph |\n| --- | --- | --- | --- | --- |")
    for hidden, n in ((32, 2),) if DRY else ((128, 1), (128, 8), (128, 64), (128, 256), (512, 16)):
        eager, graph = member_step(n, hidden, graph=False, steps=24) * n, member_step(n, hidden) * n
        report.say(f"| {hidden} | {n} | {eager * 1e6:.0f} | {graph * 1e6:.0f} | {graph / n * 1e6:.2f} |")


def section_point_3() -> None:
    """Open point 3: the optimiser: our formulas over a flat [N, P], the same compiled, and one fused call per member."""
    n, p = (2, 100) if DRY else (64, 25_000)
    w, g, m, v = (torch.randn(n, p, device=DEVICE).abs_() for _ in range(4))
    lr, steps = torch.full((n, 1), 1e-3, device=DEVICE), torch.full((n, 1), 10.0, device=DEVICE)

    def formulas(w: torch.Tensor, g: torch.Tensor, m: torch.Tensor, v: torch.Tensor) -> None:
        m.lerp_(g, 0.1)
        v.mul_(0.999).addcmul_(g, g, value=0.001)
        w.sub_(lr / (1 - 0.9**steps) * m / (v.sqrt() / (1 - 0.999**steps).sqrt() + 1e-8))

    counters = [torch.full((), 10.0, device=DEVICE) for _ in range(n)]

    def fused() -> None:
        for i in range(n):
            torch._fused_adamw_([w[i]], [g[i]], [m[i]], [v[i]], [], [counters[i]], lr=1e-3, beta1=0.9, beta2=0.999, weight_decay=0.0, eps=1e-8, amsgrad=False, maximize=False)

    rows = [("formulas over [N, P], eager", timed(lambda: formulas(w, g, m, v))), ("fused AdamW, one call per member", timed(fused))]
    if DEVICE.type == "cuda":
        try:
            compiled = torch.compile(formulas)
            began = time.perf_counter()
            compiled(w, g, m, v)
            sync()
            first = time.perf_counter() - began
            rows.append((f"formulas, torch.compile (first call {first:.1f} s)", timed(lambda: compiled(w, g, m, v))))
        except Exception as error:
            report.say(f"(torch.compile did not work here: {str(error).splitlines()[0][:160]})")
    report.say(f"\n### Open point 3: optimiser for N={n} members of {p} parameters, us\n")
    for name, seconds in rows:
        report.say(f"- {name}: {seconds * 1e6:.0f}")


def section_point_5() -> None:
    """Open point 5: images per second of a network of airbench's size on synthetic images (whitening conv, three groups of two 3x3 convs)."""
    def block(a: int, b: int) -> list[torch.nn.Module]:
        conv = [torch.nn.Conv2d(a, b, 3, padding=1, bias=False), torch.nn.MaxPool2d(2), torch.nn.BatchNorm2d(b), torch.nn.GELU()]
        return [*conv, torch.nn.Conv2d(b, b, 3, padding=1, bias=False), torch.nn.BatchNorm2d(b), torch.nn.GELU()]

    b = 8 if DRY else 1024
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 24, 2), torch.nn.GELU(), *block(24, 64), *block(64, 256), *block(256, 256), torch.nn.MaxPool2d(3), torch.nn.Flatten(), torch.nn.Linear(256, 10)).to(DEVICE)
    x, y = torch.randn(b, 3, 32, 32, device=DEVICE), torch.randint(0, 10, (b,), device=DEVICE)
    opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.85, nesterov=True, fused=DEVICE.type == "cuda")
    report.say(f"\n### Open point 5: network of airbench's size, batch {b}, synthetic images, training images/s\n")
    for name, half, last in (("fp32 (TF32)", False, False), ("bf16 autocast", True, False), ("bf16 autocast, channels_last", True, True)):
        model = net.to(memory_format=torch.channels_last if last else torch.contiguous_format)
        images = x.to(memory_format=torch.channels_last) if last else x

        def step(model: torch.nn.Module = model, images: torch.Tensor = images, half: bool = half) -> None:
            opt.zero_grad(set_to_none=True)
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=half):
                out = model(images)
            F.cross_entropy(out.float(), y).backward()
            opt.step()

        torch.set_float32_matmul_precision("high")
        report.say(f"- {name}: {b / timed(step, 10):,.0f}")


goals: list[tuple[str, str, float, float, float]] = []


def main() -> None:
    """Runs every section, whatever happens to the others, and writes the results."""
    report.say("## Engine on a GPU")
    report.say(f"{time.strftime('%Y-%m-%d')}: {common.machine()}{' (dry run on the CPU: figures mean nothing)' if DRY else ''}")
    if DEVICE.type != "cuda" and not DRY:
        raise SystemExit("No GPU here; use --dry to try the script.")
    torch.set_num_threads(min(8, os.cpu_count() or 1))
    with devices.numerics("tf32"):
        for section in (section_g1_g2, section_g3, section_g9, section_g4, section_point_2, section_g8, section_point_1, section_point_3, section_point_5):
            if time.perf_counter() - BEGAN > LIMIT:
                report.say(f"\n(time is up: {section.__name__} was not run)")
                continue
            began = time.perf_counter()
            try:
                torch.set_float32_matmul_precision("high")
                section()
            except Exception as error:
                report.say(f"\n(section {section.__name__} failed: {type(error).__name__}: {str(error)[:300]})")
                traceback.print_exc()
            print(f"[{section.__name__}: {time.perf_counter() - began:.1f} s]", flush=True)
    report.say("\n| id | figure | value | target | stretch | reached |\n| --- | --- | --- | --- | --- | --- |")
    for goal in goals:
        report.goal(*goal)
    report.save()


if __name__ == "__main__":
    main()
