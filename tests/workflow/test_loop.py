"""The tune loop: order of ideas, adoption, and each of the stops of L08 alone."""

import random

import pytest

from phasewise.records.errors import GateError
from phasewise.records.ideas import Estimates, Idea
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec, apply_change
from phasewise.workflow import loop, ranking, recipes
from phasewise.workflow.change import absolute
from workflow.fakes import World
from workflow.test_walkthrough import walk


def trained(make, world=None, **answers):
    session = make(world)
    walk(session, until="train")
    for field, value in answers.items():
        phase = "goals" if field in ("target", "stop_rule", "ideas_without_gain", "budget_hours") else "tune"
        session.answers.set(phase, field, value)
        if phase == "goals":
            walk(session, until="train")
    return session


def work(session, rounds=30):
    for _ in range(rounds):
        job = session.next_job("tune")
        if job is None:
            return loop.stop_reason(session.view, loop.read(session.view))
        session.start(job)
        session.poll()
    raise AssertionError("the loop does not stop")


def test_the_goal_stops_the_loop_by_itself(make):
    session = trained(make, World(network=0.895, step=0.01))
    assert work(session) == "the goal is reached on validation"
    assert loop.read(session.view).trials <= 5


def test_the_budget_stops_the_loop(make):
    session = trained(make, World(step=0.0), budget_trials=2)
    assert work(session) == "the budget of 2 trials is spent"
    assert loop.read(session.view).trials == 2


def test_failures_in_a_row_stop_the_loop(make):
    session = trained(make, World(step=0.0), ideas_without_gain=3)
    assert work(session) == "3 ideas in a row brought no gain"


def test_hours_stop_the_loop(make):
    session = trained(make, World(step=0.0), budget_hours=1e-4)
    assert work(session) == "the budget of 0.0001 hours is spent"


def test_the_interval_rule_asks_for_more_than_the_point(make):
    session = trained(make, World(network=0.905, step=0.0), stop_rule="interval", ideas_without_gain=1)
    assert work(session) == "1 ideas in a row brought no gain"
    other = trained(make, World(network=0.905, step=0.0))
    assert other.next_job("tune").kind == "inspect"


def test_going_on_after_the_stop_needs_a_written_reason_and_is_counted(make):
    session = trained(make, World(step=0.0), budget_trials=2)
    work(session)
    session.extend_budget("the slices show where to look")
    assert session.facts.goal_overrides == 1
    assert session.next_job("tune") is not None
    work(session)
    assert 2 < loop.read(session.view).trials <= 4


@pytest.mark.parametrize("why", ["the goal is reached on validation", "3 ideas in a row brought no gain"])
def test_going_on_works_whatever_had_stopped_the_loop(make, why):
    """L08: the goal reached, or no gain for long: a written reason buys one more budget of trials from there."""
    session = trained(make, World(network=0.895, step=0.01)) if "goal" in why else trained(make, World(step=0.0), ideas_without_gain=3, budget_trials=4)
    assert work(session) == why
    spent = loop.read(session.view).trials
    session.override("tune", "budget", "the customer asked for a little more")
    assert session.facts.went_on_at == spent and session.next_job("tune") is not None and loop.allowed(session.view) == spent + loop.budget(session.view)
    work(session)
    assert spent < loop.read(session.view).trials <= loop.allowed(session.view)


def test_a_loop_that_has_not_stopped_is_not_extended(make):
    session = trained(make, World(step=0.0), budget_trials=8)
    with pytest.raises(GateError, match="has not stopped"):
        session.override("tune", "budget", "more")


def test_more_seeds_for_a_promising_idea_come_out_of_the_budget(make):
    """B07: a round may let as many ideas go on as trials are left; each counts as one more trial."""
    session = trained(make, World(step=0.0), budget_trials=4)
    first = session.next_job("tune")
    assert first.seeds == [0, 1, 2, 3, 4] and first.more_seeds == [5, 6, 7] and len(first.ideas) == 3 and first.more_ideas == 1
    session.answers.set("tune", "budget_trials", 3)
    assert session.next_job("tune").more_ideas == 0 and session.next_job("tune").more_seeds == []
    session.answers.set("tune", "budget_trials", 4)
    session.answers.set("tune", "more_seeds", 0)
    assert session.next_job("tune").more_ideas == 0
    session.start(first)
    session.poll()
    assert loop.read(session.view).trials == 3
    result = loop.read(session.view).rounds[0].result
    result.ideas[1].values.extend([0.9, 0.9, 0.9])
    assert loop.read(session.view).trials == 4


def test_the_best_of_a_round_is_adopted_and_the_next_round_builds_on_it(make):
    session = trained(make)
    first = session.next_job("tune")
    session.start(first)
    session.poll()
    state = loop.read(session.view)
    assert state.adopted == [first.ideas[0].id]
    assert state.config != first.config
    assert session.next_job("tune").config == state.config
    told = [text for _, phase, text in session.facts.notes if phase == "tune"]
    assert any("adopted, +0.01 [+0.006, +0.014] over 5 seeds is beyond noise" in t for t in told)
    assert any("no gain beyond noise" in t for t in told)


def test_nothing_is_adopted_when_nothing_is_beyond_noise(make):
    session = trained(make, World(step=0.0))
    work(session)
    state = loop.read(session.view)
    assert state.adopted == [] and state.incumbent.ref == state.start.ref


def test_what_a_search_found_is_confirmed_over_seeds_before_it_counts(make):
    session = trained(make, World(step=0.0), ideas_without_gain=50)
    work(session)
    kinds = [j.kind for j in session.runner.jobs if j.phase == "tune"]
    at = kinds.index("search")
    after = [j for j in session.runner.jobs if j.phase == "tune"][at + 1]
    assert after.kind == "try_ideas" and after.ideas[0].id.startswith("search-")


def test_high_variance_never_proposes_a_bigger_network_first(make):
    ids = [i.id for i in trained(make, World(verdict="high_variance")).ideas.ranked()]
    assert ids and "wider" not in ids
    ids = [i.id for i in trained(make, World(verdict="high_bias")).ideas.ranked()]
    assert "wider" in ids and "dropout-last" not in ids


def test_the_real_recipe_keeps_that_order_for_tables(make):
    from phasewise.kinds.registry import kind

    session = trained(make)
    view = session.view
    view._recipes = lambda _: kind("tabular").recipe
    config = ModelConfig(network=NetworkSpec(family="mlp", hidden=[64, 64]), train=TrainSpec())
    proposed = ranking.order(ranking.proposals(view, config))
    assert len(proposed) >= 5
    bigger = {"wider", "deeper", "second-layer", "longer"}
    assert not bigger & {i.id for i in proposed}
    cures = {i.id: c for i, c in recipes.ideas(view)}
    assert all("high_variance" in cures[i.id] for i in proposed)


def test_simplest_first_and_by_score_hand_cases():
    small = Idea(id="small", title="s", category="x", estimates=Estimates(hours=1, complexity=1, impact=0.01, likelihood=0.1))
    large = Idea(id="large", title="l", category="x", estimates=Estimates(hours=20, complexity=5, impact=0.5, likelihood=0.3))
    assert [i.id for i in ranking.order([large, small])] == ["small", "large"]
    assert ranking.score(small) == pytest.approx(0.001)
    assert ranking.score(large) == pytest.approx(0.3 * 0.5 / (20 * 2))
    assert [i.id for i in ranking.order([small, large], by="score")] == ["large", "small"]
    twins = [small.model_copy(update={"id": n}) for n in "abc"]
    assert [i.id for i in ranking.order(twins)] == ["a", "b", "c"], "ties keep their order"


def test_a_second_opinion_is_averaged():
    idea = Idea(id="a", title="a", category="x", estimates=Estimates(likelihood=0.1), second=Estimates(likelihood=0.7))
    assert ranking.estimates(idea).likelihood == pytest.approx(0.4)


def test_simplest_first_reaches_a_goal_sooner_than_random_order():
    rng = random.Random(0)
    wins, saved = 0, 0.0
    for _ in range(1000):
        ideas = [
            Idea(id=str(n), title="i", category="x", estimates=Estimates(hours=rng.choice((0.5, 1, 5, 20)), complexity=rng.randint(1, 5), impact=0.01, likelihood=0.15))
            for n in range(12)
        ]
        works = {i.id: rng.random() < 0.3 for i in ideas}

        def hours(order, works=works):
            total, hits = 0.0, 0
            for idea in order:
                total += idea.estimates.hours * (1 + 0.25 * (idea.estimates.complexity - 1))
                hits += works[idea.id]
                if hits == 2:
                    break
            return total

        mixed = ideas[:]
        rng.shuffle(mixed)
        simple, chance = hours(ranking.order(ideas)), hours(mixed)
        wins += simple <= chance
        saved += chance - simple
    assert wins > 600 and saved / 1000 > 5, (wins, saved)


def test_playbooks_put_their_rungs_first(make):
    session = trained(make, ladder="step4")
    assert [i.id for i in session.ideas.ranked()][:2] == ["dropout-last", "decay"]


def test_a_healthy_network_is_not_given_cures_for_overfitting_first(make):
    session = trained(make, World(verdict="healthy"))
    view, cures = session.view, {i.id: c for i, c in recipes.ideas(session.view)}
    ids = [i.id for i in session.ideas.ranked() if i.id in cures]
    answers = [bool(not cures[i] or "healthy" in cures[i]) for i in ids]
    assert answers == sorted(answers, reverse=True), ids
    assert ranking.beside(view) == {i for i, c in cures.items() if c and "healthy" not in c}


def test_more_epochs_pay_where_the_fit_still_improved(make):
    session = trained(make)
    longer = Idea(id="longer", title="l", category="x", change={"train.epochs": "*2"}, estimates=Estimates(likelihood=0.3))
    view = session.view
    fit = view.latest("fit")
    falling, risen = ([[i, 1 / (1 + i)] for i in range(20)], [[i, abs(i - 8)] for i in range(20)])
    for curve, likely in ((falling, 0.45), (risen, 0.09)):
        view.latest = lambda slot, curve=curve: fit.model_copy(update={"curves": {"validation_loss": curve}})
        assert ranking.weighed(view, longer).estimates.likelihood == pytest.approx(likely)


def test_relative_changes_become_plain_values_that_fit_the_network():
    config = ModelConfig(network=NetworkSpec(family="mlp", hidden=[64, 32, 16], dropout=[0.1, 0.1, 0.2]), train=TrainSpec(lr=0.03))
    assert absolute(config, {"train.lr": "/3"})["train.lr"] == pytest.approx(0.01)
    popped = apply_change(config, {"network.hidden": "pop"})
    assert popped.network.hidden == [64, 32] and popped.network.dropout == [0.1, 0.1], "the layer that leaves takes its own rate along"
    last = apply_change(config, {"network.dropout": [0.0, 0.25]})
    assert last.network.dropout == [0.0, 0.0, 0.25]
