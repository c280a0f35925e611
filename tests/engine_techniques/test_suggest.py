"""LR suggestions (T02): closed-form curves with answers worked out by hand, and the cases without an answer."""

import math

import numpy as np
import pytest

from phasewise.engine import finder, suggest


def curve(losses, lo=1e-6, hi=10.0):
    lrs = finder.grid(lo, hi, len(losses))
    return finder.Sweep(lrs=lrs, losses=list(losses), smooth=list(finder.debiased(losses)))


def sigmoid_fall(n=100, mid=-3.0, width=0.4, bottom=0.3, rise_at=-0.8):
    x = np.log10(finder.grid(1e-6, 10.0, n))
    return 2.3 - (2.3 - bottom) / (1 + np.exp(-(x - mid) / width)) + np.where(x > rise_at, np.exp(5 * (x - rise_at)) - 1, 0)


def test_own_rule_lies_right_of_the_steepest_point_and_before_the_minimum():
    for mid in (-4.0, -3.0, -2.0):
        found = suggest.own_rule(curve(sigmoid_fall(mid=mid)))
        assert found.steepest < found.chosen < found.lowest
        assert mid < math.log10(found.lr) < mid + 2.0
        careful = suggest.cautious(curve(sigmoid_fall(mid=mid)))
        assert careful.steepest < careful.chosen < careful.lowest and mid - 0.3 < math.log10(careful.lr) < mid + 1.0 and careful.lr < found.lr


def test_own_rule_on_noise_scales_with_the_curve():
    generator = np.random.default_rng(0)
    for _ in range(20):
        losses = sigmoid_fall(mid=-2.5) * np.exp(generator.normal(0, 0.05, 100))
        found = suggest.own_rule(curve(losses))
        assert found.lr is not None and found.steepest < found.chosen < found.lowest and 10**-2.5 < found.lr < 10**-0.5


def test_a_narrow_valley_before_the_divergence_is_seen():
    losses = [1.0] * 42 + [0.98, 0.95, 0.9, 0.8, 0.7, 0.6, 0.55, 0.6, 2.0, 8.0, 40.0, 40.0, 300.0, 500.0] + [500.0] * 4
    seen = curve(losses)
    rule = suggest.own_rule(seen)
    assert rule.lr is not None and seen.lrs[42] < rule.lr <= seen.lrs[49]  # losses up to four times the start, smoothed backwards, hid it
    assert rule.steepest < rule.chosen < rule.lowest
    low, high = suggest.cycle_bounds(seen)
    assert low < rule.lr < high
    flat = [1.0 + 0.01 * math.sin(7 * i) for i in range(50)] + [2.0, 8.0, 40.0, 300.0] + [500.0] * 6
    assert suggest.own_rule(curve(flat)).lr is None


@pytest.mark.parametrize(
    ("losses", "word"),
    [(np.full(100, 2.0), "lowest at the smallest"), (np.linspace(1, 3, 100), "lowest at the smallest"),
     (np.linspace(2.0, 1.95, 100), "%"), (np.ones(9), "too few")],
)
def test_no_suggestion_where_there_is_no_fall(losses, word):
    found = suggest.own_rule(curve(losses))
    assert found.lr is None and word in found.why
    assert suggest.suggest(curve(losses))["phasewise"] is None


def test_valley_on_curves_done_by_hand():
    lrs = np.arange(10.0, 110.0, 10.0)
    # falls all the way: chain of 10, start 9 - 10 = -1, third 3.33: -1 + 3 + 1 = 3
    assert suggest.valley(lrs, np.arange(10.0, 0.0, -1)) == 40.0
    # falls over points 2..7 only (chain 6 ending at 7): start 1, third 2, 1 + 2 + 1 = 4
    assert suggest.valley(lrs, np.array([9.0, 9, 9, 7, 6, 5, 4, 3, 8, 9])) == 50.0
    # the longest chain skips the bump at index 2: 5,4,3,2,1 ends at 5, start 0, third 5/3: 0 + 1 + 0 = 1
    assert suggest.valley(lrs, np.array([5.0, 4, 6, 3, 2, 1, 9, 9, 9, 9])) == 20.0


def test_steep_minimum_and_slide_on_curves_done_by_hand():
    lrs = 10.0 ** np.arange(-5, 5)
    losses = np.array([5.0, 4.9, 4.5, 2.5, 2.4, 2.3, 2.2, 2.5, 3.0, 9.0])
    assert suggest.steep(lrs, losses) == pytest.approx(1e-3)
    assert suggest.minimum(lrs, losses) == pytest.approx(10.0 / 10)
    lrs = np.arange(1.0, 21.0)
    straight = np.linspace(2, 1, 20)  # all slopes equal: the first pair (last, 15 before) agrees at once
    assert suggest.slide(lrs, straight) == 5.0
    kink = straight.copy()
    kink[-1] += 1.0  # the last two slopes (1 and 0.5 off) are too far from the rest: two moves left; then slopes agree
    assert suggest.slide(lrs, kink) == 4.0
    assert suggest.slide(lrs[:10], straight[:10]) is None


def test_zero_lag_keeps_the_place_of_a_symmetric_dip():
    x = np.abs(np.arange(-40, 41)).astype(float)
    assert int(suggest.zero_lag(x).argmin()) == 40


def test_cycle_bounds_surround_the_suggestion():
    base, top = suggest.cycle_bounds(curve(sigmoid_fall()))
    lr = suggest.own_rule(curve(sigmoid_fall())).lr
    assert base < lr < top and 3 <= top / base <= 10
    assert suggest.cycle_bounds(curve(np.full(100, 2.0))) is None
