"""The account of noise: the same figures as the functions it rests on, and nothing claimed before there is evidence."""

import numpy as np
import pytest

from phasewise.stats import adoption, optimism, power
from phasewise.workflow import drive, loop, noise


def go(session, through):
    drive.run(session, drive.upto(through), yes=True, sleep=lambda _: None)


def test_before_the_first_model_nothing_is_claimed(make):
    session = make()
    go(session, "data")
    found = noise.read(session.view)
    assert found.tried == [] and found.half is None and found.seeds_show is None
    assert noise.told(found, str) == [("muted", "There is no model yet: train one first.")]


def test_after_a_round_every_figure_is_that_of_the_rule_itself(make):
    session = make()
    go(session, "tune")
    found = noise.read(session.view)
    results = [e.result for e in session.facts.evidence.by_slot["try_ideas"]]
    ideas = [i for r in results for i in r.ideas]
    assert [(t.title, t.gain, t.low, t.high, t.verdict) for t in found.tried] == [(i.title or i.id, i.gain, i.low, i.high, i.verdict) for i in ideas]
    model = loop.read(session.view).incumbent
    assert found.rows == model.validation.n and found.half == pytest.approx((model.validation.high - model.validation.low) / 2)
    assert found.evaluations == loop.evaluations(session.view) and found.luck == pytest.approx(optimism.correlated(found.evaluations, model.validation.se, 0.7))
    series = [np.subtract(i.values, i.base).tolist() for i in ideas if i.verdict != "broken" and i.values != i.base]
    if series:
        spread = adoption.pooled(series)
        assert found.seed_sd == pytest.approx(spread.sd) and found.seeds_show == pytest.approx(power.visible_gain_seeds(spread.sd, found.seeds))
    assert any("tried ideas" in text for _, text in noise.told(found, str))
