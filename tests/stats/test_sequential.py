"""Two stages of paired seeds under one error rate (B07): levels against normal theory, no-op rate, power and seeds by simulation."""

import numpy as np
import pytest
from scipy import stats as S

from phasewise.stats import adoption, sequential
from phasewise.stats.sequential import Stage


def test_with_much_borrowed_noise_the_levels_are_those_of_normal_theory():
    """P(Z1 > c1 or Z2 > c2) = 5 % for two normal looks with correlation sqrt(5/8), by the bivariate normal distribution."""
    early, late = sequential.levels(5, 3, 4000)
    both = S.multivariate_normal([0, 0], [[1, (5 / 8) ** 0.5], [(5 / 8) ** 0.5, 1]])
    assert 1 - both.cdf([S.norm.isf(early), S.norm.isf(late)]) == pytest.approx(0.05, abs=0.001)
    assert early == pytest.approx(2 * S.norm.sf(S.norm.isf(0.025) / (5 / 8) ** 0.5))


@pytest.mark.parametrize(("first", "more", "borrowed"), [(5, 3, 0), (3, 2, 0), (5, 3, 20)])
def test_both_stages_together_adopt_a_no_op_in_a_twentieth(first, more, borrowed):
    """Other draws than those the level was found with; every undecided idea goes on, which is the worst case."""
    early, late = sequential.levels(first, more, borrowed)
    rng = np.random.default_rng(9)
    gains, known = rng.normal(size=(200_000, first + more)), rng.chisquare(borrowed, 200_000) if borrowed else 0.0

    def p(n):
        df = n - 1 + borrowed
        spread = np.sqrt((known + gains[:, :n].var(axis=1) * n) / df)
        return S.t.sf(gains[:, :n].mean(axis=1) / spread * n**0.5, df)

    assert ((p(first) < early) | (p(first + more) < late)).mean() == pytest.approx(0.05, abs=0.002)


def played(gain: float, share: float, times: int = 600, noise: adoption.Noise | None = None) -> tuple[float, float]:
    """(share adopted, mean seeds) by the rule itself: five seeds, three more where promising."""
    rng, own, hits, used = np.random.default_rng(2), np.sqrt(1 - share), 0, 0
    for _ in range(times):
        common = rng.normal(0, np.sqrt(share), 8)
        idea, base = gain + common + own * rng.normal(size=8), common + own * rng.normal(size=8)
        found, n = adoption.decide(idea[:5], base[:5], noise=noise, stage=Stage(first=5, more=3)), 5
        if found.hopeful:
            found, n = adoption.decide(idea, base, noise=noise, stage=Stage(first=5, more=3, last=True)), 8
        hits, used = hits + found.adopted, used + n
    return hits / times, used / times


def test_one_seed_sd_is_adopted_in_four_of_five_where_seeds_share_sixty_percent():
    power, seeds = played(1.0, 0.6)
    assert power >= 0.83 and 6 < seeds < 7.5
    none, few = played(0.0, 0.6)
    assert none <= 0.07 and few < 6  # 600 ideas: the standard error is 0.9 points
    known = adoption.Noise(sd=np.sqrt(0.8), df=20)
    assert played(1.0, 0.6, noise=known)[0] > power - 0.01


def test_only_an_undecided_and_promising_idea_goes_on():
    base, first = [0.8] * 5, Stage(first=5, more=3)
    clear = adoption.decide([0.9, 0.91, 0.92, 0.9, 0.91], base, stage=first)
    assert clear.adopted and not clear.hopeful
    maybe = [0.83, 0.79, 0.82, 0.81, 0.80]
    assert adoption.decide(maybe, base, stage=first).hopeful
    assert not adoption.decide(maybe, base, stage=first, margin=0.01).hopeful
    assert not adoption.decide(maybe, base, stage=Stage(first=5, more=3, last=True)).hopeful
    assert not adoption.decide(maybe, base).hopeful
    assert not adoption.decide([0.8, 0.79, 0.81, 0.8, 0.8], base, stage=first).hopeful
    assert adoption.decide([0.2, 0.21, 0.19, 0.2, 0.21], [0.8] * 5, maximize=False, stage=first).adopted
