"""Check-up, commands, checkpoints: a killed training goes on bit for bit; a stop leaves a usable model."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, moons_csv, small_config  # noqa: E402

from phasewise.project.folder import Project  # noqa: E402
from phasewise.worker import hooks  # noqa: E402
from phasewise.worker.main import run_folder  # noqa: E402


class Killed(BaseException):
    """Stands for kill -9 at a chosen moment."""


@pytest.fixture(scope="module")
def jobs(tmp_path_factory) -> Jobs:
    folder = tmp_path_factory.mktemp("steering")
    made = Jobs(folder / "p", moons_csv(folder / "moons.csv"), "label", "accuracy", task="binary", positive="yes")
    made.split()
    return made


def _predictions(jobs: Jobs, path: Path, name: str = "model") -> np.ndarray:
    with np.load(path / "arrays" / f"{name}.npz") as held:
        return held["proba"]


def _kill_at(monkeypatch, poll: int) -> None:
    real = hooks.EngineHooks.poll
    count = {"n": 0}

    def counted(self):
        count["n"] += 1
        if count["n"] == poll:
            raise Killed
        return real(self)

    monkeypatch.setattr(hooks.EngineHooks, "poll", counted)


def test_a_killed_fit_goes_on_bit_for_bit(jobs, monkeypatch):
    fields = {"config": small_config(epochs=14).model_dump(), "seeds": [0, 1]}
    whole = jobs.prepare("fit", **fields)
    assert run_folder(whole) == 0
    cut = jobs.prepare("fit", **fields)
    with monkeypatch.context() as patch:
        patch.setattr(hooks, "CHECKPOINT_EVERY", 0.0)
        _kill_at(patch, 8)
        assert run_folder(cut) == 1
    assert list((cut / "checkpoints").glob("step-*"))
    assert run_folder(cut) == 0
    for name in ("model-s0", "model-s1"):
        assert np.array_equal(_predictions(jobs, whole, name), _predictions(jobs, cut, name))
    first, second = jobs.result(whole), jobs.result(cut)
    assert first["model"]["validation"] == second["model"]["validation"] and first["curves"] == second["curves"]


def test_a_rate_set_by_hand_outlives_the_process_and_its_config_trains_to_the_same_bits(jobs, monkeypatch):
    config = small_config(epochs=14, optimizer="sgd", schedule="cosine")
    cut = jobs.prepare("fit", config=config.model_dump(), seeds=[0])
    real = hooks.EngineHooks.poll
    asked = {"n": 0}

    def steered(self):
        asked["n"] += 1
        if asked["n"] == 4:
            with Project.open(jobs.folder) as project:
                project.runs.get(cut.name).post("set_lr", value=0.001)
            self.ctx.control._next = 0.0
        if asked["n"] == 7:
            raise Killed
        return real(self)

    with monkeypatch.context() as patch:
        patch.setattr(hooks.EngineHooks, "poll", steered)  # no checkpoint by time: the change itself asks for one
        assert run_folder(cut) == 1
    assert len(list((cut / "checkpoints").glob("step-*"))) == 1
    assert run_folder(cut) == 0
    found = jobs.result(cut)
    (key,) = found["model"]["config"]["train"]["schedule_options"]["keys"]
    assert 0 < key[1] < 1 and any("set by hand" in note for note in found["notes"])
    planned = [lr for _, lr in found["curves"]["lr"]]
    assert planned[-1] < 0.001 < planned[0]
    again = jobs.prepare("fit", config=found["model"]["config"], seeds=[0])
    assert run_folder(again) == 0
    assert np.array_equal(_predictions(jobs, cut), _predictions(jobs, again)) and jobs.result(again)["notes"] == found["notes"]
    plain = jobs.prepare("fit", config=config.model_dump(), seeds=[0])
    assert run_folder(plain) == 0 and not np.array_equal(_predictions(jobs, cut), _predictions(jobs, plain))


def test_a_checkpoint_that_finds_no_room_is_told_and_training_goes_on_to_the_same_bits(jobs, monkeypatch):
    from phasewise.project.atomic import DiskFull
    from phasewise.project.checkpoints import CheckpointStore

    fields = {"config": small_config(epochs=6).model_dump(), "seeds": [0]}
    whole = jobs.prepare("fit", **fields)
    assert run_folder(whole) == 0
    cramped = jobs.prepare("fit", **fields)
    tried = []

    def full(self, content, **more):
        tried.append(more["step"])
        raise DiskFull("no room left on the disk", "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(hooks, "CHECKPOINT_EVERY", 0.0)
        patch.setattr(CheckpointStore, "save", full)
        assert run_folder(cramped) == 0
    assert len(tried) > 2 and not list((cramped / "checkpoints").glob("step-*")) and np.array_equal(_predictions(jobs, whole), _predictions(jobs, cramped))
    assert "checkpoint-failed" in (cramped / "events.jsonl").read_text()


def test_plain_sgd_taken_up_after_its_first_epoch_ends_well(jobs, monkeypatch):
    fields = {"config": small_config(epochs=6, optimizer="sgd", lr=1e-4).model_dump(), "seeds": [0]}
    whole = jobs.prepare("fit", **fields)
    assert run_folder(whole) == 0
    cut = jobs.prepare("fit", **fields)
    with monkeypatch.context() as patch:
        patch.setattr(hooks, "CHECKPOINT_EVERY", 0.0)
        _kill_at(patch, 5)
        assert run_folder(cut) == 1
    assert run_folder(cut) == 0
    assert jobs.result(cut)["notes"] == jobs.result(whole)["notes"] and "Adam is worth a try" in jobs.result(cut)["notes"][0]


@pytest.mark.parametrize(("mode", "trials", "poll"), [("random", 9, 4), ("random", 9, 8), ("learned", 12, 5), ("learned", 12, 14), ("learned", 24, 25)])
def test_a_killed_search_with_halving_goes_on_bit_for_bit(jobs, monkeypatch, mode, trials, poll):
    """Of nine epochs: before the second rung, and after it; learned: in the first generation, in the one proposed from it, and in the last of three."""
    fields = {"phase": "tune", "config": small_config(epochs=9).model_dump(), "space": {"train.lr": {"kind": "log", "low": 1e-4, "high": 3e-2}}, "trials": trials, "mode": mode}
    whole = jobs.prepare("search", **fields)
    assert run_folder(whole) == 0
    cut = jobs.prepare("search", **fields)
    with monkeypatch.context() as patch:
        patch.setattr(hooks, "CHECKPOINT_EVERY", 0.0)
        _kill_at(patch, poll)
        assert run_folder(cut) == 1
    assert run_folder(cut) == 0
    one, two = jobs.result(whole), jobs.result(cut)
    assert [(t["config"], t["value"]) for t in one["trials"]] == [(t["config"], t["value"]) for t in two["trials"]]
    assert np.array_equal(_predictions(jobs, whole, "best"), _predictions(jobs, cut, "best"))


def test_stop_after_the_epoch_keeps_what_was_learned(jobs):
    path = jobs.prepare("fit", config=small_config(epochs=500).model_dump(), seeds=[0])
    with Project.open(jobs.folder) as project:
        project.runs.get(path.name).post("stop_epoch")
    assert run_folder(path) == 0
    found = jobs.result(path)
    assert found["stopped"] == "asked" and found["epochs"] < 20
    with Project.open(jobs.folder, read_only=True) as project:
        assert project.runs.get(path.name).state() == "stopped"
    assert (path / "models" / "model" / "card.json").exists()


def test_a_stopped_search_claims_nothing_and_can_be_resumed(jobs):
    fields = {"phase": "tune", "config": small_config(epochs=40).model_dump(), "space": {"train.lr": {"kind": "log", "low": 1e-4, "high": 3e-2}}, "trials": 5, "halving": False}
    path = jobs.prepare("search", **fields)
    with Project.open(jobs.folder) as project:
        project.runs.get(path.name).post("stop_now")
    assert run_folder(path) == 0 and jobs.result(path) is None
    assert run_folder(path) == 0
    assert [t["value"] for t in jobs.result(path)["trials"]] == [t.value for t in jobs.run("search", **fields).trials]


def test_checkup_of_a_sound_network(jobs):
    found = jobs.run("checkup", phase="baseline", config=small_config(epochs=15).model_dump())
    assert not [v for v in found.verdicts if v.verdict == "fail"], [v for v in found.verdicts if v.verdict == "fail"]
    assert len(found.verdicts) >= 8 and found.shapes and found.parameters > 50 and found.locked == []
    assert found.smallest.validation.value > 0.85 and (found.subset is None or found.subset >= 256)
    assert [s.stage for s in found.stages] == ["shape", "unit", "one batch", "control", "subset", "smallest"]
    assert all(s.seconds > 0 and s.state in ("green", "open") for s in found.stages) and found.stages[-1].state == "green"


def test_checkup_of_a_network_that_cannot_learn_locks_what_follows(jobs):
    found = jobs.run("checkup", phase="baseline", config=small_config(lr=0.0).model_dump())
    assert [v for v in found.verdicts if v.verdict == "fail"] and "smallest" in found.locked and found.smallest is None
    assert found.stages[-1].state == "red" and not {s.stage for s in found.stages} & set(found.locked)


def test_a_rate_that_explodes_is_a_clear_error(jobs):
    path = jobs.run("fit", code=1, config=small_config(lr=1e30, optimizer="sgd", epochs=3).model_dump(), seeds=[0])
    text = (path / "events.jsonl").read_text()
    assert "training broke down" in text and "loss-not-finite" in text
