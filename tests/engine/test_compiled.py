"""The compiled step is the stacked step up to rounding, whatever the network; where it cannot run, another plan does and the record says why."""

import os
import stat
import subprocess

import pytest
import torch
from tests.engine.helpers import Saving, members, mixed, same

from phasewise.engine import Dataset, InputInfo, fit, state
from phasewise.engine.dense.compiled import CompiledPopulation
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.native import build
from phasewise.engine.population import Setting
from phasewise.engine.sampling import BatchPlan

needs_compiler = pytest.mark.skipif(isinstance(build.library(), str), reason=str(build.library()))
NAMES = ("train_loss", "validation_loss")

CASES = {
    "relu, batch norm, embeddings": ("multiclass", {}, {}),
    "one-hot categories": ("multiclass", {"embeddings": False, "batch_norm": False}, {}),
    "twenty classes, rows first": ("many", {"batch_norm": False}, {"lr": 3e-3}),
    "tanh": ("multiclass", {"activation": "tanh"}, {"optimizer": "adam"}),
    "sigmoid": ("multiclass", {"activation": "sigmoid", "batch_norm": False}, {"optimizer": "sgd", "momentum": 0.9, "nesterov": True}),
    "selu": ("regression", {"activation": "selu", "batch_norm": False}, {"optimizer": "rmsprop", "lr": 1e-4}),
    "silu": ("binary", {"activation": "silu"}, {"optimizer": "adadelta", "lr": 0.5}),
    "mish": ("binary", {"activation": "mish", "batch_norm": False}, {"class_weights": "balanced"}),
    "no hidden layer": ("multiclass", {"family": "linear", "hidden": [], "dropout": []}, {"optimizer": "sgd", "momentum": 0.0}),
    "no hidden layer, many classes": ("many", {"family": "linear", "hidden": [], "dropout": [], "batch_norm": False}, {}),
    "clipped": ("regression", {}, {"clip_norm": 0.3, "clip_value": 0.05}),
    "averaged weights": ("multiclass", {}, {"ema": 0.9, "class_weights": "balanced"}),
    "odd sizes": ("binary", {"hidden": [7, 5, 3], "dropout": [0.2, 0.0, 0.4]}, {"batch_size": 33}),
    "a schedule": ("multiclass", {}, {"schedule": "one_cycle", "batch_size": 300}),
}


def table(task: str) -> tuple[Dataset, InputInfo]:
    """`mixed`, or twenty classes of it."""
    if task != "many":
        return mixed(task=task, classes=2 if task == "binary" else 3)
    data, info = mixed()
    y = (data.inputs["num"][:, 0] * 3).round().long().clamp(-9, 10) + 9
    return Dataset(inputs=data.inputs, y=y, task="multiclass", classes=20), InputInfo(numbers=6, cardinalities=info.cardinalities, outputs=20)


@needs_compiler
@pytest.mark.parametrize("case", CASES)
def test_a_compiled_run_is_the_stacked_run_up_to_rounding(case):
    task, network, train = CASES[case]
    data, info = table(task)
    smoothing = {"label_smoothing": 0.0} if task == "regression" else {}
    crew = members(3, network=network, **{"epochs": 2} | smoothing | train)
    got = fit(crew, data, info, DenseNet, plan="compiled")
    wanted = fit(crew, data, info, DenseNet, plan="stacked")
    assert (got.plan["plan"], wanted.plan["plan"]) == ("compiled", "stacked")
    for a, b in zip(got.members, wanted.members, strict=True):
        assert all(a.curves[n] == pytest.approx(b.curves[n], rel=2e-4, abs=2e-5) for n in NAMES)
        torch.testing.assert_close(a.state, b.state, rtol=2e-3, atol=2e-4)
        torch.testing.assert_close(a.outputs, b.outputs, rtol=2e-3, atol=1e-3)
        assert a.curves["train_loss"][-1] != a.curves["train_loss"][0]


def population(task: str = "multiclass", **train: object) -> tuple[CompiledPopulation, Dataset, torch.Tensor]:
    """Three members at the beginning of an epoch of ten steps, with the rows they will see."""
    data, info = table(task)
    crew = members(3, **train)
    made = CompiledPopulation(crew, Setting(data=data, info=info, build=DenseNet, device=torch.device("cpu")), BatchPlan(rows=1000, batch=100, steps=10))
    orders = torch.stack([torch.randperm(1000, generator=torch.Generator().manual_seed(i)) for i in range(3)])
    made.begin(0, orders, torch.full((10, 3), 1e-3, dtype=torch.float64))
    return made, data, orders


@needs_compiler
def test_blocks_of_steps_do_not_matter():
    one, data, _ = population()
    many, _, _ = population()
    one.run(data, 0, 10)
    for stop in (1, 4, 9, 10):
        many.run(data, many.done, stop)
    assert torch.equal(one.losses, many.losses) and all(torch.equal(one.slot(m)[k], many.slot(m)[k]) for m in range(3) for k in one.slot(m))


@needs_compiler
@pytest.mark.parametrize(("spoil", "message"), [
    (lambda data: data.inputs["cat"].__setitem__((0, 0), 4), "category"), (lambda data: data.y.__setitem__(3, 3), "out of range"),
    (lambda data: data.inputs.__setitem__("num", data.inputs["num"][:-1]), "numbers of rows"),
])
def test_what_would_be_read_beyond_its_end_is_refused(spoil, message):
    made, data, _ = population()
    spoil(data)
    with pytest.raises(IndexError, match=message):
        made.run(data, 0, 1)


@needs_compiler
def test_rows_that_do_not_exist_are_refused():
    made, data, _ = population()
    made.batches[2, 1, 5] = len(data.y)
    made.run(data, 0, 2)
    with pytest.raises(IndexError, match="out of range"):
        made.run(data, 2, 3)
    with pytest.raises(IndexError, match="out of range"):
        made.outputs(data, [torch.tensor([-1])] * 3)


@needs_compiler
def test_a_number_that_is_none_shows_in_the_loss():
    made, data, orders = population()
    data.inputs["num"][orders[1, 150]] = float("nan")
    made.run(data, 0, 2)
    assert torch.isfinite(made.losses[:2, 0]).all() and torch.isnan(made.losses[1, 1]) and torch.isfinite(made.losses[0, 1])
    assert torch.isnan(made.state_dict(1)["head.weight"]).all()


@needs_compiler
@pytest.mark.parametrize("task", ["multiclass", "binary"])
def test_scores_far_apart_keep_a_finite_loss(task):
    data, info = table(task)
    far = Dataset(inputs=data.inputs | {"num": data.inputs["num"] * 1e4}, y=data.y, task=task, classes=data.classes)
    crew = members(2, network={"batch_norm": False, "dropout": []}, epochs=1, lr=1e-6)
    got, wanted = (fit(crew, far, info, DenseNet, plan=p).members for p in ("compiled", "stacked"))
    for a, b in zip(got, wanted, strict=True):
        assert a.curves["train_loss"][0] == pytest.approx(b.curves["train_loss"][0], rel=1e-3) and a.curves["train_loss"][0] > 10


@pytest.mark.parametrize("before", ["stacked", pytest.param("compiled", marks=needs_compiler)])
def test_a_run_that_goes_on_keeps_its_plan(before):
    data, info = mixed()
    crew = members(3)
    hooks = Saving(3)
    fit(crew, data, info, DenseNet, hooks, plan=before, look_every=0)
    assert any(g["inside"] for g in hooks.state.meta["groups"])
    resumed = fit(crew, data, info, DenseNet, resume=hooks.state)
    assert resumed.plan["plan"] == before and "before the interruption" in resumed.plan["buckets"][0]["why"]
    assert all(same(a, b) for a, b in zip(fit(crew, data, info, DenseNet, plan=before).members, resumed.members, strict=True))


@needs_compiler
def test_a_compiled_run_goes_on_without_a_compiler_and_says_so(monkeypatch):
    data, info = mixed()
    crew = members(2)
    hooks = Saving(3)
    fit(crew, data, info, DenseNet, hooks, look_every=0)
    monkeypatch.setattr("phasewise.engine.dense.compiled.library", lambda: "no C compiler was found")
    monkeypatch.setattr(build, "library", lambda: "no C compiler was found")
    monkeypatch.setattr("phasewise.engine.resuming.library", lambda: "no C compiler was found")
    resumed = fit(crew, data, info, DenseNet, resume=state.EngineState(tensors=hooks.state.tensors, meta=hooks.state.meta))
    assert resumed.plan["plan"] == "stacked" and resumed.plan["not_tried"]["compiled"] == "no C compiler was found"
    assert any("compiled" in f and "not bit for bit" in f for f in resumed.fallbacks) and any("compiler False instead of True" in f for f in resumed.fallbacks)
    whole = fit(crew, data, info, DenseNet, plan="stacked")
    assert [m.best for m in resumed.members] == pytest.approx([m.best for m in whole.members], rel=1e-3)


def test_networks_and_losses_it_does_not_know_run_stacked():
    data, info = mixed()
    for network, train in [({"activation": "gelu"}, {}), ({}, {"loss": "focal", "label_smoothing": 0.0})]:
        assert fit(members(1, network=network, epochs=1, **train), data, info, DenseNet).plan["plan"] == "stacked"


# -- compiling ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """No library yet, and an empty place for it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    build.library.cache_clear()
    yield tmp_path / "phasewise"
    build.library.cache_clear()


@needs_compiler
def test_it_is_compiled_once_and_a_file_that_others_could_write_is_not_loaded(fresh, monkeypatch):
    monkeypatch.delenv(build.SWITCH, raising=False)
    assert isinstance(build.library(), build.Library)
    (file,) = fresh.glob("*.so")
    made = file.stat().st_mtime_ns
    build.library.cache_clear()
    assert isinstance(build.library(), build.Library) and file.stat().st_mtime_ns == made
    file.chmod(0o777)
    build.library.cache_clear()
    assert isinstance(build.library(), build.Library)
    assert file.stat().st_mtime_ns != made and not file.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    assert sorted(p.name for p in fresh.iterdir()) == ["lock", file.name]


@pytest.mark.parametrize("compiler", ["off", "no-such-compiler", "false"])
def test_a_machine_that_does_not_compile_says_why(fresh, monkeypatch, compiler):
    monkeypatch.setenv(build.SWITCH, compiler)
    found = build.library()
    assert isinstance(found, str) and found.startswith({"off": build.SWITCH, "no-such-compiler": "no C compiler"}.get(compiler, "the step could not be compiled"))
    data, info = mixed()
    result = fit(members(2, epochs=1), data, info, DenseNet)
    assert result.plan["plan"] == "stacked" and result.plan["not_tried"]["compiled"] == found


def test_a_place_that_cannot_be_written_is_no_error(fresh, monkeypatch):
    fresh.write_text("a file where the folder should be")
    assert "could not be compiled" in str(build.library()) or "no C compiler" in str(build.library())


@needs_compiler
def test_the_sources_compile_without_a_warning(tmp_path):
    compiler = build._compiler(os.environ)
    here = build.Path(build.__file__).parent
    done = subprocess.run([compiler, *build.FLAGS, "-Wall", "-Wextra", "-Werror", *(str(here / unit) for unit in build.UNITS), "-o", str(tmp_path / "x.so"), "-lm"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@needs_compiler
def test_what_waits_to_be_compiled_is_known(fresh, monkeypatch):
    monkeypatch.delenv(build.SWITCH, raising=False)
    assert build.waiting(os.environ)
    build.library()
    assert not build.waiting(os.environ)
    assert not build.waiting({build.SWITCH: "off", "XDG_CACHE_HOME": str(fresh / "elsewhere")})
