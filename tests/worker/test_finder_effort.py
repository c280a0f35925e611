"""What the finder may cost beside the training it is for."""

import pytest

from phasewise.records.jobs import FindLrJob
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec
from phasewise.worker.effort import SHARE, effort


def job(epochs, batch=512):
    """A finder before a training of so many epochs."""
    view = {"kind": "tabular", "file": "a.csv", "target": "y", "task": "binary", "metric": "accuracy"}
    return FindLrJob(phase="train", data=view, config=ModelConfig(network=NetworkSpec(family="tabm"), train=TrainSpec(batch_size=batch, epochs=epochs)))


@pytest.mark.parametrize(
    ("rows", "epochs", "pictures", "large", "sweeps"),
    [(160_000, 6, False, False, 5), (160_000, 6, True, False, 2), (160_000, 60, True, False, 5), (160_000, 60, True, True, 2)],
)
def test_on_pictures_a_finder_takes_a_fifth_of_the_training_or_the_short_form(rows, epochs, pictures, large, sweeps):
    found = effort(job(epochs), rows=rows, pictures=pictures, large=large)
    assert found.sweeps == sweeps and bool(found.note) is (sweeps == 2)
    planned = epochs * -(-rows // 512)
    assert large or not pictures or found.steps <= SHARE * planned


def test_a_finder_on_large_pictures_takes_no_more_steps_than_a_short_training():
    short, long = (effort(job(epochs, batch=32), rows=320, pictures=True, large=True) for epochs in (4, 40))
    assert (short.sweeps, short.probe, short.warm) == (1, 0, 0) and short.steps == 50 and "40 of them" in short.note
    assert long.sweeps == 2 and long.probe
