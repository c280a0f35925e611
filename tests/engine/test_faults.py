"""Bad members, breakdowns and scarce memory: each a clear error or a recorded fallback, no lost run."""

import math

import pytest
import torch
from pydantic import ValidationError
from tests.engine.helpers import Record, members, mixed, same

from phasewise.engine import Control, Dataset, InputInfo, Member, device, fit, state
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.dense.population import DensePopulation
from phasewise.engine.native.build import library
from phasewise.records.errors import BadInputError, StorageError, UsageError
from phasewise.records.models import TrainSpec


def test_a_member_that_breaks_down_is_stopped_and_the_others_do_not_notice():
    data, info = mixed()
    crew = members(4, network={"batch_norm": False}, optimizer="sgd")
    wild = crew[1].__class__(**{**crew[1].__dict__, "config": crew[1].config.model_copy(update={"train": crew[1].config.train.model_copy(update={"lr": 1e6})})})
    hooks = Record()
    result = fit([crew[0], wild, *crew[2:]], data, info, DenseNet, hooks, plan="stacked", tile=4)
    calm = fit(crew, data, info, DenseNet, plan="stacked", tile=4)
    assert [m.stopped for m in result.members] == ["done", "diverged", "done", "done"]
    assert all(same(result.members[i], calm.members[i]) for i in (0, 2, 3))
    finding = next(f for f in hooks.findings if f[0] == "loss-not-finite")
    assert finding[1] == "block" and finding[4]["member"] == "m1" and len(finding[4]["rows"]) == 100
    assert int(finding[4]["rows"].max()) < 1000 and any(f[0] == "lr-huge" for f in hooks.findings)


@pytest.mark.parametrize("plan", ["stacked", "one"])
def test_the_batch_that_broke_the_loss_is_the_one_that_is_kept(plan):
    data, info = mixed(task="regression")
    y = data.y.clone()
    y[437] = 1e30  # its squared error is beyond fp32
    hooks = Record()
    result = fit(members(1, batch_size=50), Dataset(inputs=data.inputs, y=y, task="regression"), info, DenseNet, hooks, plan=plan)
    (finding,) = [f for f in hooks.findings if f[0] == "loss-not-finite"]
    assert result.members[0].stopped == "diverged" and 437 in finding[4]["rows"].tolist() and len(finding[4]["rows"]) == 50


@pytest.mark.parametrize("plan", ["stacked", "one"])
def test_roll_back_to_the_best_epoch(plan):
    data, info = mixed()

    class Blow(Record):
        looks = 0

        def poll(self):
            self.looks += 1
            return Control(lr_factor=1e9 if self.looks > 25 else 1.0)

    hooks = Blow()
    result = fit(members(1, network={"batch_norm": False}, optimizer="sgd", lr=1e-2), data, info, DenseNet, hooks, plan=plan, look_every=0)
    (member,) = result.members
    assert member.stopped == "diverged" and member.best_epoch == 2
    assert all(bool(torch.isfinite(t).all()) for t in member.state.values()) and bool(torch.isfinite(member.outputs).all())
    assert next(f for f in hooks.findings if f[0] == "loss-not-finite")[4]["roll_back_to"] == 2


def test_learning_rates_at_the_edges():
    data, info = mixed()
    hooks = Record()
    result = fit(members(1, network={"batch_norm": False, "dropout": []}, lr=0.0, weight_decay=0.0), data, info, DenseNet, hooks, plan="stacked")
    assert len(set(result.members[0].curves["validation_loss"])) == 1 and hooks.findings[0][0] == "lr-zero"
    with pytest.raises(ValidationError):
        TrainSpec(lr=-1e-3)
    with pytest.raises(ValidationError):
        TrainSpec(lr=math.nan)


def test_batch_larger_than_the_data_and_batches_of_one():
    data, info = mixed()
    few = [m.__class__(**{**m.__dict__, "train": torch.arange(41)}) for m in members(2, batch_size=64)]
    result = fit(few, data, info, DenseNet)
    assert result.plan["buckets"][0]["batch"] == 41 and any("larger than the 41 training rows" in f for f in result.fallbacks)
    ones = [m.__class__(**{**m.__dict__, "train": torch.arange(41)}) for m in members(1, batch_size=1, epochs=1)]
    for plan in ("stacked", "one"):
        result = fit(ones, data, info, DenseNet, plan=plan)
        assert result.plan["buckets"][0]["batch"] == 2 and any("batches of 2 rows instead of 1" in f for f in result.fallbacks)
    with pytest.raises(BadInputError, match="too few"):
        fit([m.__class__(**{**m.__dict__, "train": torch.arange(1)}) for m in few], data, info, DenseNet)


def test_a_class_absent_from_a_fold_is_said_and_trained_without():
    data, info = mixed()
    rows = torch.arange(1000)[data.y[:1000] != 2]
    crew = [m.__class__(**{**m.__dict__, "train": rows}) for m in members(2, class_weights="balanced")]
    hooks = Record()
    result = fit(crew, data, info, DenseNet, hooks)
    assert [f[0] for f in hooks.findings] == ["class-absent"] * 2 and "class 2" in hooks.findings[0][2]
    assert all(m.stopped == "done" and math.isfinite(m.best) for m in result.members)


def test_values_that_are_not_finite_name_input_and_column():
    data, info = mixed()
    x = data.inputs["num"].clone()
    x[7, 3] = float("inf")
    with pytest.raises(BadInputError, match="NaN or infinite") as caught:
        fit(members(1), Dataset(inputs={**data.inputs, "num": x}, y=data.y, task=data.task, classes=3), info, DenseNet)
    assert "Column 3 has 1" in caught.value.cause
    with pytest.raises(BadInputError, match="the target has shape"):
        fit(members(1), Dataset(inputs=data.inputs, y=data.y[:, None], task=data.task, classes=3), info, DenseNet)


def test_a_constant_feature_trains():
    data, info = mixed()
    x = data.inputs["num"].clone()
    x[:, 2] = 1.0
    result = fit(members(2), Dataset(inputs={**data.inputs, "num": x}, y=data.y, task=data.task, classes=3), info, DenseNet)
    assert all(m.stopped == "done" for m in result.members)


def test_no_members_twice_the_same_id_and_rows_that_do_not_exist():
    data, info = mixed()
    with pytest.raises(UsageError, match="nothing to train"):
        fit([], data, info, DenseNet)
    with pytest.raises(UsageError, match="same id"):
        fit(members(1) * 2, data, info, DenseNet)
    with pytest.raises(BadInputError, match="do not exist"):
        fit(members(1, 2000), data, info, DenseNet)
    for rows, error in ((torch.tensor([-1, 0, 1]), BadInputError), (torch.tensor([0.0, 1.0]), UsageError)):
        with pytest.raises(error):
            fit([members(1)[0].__class__(**{**members(1)[0].__dict__, "train": rows})], data, info, DenseNet)


@pytest.mark.parametrize("limits", [{"clip_norm": 0.0}, {"clip_norm": -1.0}, {"clip_value": -0.5}, {"clip_value": math.nan}, {"ema": 1.0}, {"ema": -0.1}, {"patience": 0}])
def test_settings_that_would_train_backwards_or_not_at_all_are_refused(limits):
    with pytest.raises(ValidationError):
        TrainSpec(**limits)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_a_gpu_that_is_not_there():
    data, info = mixed()
    result = fit(members(1), data, info, DenseNet, device="cuda")
    assert result.plan["device"] == "cpu" and any("no GPU was found" in f for f in result.fallbacks)
    with pytest.raises(UsageError, match="no GPU"):
        device.choose("cuda", [], strict=True)
    with pytest.raises(UsageError, match="unknown device"):
        fit(members(1), data, info, DenseNet, device="tpu")


def test_memory_running_out_halves_the_tile_and_changes_no_number(monkeypatch):
    data, info = mixed()
    crew = members(8)
    free = fit(crew, data, info, DenseNet, plan="stacked", tile=8)
    begin = DensePopulation.begin

    def scarce(self, *args):
        if self.size > 2:
            raise torch.cuda.OutOfMemoryError("injected")
        begin(self, *args)

    monkeypatch.setattr(DensePopulation, "begin", scarce)
    result = fit(crew, data, info, DenseNet, plan="stacked", tile=8)
    assert all(same(a, b) for a, b in zip(free.members, result.members, strict=True))
    assert [f for f in result.fallbacks if "memory ran out" in f] == [
        "memory ran out with a tile of 8 members; tiles of 4 are run in turn", "memory ran out with a tile of 4 members; tiles of 2 are run in turn",
        "memory ran out with a tile of 4 members; tiles of 2 are run in turn",
    ]


def test_checkpoints_that_are_truncated_foreign_or_cannot_be_written(tmp_path, monkeypatch):
    data, info = mixed()
    saved = []

    class Keep(Record):
        def on_checkpoint(self, state_fn):
            saved.append(state_fn())

    fit(members(2, epochs=2), data, info, DenseNet, Keep(), plan="stacked")
    good = tmp_path / "good.safetensors"
    state.save(good, saved[0])
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(good.read_bytes()[:-100])
    with pytest.raises(StorageError, match="cannot be read"):
        fit(members(2, epochs=2), data, info, DenseNet, plan="stacked", resume=cut)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, str(tmp_path / "foreign.safetensors"))
    with pytest.raises(StorageError, match="not a Phasewise checkpoint"):
        state.load(tmp_path / "foreign.safetensors")
    with pytest.raises(StorageError, match="another run"):
        fit(members(3, epochs=2), data, info, DenseNet, plan="stacked", resume=good)
    before = good.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="could not be written") as caught:
        state.save(good, saved[0])
    assert "No space left" in caught.value.cause and good.read_bytes() == before and not list(tmp_path.glob("*.tmp"))


def test_unknown_plans_and_plans_that_do_not_fit():
    data, info = mixed()
    with pytest.raises(UsageError, match="unknown plan"):
        fit(members(1), data, info, DenseNet, plan="magic")

    class Other(torch.nn.Module):
        def __init__(self, spec, info):
            super().__init__()
            self.net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 3))

        def forward(self, inputs):
            return self.net(inputs["num"])

    result = fit(members(2, epochs=1), data, info, Other, plan="stacked")
    assert result.plan["plan"] == "one" and any("cannot execute" in f for f in result.fallbacks)


def test_info_defaults_allow_numbers_only():
    x, y = torch.randn(300, 4), torch.randn(300)
    crew = [Member(id="a", config=members(1)[0].config, train=torch.arange(250), validation=torch.arange(250, 300))]
    result = fit(crew, Dataset(inputs={"num": x}, y=y, task="regression"), InputInfo(numbers=4), DenseNet)
    assert result.members[0].outputs.shape == (50, 1) and result.members[0].train_outputs.shape == (250, 1)


def test_plans_that_were_not_tried_are_in_the_record():
    data, info = mixed()
    left_out = fit(members(1, epochs=1), data, info, DenseNet).plan["not_tried"]
    assert set(left_out) - {"compiled"} == ({"grouped"} if torch.cuda.is_available() else {"cuda_graph", "grouped"})
    assert ("compiled" in left_out) == isinstance(library(), str)
    assert all(left_out.values())
