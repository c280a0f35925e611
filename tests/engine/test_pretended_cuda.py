"""The engine on a pretended GPU (`tests.engine.phantom`): same numbers as on the CPU, no host wait in a step, resume across devices, memory given back.

No kernel of a GPU runs here: what this shows is where tensors lie, what the host waits for and what a CUDA graph can hold.
"""

import contextlib
from unittest import mock

import numpy as np
import pytest
import torch
from tests.engine import phantom
from tests.engine.helpers import Record, members, mixed
from tests.engine.phantom_device import Now

from phasewise.engine import Control, Dataset, Halving, InputInfo, Member, device, find_lr, fit, shards, state, streams
from phasewise.engine.checkup import gradients, learning, shapes, units
from phasewise.engine.checkup.case import Case
from phasewise.engine.dense.graph import GraphPopulation
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.modules import ModulePopulation
from phasewise.engine.population import Setting
from phasewise.engine.sampling import BatchPlan
from phasewise.engine.vmapped import VmapPopulation
from phasewise.kinds.images import networks as pictures
from phasewise.kinds.tabular import networks as tables
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec
from phasewise.worker.failures import explain

CUDA = torch.device("cuda")
STILL = {"dropout": []}
AUGMENT = {
    "crop": 2, "resized_crop": 0.5, "flip": 0.5, "flip_vertical": 0.5, "dihedral": True, "rotate": 10.0, "brightness": 0.2, "contrast": 0.2, "saturation": 0.2,
    "hue": 0.05, "blur": 0.5, "erase": 0.5, "mixup": 0.4,
}


@contextlib.contextmanager
def gpu(**how):
    """A pretended GPU that draws the row orders of the CPU, so that results can be compared."""
    drawn = streams.permutation
    with mock.patch.object(streams, "permutation", lambda n, seed, epoch, device: drawn(n, seed, epoch, torch.device("cpu")).to(device)), phantom.pretended(**how) as seen:
        yield seen


def both(crew, data, info, build=DenseNet, **options):
    """Largest difference of validation outputs between the two devices, and the result on the GPU."""
    here = fit(crew, data, info, build, device="cpu", **options)
    with gpu():
        there = fit(crew, data, info, build, device="cuda", **options)
    assert there.plan["device"] == "cuda" and all(type(x) is torch.Tensor for m in there.members for x in (m.outputs, *m.state.values()))
    return max(float((a.outputs - b.outputs).abs().max()) for a, b in zip(here.members, there.members, strict=True)), there


def refused():
    """What CUDA refuses, by name."""
    x = torch.zeros(3, 4, device="cuda")
    return {
        "mixed devices": lambda: x + torch.ones(3, 4), "numpy": x.numpy, "generator of the CPU": lambda: torch.rand(3, device="cuda", generator=torch.Generator()),
        "a number of the CPU in a stack": lambda: torch.stack([x[0, 0], torch.zeros(())]), "index of the GPU": lambda: torch.arange(5)[torch.tensor([1], device="cuda")],
        "state of the other device": lambda: torch.Generator("cuda").set_state(torch.Generator().get_state()), "generator of the GPU": lambda: torch.rand(3, generator=torch.Generator("cuda")),
    }


def test_the_pretended_device_refuses_what_cuda_refuses_and_counts_what_the_host_waits_for():
    with phantom.pretended() as seen:
        for name, work in refused().items():
            with pytest.raises((RuntimeError, TypeError)):
                work()
                pytest.fail(name)
        seen.syncs.clear()
        x = torch.arange(6.0).view(2, 3).to("cuda", non_blocking=True)
        assert x.device == torch.device("cuda:0") and x.is_cuda and (x * torch.tensor(2.0)).is_cuda and not seen.syncs
        assert x.sum().item() == 15 and x[x > 3].tolist() == [4, 5] and x.cpu().numpy().shape == (2, 3)
        assert seen.syncs == {"_local_scalar_dense": 1, "index by mask": 1, "tolist": 1, "to the host": 1}
        graph, total = torch.cuda.CUDAGraph(), torch.zeros(3, device="cuda")
        with torch.cuda.graph(graph):
            total.add_(total * 2 + 1)
        assert total.tolist() == [0, 0, 0]
        graph.replay()
        graph.replay()
        assert total.tolist() == [4, 4, 4]
        with pytest.raises(RuntimeError), torch.cuda.graph(torch.cuda.CUDAGraph()):
            total.sum().item()


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_precision_of_products_and_convolutions_is_that_of_the_run_and_put_back(precision):
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    with pytest.raises(KeyError), device.numerics(precision):
        assert torch.backends.cudnn.allow_tf32 == (precision != "fp32") == (torch.get_float32_matmul_precision() == "high")
        raise KeyError
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before


CASES = {
    "adamw": {}, "sgd": {"optimizer": "sgd", "nesterov": True}, "rmsprop": {"optimizer": "rmsprop"}, "ema and clipping": {"ema": 0.9, "clip_norm": 0.1, "clip_value": 0.01},
    "class weights": {"class_weights": "balanced"}, "gelu": {}, "smote": {"sampling": "smote"}, "under": {"sampling": "under"}, "a loss by autograd": {"loss": "focal", "label_smoothing": 0.0},
}


@pytest.mark.parametrize("case", CASES)
def test_a_stacked_population_in_a_graph_gives_the_numbers_of_the_cpu(case):
    data, info = mixed(600)
    gap, there = both(members(3, 600, network=STILL | {"activation": "gelu" if case == "gelu" else "relu"}, lr=1e-2, epochs=2, **({"class_weights": "none"} | CASES[case])), data, info, plan="stacked")
    assert gap < 2e-5 and there.fallbacks == (["CUDA graph: this loss runs through autograd, so the step runs eagerly"] if "loss" in CASES[case] else [])


@pytest.mark.parametrize("settings", [{"ema": 0.9, "class_weights": "balanced"}, {"optimizer": "swats"}, {"precision": "bf16"}])
def test_members_one_at_a_time_give_the_numbers_of_the_cpu(settings):
    data, info = mixed(400)
    gap, _ = both(members(2, 400, network=STILL, lr=1e-2, epochs=2, **settings), data, info, plan="one")
    assert gap < 1e-5


def test_halving_joins_tiles_and_the_finder_walks_on_the_device():
    data, info = mixed(600)
    crew = members(6, 600, network=STILL, epochs=4)
    gap, there = both(crew, data, info, halving=Halving(rungs=(1, 2), keep=(4, 2)), tile=3)
    assert gap < 2e-5 and [m.stopped for m in there.members].count("halved") == 4
    here = find_lr(crew[0].config, data, info, DenseNet, rows=torch.arange(500), sweeps=2, points=20, device="cpu")
    with gpu():
        found = find_lr(crew[0].config, data, info, DenseNet, rows=torch.arange(500), sweeps=2, points=20, device="cuda")
    assert found.losses == pytest.approx(here.losses, rel=1e-3)


def _tables(family, **more):
    data, info = mixed(300)
    info = InputInfo(numbers=info.numbers, cardinalities=info.cardinalities, outputs=info.outputs, stats=tables.statistics(data.inputs["num"][:250]))
    network = {"family": family, "hidden": [16], "dropout": [0.1], "batch_norm": False, "activation": "selu" if family == "realmlp" else "relu"}
    return members(1, 300, network=network | more, epochs=1, batch_size=50), data, info, tables.build


def _pictures(**options):
    source = torch.Generator().manual_seed(0)
    y = torch.randint(0, 3, (60,), generator=source)
    x = (torch.rand(60, 3, 16, 16, generator=source) * 120).byte()
    x[torch.arange(60), y] += 100
    info = InputInfo(outputs=3, image=(3, 16, 16), stats={"mean": torch.full((3,), 0.4), "std": torch.full((3,), 0.2)})
    config = ModelConfig(network=NetworkSpec(family="conv2", options={"width": 8, **options}), train=TrainSpec(batch_size=10, epochs=1, lr=1e-3, class_weights="balanced"))
    return [Member(id="m", config=config, train=torch.arange(50), validation=torch.arange(50, 60))], Dataset(inputs={"image": x}, y=y, task="multiclass", classes=3), info, pictures.build


def _dense(**train):
    data, info = mixed(300)
    return members(2, 300, epochs=1, batch_size=50, **train), data, info, DenseNet


def _vmapped():
    data, info = mixed(300)
    info = InputInfo(numbers=info.numbers, outputs=info.outputs)
    data = Dataset(inputs={"num": data.inputs["num"]}, y=data.y, task=data.task, classes=data.classes)
    return members(2, 300, network={"batch_norm": False, "dropout": []}, epochs=1, batch_size=50), data, info, DenseNet


STEPS = {
    "stacked": (GraphPopulation, lambda: _dense(clip_norm=1.0, ema=0.9)), "vmap": (VmapPopulation, _vmapped), "one": (ModulePopulation, lambda: (lambda c, *r: (c[:1], *r))(*_dense(class_weights="balanced", clip_norm=1.0, ema=0.9))),
    "tabm": (ModulePopulation, lambda: _tables("tabm", members=4, numeric_embedding="piecewise_linear")), "realmlp": (ModulePopulation, lambda: _tables("realmlp", numeric_embedding="periodic")),
    "pictures, every augmentation": (ModulePopulation, lambda: _pictures(augment=AUGMENT)), "pictures, cutmix": (ModulePopulation, lambda: _pictures(augment={"cutmix": 1.0})),
}


@pytest.mark.parametrize("name", STEPS)
def test_the_host_waits_for_no_step(name):
    maker, made = STEPS[name]
    crew, data, info, build = made()
    with gpu() as seen:
        crew = [Member(id=m.id, config=m.config, seed=m.seed, train=m.train.to(CUDA), validation=m.validation.to(CUDA)) for m in crew]
        setting = Setting(data=data.to(CUDA), info=info, build=build, device=CUDA, precision="tf32")
        b = crew[0].config.train.batch_size
        plan = BatchPlan(rows=len(crew[0].train), batch=b, steps=5)
        population = maker(crew, setting, plan)
        population.begin(0, torch.stack([m.train[: 5 * b] for m in crew]), torch.full((5, len(crew)), 1e-3, dtype=torch.float64))
        population.run(setting.data, 0, 2)
        seen.syncs.clear()
        population.run(setting.data, 2, 5)
        assert not seen.syncs, seen.places
        assert bool(torch.isfinite(population.losses).all())


class Take(Record):
    """Stops after a few looks with a checkpoint of that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.looks, self.taken = 0, b""

    def poll(self):
        self.looks += 1
        return Control(checkpoint_now=self.looks == 3, stop="now" if self.looks == 3 else None)

    def on_checkpoint(self, state_fn):
        if self.looks == 3 and not self.taken:
            self.taken = state.to_bytes(state_fn())


@pytest.mark.parametrize("plan", ["stacked", "one"])
@pytest.mark.parametrize(("first", "then"), [("cpu", "cuda"), ("cuda", "cpu"), ("cuda", "cuda")])
def test_a_run_goes_on_where_it_was_written_or_on_the_other_device(plan, first, then, tmp_path):
    data, info = mixed(400)
    crew = members(2, 400, network=STILL, epochs=2, lr=1e-2, ema=0.9, batch_size=60)
    hooks = Take()
    with gpu():
        fit(crew, data, info, DenseNet, hooks, device=first, plan=plan, look_every=0)
        (tmp_path / "state").write_bytes(hooks.taken)
        gone_on = fit(crew, data, info, DenseNet, device=then, plan=plan, resume=tmp_path / "state")
        whole = fit(crew, data, info, DenseNet, device=first, plan=plan)
    for a, b in zip(whole.members, gone_on.members, strict=True):
        assert torch.allclose(a.outputs, b.outputs, atol=0 if first == then else 1e-5)
    assert any("drawn by another generator" in f for f in gone_on.fallbacks) == (first != then)


def test_dropout_masks_of_the_other_device_begin_anew(tmp_path):
    data, info = mixed(300)
    crew = members(2, 300, network={"dropout": [0.3, 0.3]}, epochs=2)
    hooks = Take()
    with gpu():
        fit(crew, data, info, DenseNet, hooks, device="cuda", plan="stacked", look_every=0)
        (tmp_path / "state").write_bytes(hooks.taken)
        assert all(m.stopped == "done" for m in fit(crew, data, info, DenseNet, device="cpu", resume=tmp_path / "state").members)


def test_a_graph_that_cannot_be_recorded_is_said_and_the_eager_step_draws_the_same_dropout():
    data, info = mixed(400)
    crew = members(3, 400, epochs=2)
    with gpu():
        graph = fit(crew, data, info, DenseNet, device="cuda")
    with gpu(capture_fails=True):
        eager = fit(crew, data, info, DenseNet, device="cuda")
    assert not graph.fallbacks and "capture failed (CUDA error: capture is not supported here)" in eager.fallbacks[0]
    assert all(torch.equal(a.outputs, b.outputs) for a, b in zip(graph.members, eager.members, strict=True))


def test_windows_of_a_table_on_disk_share_one_graph_and_no_row_beyond_a_window_is_touched(tmp_path):
    data, info = mixed(2003)
    writer = shards.ShardWriter(tmp_path / "table", "multiclass", 3)
    writer.add({n: x.numpy() for n, x in data.inputs.items()}, data.y.numpy())
    table, train, validation = shards.hold(writer.close(), train=(0, 1803), validation=np.arange(1803, 2003), memory_mb=1e-6)
    table = shards.ShardedData(shards=table.shards, held=table.held, first=0, last=1803, window=620)
    assert len({stop - start for start, stop in table.spans()}) == 1 and len(table.spans()) == 3
    table = shards.ShardedData(shards=table.shards, held=table.held, first=0, last=1802, window=620)
    assert len({stop - start for start, stop in table.spans()}) == 2
    crew = [Member(id=m.id, seed=m.seed, config=m.config, train=train, validation=validation) for m in members(2, network=STILL, epochs=2)]
    captured = []
    capture = GraphPopulation._capture
    with mock.patch.object(GraphPopulation, "_capture", lambda self, *args: captured.append(1) or capture(self, *args)):
        gap, _ = both(crew, table, info)
    assert gap < 2e-5 and len(captured) == 1


def test_memory_that_runs_out_is_given_back_before_the_halves_are_made():
    data, info = mixed(300)
    crew = members(8, 300, network=STILL | {"hidden": [64, 64]}, epochs=2, batch_size=100)
    free = fit(crew, data, info, DenseNet, device="cpu", plan="stacked")
    begin, held = GraphPopulation.begin, []

    def scarce(self, *args):
        begin(self, *args)
        held.append((self.size, Now.gpu.used()))
        if self.size > 4:
            self.orders.new_zeros(10**6)
            raise torch.cuda.OutOfMemoryError("injected")

    with gpu(), mock.patch.object(GraphPopulation, "begin", scarce):
        result = fit(crew, data, info, DenseNet, device="cuda")
    assert "memory ran out with a tile of 8 members; tiles of 4 are run in turn" in result.fallbacks
    assert held[0][0] == 8 and held[1][0] == 4 and held[1][1] < 0.75 * held[0][1]  # the whole tile is gone when the first half stands
    assert all(torch.allclose(a.outputs, b.outputs, atol=1e-5) for a, b in zip(free.members, result.members, strict=True))


def test_evaluation_that_does_not_fit_is_done_in_smaller_blocks_and_a_step_that_does_not_in_smaller_tiles():
    data, info = mixed(400)
    crew = members(4, 400, network=STILL | {"hidden": [32, 32]}, epochs=1, batch_size=300)
    free = fit(crew, data, info, DenseNet, device="cpu", plan="stacked")
    for limit, said in ((2_500_000, False), (1_000_000, True)):
        with gpu(limit=limit, capture_fails=True) as seen:
            result = fit(crew, data, info, DenseNet, device="cuda")
        assert seen.refused and all(torch.allclose(a.outputs, b.outputs, atol=1e-5) for a, b in zip(free.members, result.members, strict=True))
        assert any("memory ran out" in f for f in result.fallbacks) == said


CHECKS = (shapes.output_shape, shapes.logits, learning.loss_at_start, gradients.gradient_is_right, gradients.gradient_flow, units.batch_independence, units.save_load, units.frozen_stays)


def test_the_check_up_says_the_same_of_a_network_on_the_device():
    data, info = mixed(200)
    (member,) = members(1, 200, network=STILL | {"hidden": [16]})
    rows = torch.arange(200)  # training rows lie on the host, as a job gives them
    here = [check(Case(config=member.config, data=data, info=info, build=DenseNet, rows=rows)) for check in CHECKS]
    with gpu():
        there = [check(Case(config=member.config, data=data.to(CUDA), info=info, build=DenseNet, rows=rows)) for check in CHECKS]
    assert [(v.id, v.verdict) for v in here] == [(v.id, v.verdict) for v in there] and {v.verdict for v in here} == {"pass"}


def test_what_cuda_and_its_libraries_say_when_memory_runs_out_is_understood():
    said = ("CUDA error: out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED")
    assert all(device.out_of_memory(RuntimeError(words)) and explain(RuntimeError(words)).title == "out of memory" for words in said)
    assert not device.out_of_memory(RuntimeError("CUDA error: device-side assert triggered"))
