"""The second stage of an idea: more seeds where it looks promising, in its record, within the budget, and after a kill (B07)."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, moons_csv, small_config  # noqa: E402

from phasewise.stats import adoption, sequential  # noqa: E402
from phasewise.worker import hooks  # noqa: E402
from phasewise.worker.main import run_folder  # noqa: E402

IDEAS = [{"id": "decay", "title": "some decay", "change": {"train.weight_decay": 0.02}}, {"id": "worse", "change": {"train.lr": 1e-6}}]


class Killed(BaseException):
    """Stands for kill -9 at a chosen moment."""


@pytest.fixture(scope="module")
def moons(tmp_path_factory) -> Jobs:
    folder = tmp_path_factory.mktemp("moons")
    made = Jobs(folder / "p", moons_csv(folder / "moons.csv", rows=400), "label", "roc_auc", task="binary", positive="yes")
    made.split()
    return made


@pytest.fixture(scope="module", autouse=True)
def every_idea_is_promising():
    """All that is not hopeless goes on, whatever this machine's numbers are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adoption, "HOPEFUL", 0.99)
        patch.setattr(sequential, "levels", lambda *_: (1e-9, 0.05))
        yield


def fields(**more):
    return {"phase": "tune", "config": small_config(epochs=6).model_dump(), "ideas": IDEAS, "seeds": [0, 1, 2, 3], "more_seeds": [4, 5], "more_ideas": 2, **more}


@pytest.fixture(scope="module")
def whole(moons) -> Path:
    path = moons.prepare("try_ideas", **fields())
    assert run_folder(path) == 0
    return path


def test_a_promising_idea_goes_on_and_a_hopeless_one_does_not(moons, whole):
    found = moons.result(whole)
    decay, worse = found["ideas"]
    assert len(decay["values"]) == len(decay["base"]) == 6 and len(worse["values"]) == len(worse["base"]) == 4
    assert found["more_seeds"] == [4, 5] and "Promising after 4 seeds, so it went on with 2 more." in decay["note"]
    assert found["evaluations"] == 4 * 3 + 2 * 2
    assert worse["base"] == decay["base"][:4] and worse["verdict"] == "worse"
    said = (whole / "events.jsonl").read_text()
    assert "some decay" in said and "promising but undecided; 2 more seeds for it and the incumbent" in said


def test_the_budget_bounds_how_many_go_on(moons):
    twice = [{"id": "a", "change": {"train.weight_decay": 0.02}}, {"id": "b", "change": {"train.weight_decay": 0.03}}]
    found = moons.run("try_ideas", **fields(ideas=twice, more_ideas=1))
    gains = {i.id: np.mean(np.subtract(i.values, i.base)[:4]) for i in found.ideas}
    went_on = [i.id for i in found.ideas if len(i.values) == 6]
    assert len(went_on) == 1 and went_on == [max(gains, key=gains.get)] and found.trials == 3
    left = next(i for i in found.ideas if i.id not in went_on)
    assert "the budget holds no more seeds" in left.note
    alone = moons.run("try_ideas", **fields(ideas=twice, more_ideas=0))
    assert all(len(i.values) == 4 for i in alone.ideas) and alone.more_seeds == [] and alone.trials == 2


def test_killed_in_the_second_stage_it_ends_with_the_same_numbers(moons, whole, monkeypatch):
    cut, real, seen = moons.prepare("try_ideas", **fields()), hooks.EngineHooks.poll, []

    def counted(self):
        if self.stages.at == 1:
            seen.append(self.stages.at)
            if len(seen) == 4:
                raise Killed
        return real(self)

    with monkeypatch.context() as patch:
        patch.setattr(hooks, "CHECKPOINT_EVERY", 0.0)
        patch.setattr(hooks.EngineHooks, "poll", counted)
        assert run_folder(cut) == 1
    assert list((cut / "checkpoints").glob("step-*")) and moons.result(cut) is None
    assert run_folder(cut) == 0
    for one, two in zip(moons.result(whole)["ideas"], moons.result(cut)["ideas"], strict=True):
        assert one["values"] == two["values"] and one["base"] == two["base"] and one["verdict"] == two["verdict"]


def test_what_a_loss_of_ones_own_ignores_is_no_change():
    """Class weights and smoothing do not reach a plug-in loss: a run would compare the network with itself."""
    from phasewise.records.models import apply_change
    from phasewise.worker.idle import changes_nothing

    own = apply_change(small_config(), {"train.loss": "plugin"})
    assert changes_nothing(None, own, apply_change(own, {"train.class_weights": "balanced"}))
    assert changes_nothing(None, own, apply_change(own, {"train.label_smoothing": 0.1}))
    assert not changes_nothing(None, own, apply_change(own, {"train.class_weights": "balanced", "train.lr": 0.5}))
    assert not changes_nothing(None, small_config(), apply_change(small_config(), {"train.class_weights": "balanced"}))
