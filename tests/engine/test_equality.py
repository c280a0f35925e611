"""A member of a population is the member trained alone, bit for bit: in any tile, through halving, through a checkpoint (C7)."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.engine.helpers import Saving, members, mixed, same

from phasewise.engine import Halving, fit, state
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.native.build import library

OPTIMISERS = ("adamw", "adam", "sgd", "rmsprop", "adadelta")
COMPILED = pytest.param("compiled", marks=pytest.mark.skipif(isinstance(library(), str), reason=str(library())))
STEPS = pytest.mark.parametrize("plan", ["stacked", COMPILED])


@STEPS
@pytest.mark.parametrize("optimizer", OPTIMISERS)
@pytest.mark.parametrize("batch_norm", [True, False])
def test_members_of_any_tile_equal_the_member_alone(optimizer, batch_norm, plan):
    data, info = mixed()
    crew = members(5, network={"batch_norm": batch_norm}, optimizer=optimizer, clip_norm=1.0)
    together = fit(crew, data, info, DenseNet, plan=plan, tile=5)
    tiled = fit(crew, data, info, DenseNet, plan=plan, tile=2)
    alone = [fit([m], data, info, DenseNet, plan=plan).members[0] for m in crew]
    assert together.plan["plan"] == plan
    assert [same(a, b) for a, b in zip(together.members, alone, strict=True)] == [True] * 5
    assert [same(a, b) for a, b in zip(tiled.members, alone, strict=True)] == [True] * 5
    assert together.plan["buckets"][0]["tile"] == 5


@pytest.fixture
def threads(request):
    """Torch on so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@STEPS
@pytest.mark.parametrize("threads", [1, 2], indirect=True)
@pytest.mark.parametrize(("task", "activation", "network", "train"), [
    ("binary", "relu", {"hidden": [32], "batch_norm": False}, {"batch_size": 100}),
    ("binary", "silu", {"hidden": [7, 5]}, {"batch_size": 33, "ema": 0.9, "class_weights": "balanced"}),
    ("binary", "mish", {"hidden": [50], "batch_norm": False}, {"batch_size": 7, "epochs": 1, "optimizer": "adam"}),
    ("binary", "relu", {"hidden": [], "batch_norm": False, "family": "linear"}, {"optimizer": "adadelta", "batch_size": 7, "epochs": 1}),
    ("regression", "relu", {"hidden": [64], "batch_norm": False}, {"batch_size": 250, "clip_value": 0.1}),
    ("regression", "gelu", {"hidden": [24, 3]}, {"batch_size": 125, "ema": 0.9, "loss": "huber", "optimizer": "sgd"}),
    ("regression", "selu", {"hidden": [100]}, {"batch_size": 33, "loss": "l1", "optimizer": "rmsprop"}),
    ("multiclass", "sigmoid", {"hidden": [5], "batch_norm": False, "embeddings": False}, {"batch_size": 99, "loss": "focal", "label_smoothing": 0.0}),
    ("multiclass", "tanh", {"hidden": [], "batch_norm": False, "family": "linear"}, {"batch_size": 125, "clip_norm": 0.5}),
])
def test_nothing_about_a_task_lets_the_neighbours_matter(threads, task, activation, network, train, plan):
    data, info = mixed(700, task, classes=2 if task == "binary" else 3)
    if task == "regression":
        train = {"label_smoothing": 0.0} | train
    if not network["hidden"]:
        network = network | {"dropout": []}
    elif len(network["hidden"]) == 1:
        network = network | {"dropout": [0.2]}
    crew = members(3, 700, network={"activation": activation} | network, **{"epochs": 2} | train)
    together = fit(crew, data, info, DenseNet, plan=plan).members
    assert [same(a, fit([m], data, info, DenseNet, plan=plan).members[0]) for a, m in zip(together, crew, strict=True)] == [True] * 3
    assert torch.get_num_threads() == threads


@STEPS
def test_survivors_of_halving_equal_the_undisturbed_member(plan):
    data, info = mixed()
    crew = members(8)
    free = fit(crew, data, info, DenseNet, plan=plan, tile=8)
    halved = fit(crew, data, info, DenseNet, plan=plan, tile=3, halving=Halving(rungs=(1, 2), keep=(5, 2)))
    done = [i for i, m in enumerate(halved.members) if m.stopped == "done"]
    assert len(done) == 2 and [m.stopped for m in halved.members].count("halved") == 6
    assert all(same(free.members[i], halved.members[i]) for i in done)
    assert [r["epoch"] for r in halved.rungs] == [1, 2] and len(halved.rungs[0]["dropped"]) == 3


def test_pairs_are_kept_or_dropped_together():
    data, info = mixed()
    crew = members(6)
    pairs = {f"m{i}": f"g{i // 2}" for i in range(6)}
    result = fit(crew, data, info, DenseNet, halving=Halving(rungs=(1,), keep=(1,), group=pairs))
    done = {m.id for m in result.members if m.stopped == "done"}
    assert done in ({"m0", "m1"}, {"m2", "m3"}, {"m4", "m5"})


@pytest.mark.parametrize("plan", ["stacked", COMPILED, "one", "vmap"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_resume_in_mid_epoch_is_bitwise(plan, optimizer, tmp_path):
    data, info = mixed()
    build = DenseNet if plan != "vmap" else Plain
    crew = members(3, network={"dropout": [], "batch_norm": False} if plan == "vmap" else {}, optimizer=optimizer, schedule="cosine", label_smoothing=0.0)
    whole = fit(crew, data, info, build, plan=plan)
    assert whole.plan["plan"] == plan
    hooks = Saving(17)
    first = fit(crew, data, info, build, hooks, plan=plan, look_every=0)
    assert {m.stopped for m in first.members} == {"asked"}
    assert any(g["inside"] and 0 < g["done"] < 10 for g in hooks.state.meta["groups"])
    path = tmp_path / "checkpoint.safetensors"
    state.save(path, hooks.state)
    resumed = fit(crew, data, info, build, plan=plan, resume=path)
    assert [same(a, b) for a, b in zip(whole.members, resumed.members, strict=True)] == [True] * 3
    assert not resumed.fallbacks or not any("resumed" in f for f in resumed.fallbacks)


class Plain(DenseNet):
    """A dense net that the engine does not recognise, so that vmap executes it."""


CHILD = """
import sys, torch
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from phasewise.engine import fit
from phasewise.engine.dense.module import DenseNet
from tests.engine.helpers import members, mixed
torch.set_num_threads(int(sys.argv[4]))
data, info = mixed()
r = fit(members(3), data, info, DenseNet, plan="stacked", resume=Path(sys.argv[1]))
torch.save([(m.state, m.outputs, m.curves) for m in r.members], sys.argv[2])
"""


def test_resume_in_another_process_is_bitwise(tmp_path):
    data, info = mixed()
    crew = members(3)
    whole = fit(crew, data, info, DenseNet, plan="stacked")
    hooks = Saving(17)
    fit(crew, data, info, DenseNet, hooks, plan="stacked", look_every=0)
    state.save(tmp_path / "c.safetensors", hooks.state)
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "c.safetensors"), str(tmp_path / "out.pt"), root, str(torch.get_num_threads())],
        check=False, capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == 0, done.stderr
    for a, (weights, outputs, curves) in zip(whole.members, torch.load(tmp_path / "out.pt", weights_only=True), strict=True):
        assert all(torch.equal(a.state[k], weights[k]) for k in a.state) and torch.equal(a.outputs, outputs) and a.curves == curves


def test_resume_after_a_rung_keeps_finished_members():
    data, info = mixed()
    crew = members(4)
    halving = Halving(rungs=(1,), keep=(2,))
    whole = fit(crew, data, info, DenseNet, plan="stacked", halving=halving)
    hooks = Saving(17)
    fit(crew, data, info, DenseNet, hooks, plan="stacked", halving=halving, look_every=0)
    assert hooks.state.meta["finished"]
    resumed = fit(crew, data, info, DenseNet, plan="stacked", halving=halving, resume=hooks.state)
    assert all(same(a, b) for a, b in zip(whole.members, resumed.members, strict=True))
    assert [m.stopped for m in whole.members] == [m.stopped for m in resumed.members]
