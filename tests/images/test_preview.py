"""Augmented pictures before training: the grid, the figure of a frozen network, the warning, and the from-scratch control (R10, R11, A03)."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project, shapes, small  # noqa: E402

from phasewise.cli import preview as cli_preview  # noqa: E402
from phasewise.kinds.images import previewing, recipe  # noqa: E402
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec  # noqa: E402
from phasewise.tui.pages.approach_pictures import row_of, shrunk  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("preview")
    jobs = project(folder / "p", shapes(folder / "d", each=60))
    jobs.split(folds=0, test_share=0.15, validation_share=0.4)
    plain = jobs.run("fit", config=small(epochs=14).model_dump())
    return jobs, plain.model


def _preview(jobs, model, policy, **more):
    return jobs.run("preview", config=small(options={"augment": policy}, epochs=9).model_dump(), judge=model.ref, **more)


def test_a_policy_that_keeps_the_content_passes_and_one_that_hides_it_warns(walked):
    jobs, model = walked
    mild = _preview(jobs, model, {"flip": 0.5, "crop": 1})
    wild = _preview(jobs, model, {"flip": 0.5, "resized_crop": 0.01})
    assert not mild.strength["too_strong"] and mild.strength["ratio"] > 0.8 and "usual" in mild.advice
    assert wild.strength["too_strong"] and wild.strength["high"] < 0.8
    assert wild.strength["parts"]["resized_crop"] < wild.strength["parts"]["flip"] and "resized crop" in wild.advice


def test_the_grid_is_five_by_five_repeats_and_begins_with_the_picture_as_it_is(walked):
    jobs, model = walked
    a, b = (_preview(jobs, model, {"brightness": 0.5}) for _ in range(2))
    none = _preview(jobs, model, {"brightness": 1e-9})
    assert a.pictures == b.pictures and len(a.pictures) == previewing.SIDE and all(len(p["cells"]) == previewing.SIDE for p in a.pictures)
    assert {p["label"] for p in a.pictures} == {"circle", "cross", "square"} and a.versions == 9
    assert all(cell == p["cells"][0] for p in none.pictures for cell in p["cells"])
    assert all(p["cells"][0] == q["cells"][0] and p["cells"][1] != p["cells"][2] for p, q in zip(a.pictures, none.pictures, strict=True))


def test_without_a_judge_or_without_augmentation_it_says_so(walked):
    jobs, model = walked
    assert "look at the grid yourself" in jobs.run("preview", config=small(options={"augment": {"flip": 0.5}}).model_dump()).advice
    nothing = _preview(jobs, model, {})
    assert not nothing.pictures and "as they are" in nothing.advice


def test_the_command_draws_words_and_the_view_fits_its_width(walked):
    jobs, model = walked
    found = _preview(jobs, model, {"flip": 0.5, "rotate": 10.0})
    plain, coloured = cli_preview.lines(found, colour=False), cli_preview.lines(found, colour=True)
    assert plain[0] == "augmentation: mirrored left-right, 50% of them; rotated by up to 10 degrees"
    assert len(plain) == len(coloured) and not any("\x1b" in text for text in plain) and any("\x1b[38;2;" in text for text in coloured)
    drawn = row_of(found.pictures[0]["cells"], 58, ascii_only=True).plain.split("\n")
    assert len(drawn) >= 4 and max(map(len, drawn)) <= 58
    assert len(shrunk(found.pictures[0]["cells"][0], 7)[0]) == 7


@pytest.mark.parametrize(("family", "expected"), [("conv2", None), ("resnet20", None), ("pretrained", 3), ("features", 3)])
def test_the_control_of_pretrained_weights_trains_the_whole_network_from_scratch(family, expected):
    made = ModelConfig(network=NetworkSpec(family=family, options={"unfrozen": 0, "weights": "w"}), train=TrainSpec(optimizer="adamw", lr=1e-3, epochs=7, batch_size=32))
    control = recipe.scratch_control(made, 400)
    if expected is None:
        assert control is None
        return
    assert control.network.family == "pretrained" and control.network.options["scratch"] and control.network.options["unfrozen"] == expected
    assert control.train.lr > made.train.lr and (family == "features" or control.train.epochs == 7) and not control.prepare.get("features")
    assert recipe.scratch_control(control, 400) is None


@pytest.mark.slow
def test_half_turns_of_digits_are_too_strong_and_small_ones_are_not(tmp_path):
    """R11's own case."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "images"))
    from common import digits

    jobs = project(tmp_path / "p", digits(tmp_path / "d"))
    jobs.split(folds=0, test_share=0.15, validation_share=0.3)
    model = jobs.run("fit", config=small(options={"width": 16}, epochs=12).model_dump()).model
    assert _preview(jobs, model, {"rotate": 180.0}).strength["too_strong"]
    assert not _preview(jobs, model, {"rotate": 10.0}).strength["too_strong"]
