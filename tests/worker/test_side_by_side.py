"""Two models timed turn about: what both meet in a round does not count (X11)."""

import numpy as np
import pytest

from phasewise.worker import speed


class _Clock:
    """Time that only models spend; the machine is twice as slow in every second round."""

    def __init__(self) -> None:
        self.now, self.calls = 0.0, 0

    def __call__(self) -> float:
        return self.now

    def spend(self, seconds: float) -> None:
        self.now += seconds * (1 + self.calls // 2 % 2)
        self.calls += 1


class _Model:
    def __init__(self, clock, fixed, each):
        self.clock, self.fixed, self.each, self.seen = clock, fixed, each, []

    def predict(self, rows):
        self.seen.append(len(rows))
        self.clock.spend(self.fixed + self.each * len(rows))


def test_the_ratio_is_that_of_the_models_whatever_else_the_machine_does():
    clock = _Clock()
    before, after = _Model(clock, 0.002, 0.004), _Model(clock, 0.002, 0.001)
    found = speed.side_by_side(before, after, np.arange(200), np.arange(100), clock=clock)
    one, many = found["latency_ms"], found["rows_per_second"]
    assert one["times"] == one["low"] == one["high"] == pytest.approx(2.0) and one["before"] / one["after"] == pytest.approx(2.0)
    assert many["times"] == pytest.approx(0.258 / 0.066) and many["after"] > many["before"]
    assert found["batch"] == 64 and set(before.seen) == {1, 64} and before.seen == after.seen
    assert "Measured faster" in speed.sentence(found)


def test_the_same_model_twice_is_not_faster_and_a_heavier_one_is_slower():
    clock = _Clock()
    same = speed.side_by_side(_Model(clock, 0.001, 0.001), _Model(clock, 0.001, 0.001), np.arange(10), np.arange(5), clock=clock)
    assert "not clearly faster" in speed.sentence(same) and same["batch"] == 64
    slow = speed.side_by_side(_Model(clock, 0.001, 0.001), _Model(clock, 0.002, 0.002), np.arange(10), np.arange(5), clock=clock)
    assert "Measured slower" in speed.sentence(slow)


def test_what_holds_for_a_batch_alone_is_said_of_the_batch_alone():
    clock = _Clock()
    found = speed.side_by_side(_Model(clock, 1.0, 0.004), _Model(clock, 1.003, 0.001), np.arange(100), np.arange(100), clock=clock)
    assert found["latency_ms"]["times"] == pytest.approx(1.0)
    assert "Measured faster 64 at once, not clearly faster one at a time" in speed.sentence(found)
