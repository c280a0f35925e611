"""The minimal-model ladder as a job: it stops at the planted bug and passes a sound network (B06)."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, moons_csv, small_config  # noqa: E402

from phasewise.records.models import ModelConfig  # noqa: E402


@pytest.fixture(scope="module")
def moons(tmp_path_factory) -> Jobs:
    folder = tmp_path_factory.mktemp("moons")
    made = Jobs(folder / "p", moons_csv(folder / "moons.csv", rows=900), "label", "accuracy", task="binary", positive="yes")
    made.split()
    return made


def full(**train):
    """A network with every simplification to undo: two layers, dropout, decay, smoothing, schedule."""
    config = small_config("mlp", **{"epochs": 30, "lr": 0.03, "schedule": "cosine", "label_smoothing": 0.05, "weight_decay": 0.01, **train})
    network = config.network.model_copy(update={"hidden": [16, 16], "dropout": [0.1, 0.1]})
    return ModelConfig(network=network, train=config.train).model_dump()


def test_a_sound_network_is_undone_to_the_end(moons):
    found = moons.run("minimal", phase="baseline", config=full(), subset=120)
    assert [s.id for s in found.steps] == ["rows", "hidden", "dropout", "weight_decay", "label_smoothing", "schedule"]
    assert not found.suspect and not found.left and not any(s.worse for s in found.steps) and found.evaluations == 35
    assert all(a.after == b.before for a, b in zip(found.steps, found.steps[1:], strict=False))


@pytest.mark.parametrize(("planted", "suspect"), [({"weight_decay": 60.0}, "weight_decay"), ({"label_smoothing": 0.999}, "label_smoothing")])
def test_it_stops_exactly_at_the_planted_bug(moons, planted, suspect):
    found = moons.run("minimal", phase="baseline", config=full(**planted), subset=120)
    assert found.suspect == suspect == found.steps[-1].id and found.steps[-1].worse and found.left[-1] == "the schedule"
    assert found.steps[-1].title in found.advice and not any(s.worse for s in found.steps[:-1])


def test_a_bug_in_a_layer_shows_when_the_layer_comes(moons, monkeypatch):
    """Dropout that forgets to scale what it keeps, and drops nearly everything: seen only once dropout is undone."""
    from phasewise.kinds.tabular import networks

    real = networks.build

    def broken(spec, info):
        module = real(spec, info)
        if any(spec.dropout):
            module.register_forward_hook(lambda _m, _i, out: out * 0.0)
        return module

    monkeypatch.setattr(networks, "build", broken)
    monkeypatch.setattr("phasewise.worker.bench.Bench.build", lambda self, spec, info: broken(spec, info))
    config = ModelConfig.model_validate(full())
    tabm = config.model_copy(update={"network": config.network.model_copy(update={"family": "realmlp", "hidden": [16], "dropout": [0.1]}), "train": config.train.model_copy(update={"epochs": 6})})
    found = moons.run("minimal", phase="baseline", config=tabm.model_dump(), subset=120)
    assert found.suspect == "dropout", found.advice
