"""Prune rounds, paired comparison with the best baseline, and the engine's advice as handlers give it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, moons_csv, small_config  # noqa: E402


@pytest.fixture(scope="module")
def moons(tmp_path_factory) -> Jobs:
    folder = tmp_path_factory.mktemp("moons")
    made = Jobs(folder / "p", moons_csv(folder / "moons.csv"), "label", "accuracy", task="binary", positive="yes")
    made.split()
    return made


def test_a_prune_round_keeps_what_pays_and_removes_the_rest(moons):
    config = small_config(epochs=20, label_smoothing=0.01).model_dump()
    parts = [
        {"id": "layer", "title": "hidden layer", "change": {"network.family": "linear", "network.hidden": []}},
        {"id": "noop", "title": "no-op", "change": {"train.clip_norm": 1e9, "train.label_smoothing": 0.0}},
    ]
    found = moons.run("ablate", phase="tune", config=config, seeds=[0, 1, 2, 3], components=parts, prune=True)
    assert found.prune and found.removed == ["noop"] and found.pruned.ref.endswith("/pruned") and found.evaluations > 4 * 4
    assert found.pruned.config["network"]["family"] == "one_hidden" and found.pruned.config["train"]["label_smoothing"] == 0.0
    assert "1 of 2 went" in found.note
    run, name = found.pruned.ref.split("/")
    assert (moons.folder / "runs" / run / "models" / name / "card.json").is_file()


def test_a_network_is_compared_with_the_best_baseline_row_by_row(moons):
    from phasewise.stats.paired import difference
    from phasewise.worker import arrays

    before = moons.run("fit", config=small_config(epochs=3).model_dump(), seeds=[0])
    assert before.model.versus is None  # nothing to compare with yet
    baselines = moons.run("baselines", phase="baseline", models=["linear"])
    best = next(m for m in baselines.models if m.family != "dummy")
    found = moons.run("fit", config=small_config(epochs=40).model_dump(), seeds=[0]).model
    assert found.versus.ref == best.ref and found.versus.name == best.name
    stored = [arrays.load(moons.folder / "runs" / ref.split("/")[0] / "arrays", ref.split("/")[1]) for ref in (found.ref, best.ref)]
    other = stored[1].at(stored[0].rows)
    want = difference("accuracy", stored[0].y, stored[0].predictions, other.predictions, resamples=1000)
    assert (found.versus.gain, found.versus.low, found.versus.high) == pytest.approx((want.value, want.low, want.high))
    assert found.versus.gain == pytest.approx(found.validation.value - best.validation.value)
    # Sharper than two intervals side by side: the same rows are easy and hard for both.
    apart = 1.96 * (found.validation.se**2 + best.validation.se**2) ** 0.5
    assert (found.versus.high - found.versus.low) / 2 < apart and found.versus.low > 0


def events_of(moons, run_id):
    from phasewise.project.folder import Project

    with Project.open(moons.folder, read_only=True) as project:
        return project.runs.get(run_id).tail(0)[0]


def test_slow_sgd_is_told_and_adam_is_left_alone(moons):
    slow = moons.run("fit", config=small_config(optimizer="sgd", lr=1e-5, momentum=0.0, epochs=3, batch_size=16).model_dump(), seeds=[0])
    assert len(slow.notes) == 1 and "Adam" in slow.notes[0]
    assert any(e.kind == "finding" and e.id == "try-adam" for e in events_of(moons, slow.model.ref.split("/")[0]))
    assert moons.run("fit", config=small_config(lr=1e-5, epochs=3).model_dump(), seeds=[0]).notes == []
    assert moons.run("fit", config=small_config(optimizer="sgd", lr=0.1, epochs=6, batch_size=16).model_dump(), seeds=[0]).notes == []


def test_the_finder_says_how_stable_its_rate_is(moons):
    found = moons.run("find_lr", config=small_config().model_dump(), sweeps=2)
    assert len(found.notes) == 1 and found.notes[0].endswith(": stable.")


def test_a_rate_at_the_edge_is_called_unstable(moons):
    config = small_config(optimizer="sgd", batch_size=32)
    path = moons.prepare("find_lr", config=config.model_dump(), usual=3.0, sweeps=2)
    from phasewise.worker.main import run_folder

    assert run_folder(path) == 0
    assert "unstable, take a lower one" in moons.result(path)["notes"][0], moons.result(path)["notes"]
    assert any(e.kind == "finding" and e.id == "rate-unstable" for e in events_of(moons, path.name))


def test_a_step_that_blows_up_names_what_was_at_fault(moons):
    path = moons.prepare("fit", config=small_config(optimizer="sgd", lr=1e30, epochs=2).model_dump(), seeds=[0])
    from phasewise.worker.main import run_folder

    assert run_folder(path) != 0
    told = [e for e in events_of(moons, path.name) if e.kind == "finding" and e.id == "loss-not-finite"]
    assert told and "the step was too large" in told[0].detail
