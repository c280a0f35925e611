"""The learning-rate curve before training: what the schedules of the engine will do with the answers of now."""

import numpy as np

from phasewise.records import schedules
from phasewise.records.models import TrainSpec
from phasewise.workflow import config, planned, recipes


class Config:
    """A config as the workflow would choose it."""

    def __init__(self, **train: object) -> None:
        self.train = TrainSpec(**train)


def test_the_planned_curve_is_the_trace_of_the_training(monkeypatch):
    made = Config(lr=0.01, schedule="cosine", epochs=5, batch_size=32)
    monkeypatch.setattr(config, "chosen", lambda view: made)
    monkeypatch.setattr(recipes, "train_rows", lambda view: 640)
    curve = planned.rates(object(), points=50)
    trace = schedules.trace(made.train, 20, 0, 100)
    assert len(curve) == 50 and curve[0] == (0.0, 0.01) and curve[-1][0] == 99.0
    assert np.allclose([lr for _, lr in curve], [trace[int(step)] for step, _ in curve])
