"""The backlog: locked predictions, outcomes, calibration against known forecasters."""

import random

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from phasewise.records.errors import GateError, UsageError
from phasewise.records.ideas import Estimates, Idea, Outcome, Prediction
from phasewise.workflow import calibration, loop, timing
from workflow.fakes import World
from workflow.test_loop import trained


def judged(n, p, hit, gain=0.0, low=-1.0, high=1.0, hours=None):
    return Idea(
        id=str(n), title="i", category="x", estimates=Estimates(hours=1.0),
        prediction=Prediction(gain=0.0, low=low, high=high, success=p), outcome=Outcome(gain=gain, low=0, high=0, seeds=5, adopted=hit, reason="", hours=hours),
    )


def test_the_prediction_is_stored_and_locked_before_the_run(make):
    session = trained(make)
    job = session.next_job("tune")
    idea_id = job.ideas[0].id
    session.ideas.propose()
    session.ideas.predict(idea_id, gain=0.02, low=0.0, high=0.03, success=0.4, why="it helped last time")
    session.runner.mode = "leave"
    session.start(session.next_job("tune"))
    found = session.ideas.get(idea_id)
    assert found.status == "running" and found.prediction.gain == 0.02 and found.prediction.locked_at and found.prediction.digest
    with pytest.raises(GateError):
        session.ideas.predict(idea_id, gain=0.5, low=0.4, high=0.6)
    run = session.follower.active()[0]
    session.runner.finish(run)
    session.poll()
    after = session.ideas.get(idea_id)
    assert after.outcome.gain == pytest.approx(0.01) and after.status == "worked"
    with pytest.raises(GateError):
        session.ideas.predict(idea_id, gain=0.5, low=0.4, high=0.6)
    assert after.prediction == found.prediction


def test_an_idea_without_a_prediction_gets_the_backlogs_own(make):
    session = trained(make)
    session.start(session.next_job("tune"))
    assert all(i.prediction.why == "the backlog's own estimate" for i in session.ideas.all())


def test_what_nobody_predicted_is_told_as_nobodys(make):
    session = trained(make)
    session.start(session.next_job("tune"))
    ideas = session.ideas.all()
    assert ideas and all(i.prediction.guessed and i.predicted is None for i in ideas)
    outcome = Outcome(gain=0.01, low=0.0, high=0.02, seeds=3, adopted=True, reason="more than seed noise")
    ended = [i.model_copy(update={"outcome": outcome}) for i in ideas]
    assert calibration.calibrate(ended).count == 0 and calibration.calibrate(ended).brier is None
    own = ended[0].model_copy(update={"prediction": Prediction(gain=0.01, low=0.0, high=0.02, success=0.5)})
    assert calibration.calibrate([own, *ended[1:]]).count == 1


def test_estimates_make_an_idea_ready_and_second_opinions_show_disagreement(make):
    session = trained(make)
    idea = session.ideas.add("more dropout", change={"network.dropout": [0.5]}, category="regularise")
    assert idea.status == "new"
    full = Estimates(hours=1, complexity=1, impact=0.01, likelihood=0.1)
    assert session.ideas.estimate(idea.id, full).status == "ready"
    session.ideas.estimate(idea.id, full.model_copy(update={"likelihood": 0.7}), second=True)
    assert "10% against 70%" in session.ideas.disagreement(idea.id)
    again = session.ideas.add("more dropout")
    assert again.id != idea.id


def test_what_has_run_cannot_be_deleted_and_the_page_for_others_holds_no_results(make):
    session = trained(make, World(step=0.01))
    session.start(session.next_job("tune"))
    session.poll()
    before = {i.id for i in session.ideas.all()}
    session.ideas.drop(next(iter(before)), "too slow")
    assert {i.id for i in session.ideas.all()} == before
    session.ideas.propose()
    page = session.ideas.export()
    assert "| idea |" in page and "+0.01" not in page and "adopted" not in page


def test_ideas_that_do_not_apply_are_refused_by_name(make):
    session = trained(make)
    idea = session.ideas.add("a thought without a change")
    with pytest.raises(UsageError, match="changes nothing"):
        session.ideas.try_job([idea.id])
    with pytest.raises(UsageError) as caught:
        session.ideas.get("dropout-lst")
    assert "`phasewise ideas`" in caught.value.remedy or "dropout" in caught.value.remedy


def test_brier_equals_scikit_learn_and_known_forecasters():
    rng = random.Random(1)
    pairs = [(rng.random(), rng.random() < 0.3) for _ in range(200)]
    assert calibration.brier(pairs) == pytest.approx(brier_score_loss([h for _, h in pairs], [p for p, _ in pairs]))
    assert calibration.brier([(0.5, True), (0.5, False)]) == 0.25
    assert calibration.brier([(1.0, True), (0.0, False)]) == 0.0


def test_interval_coverage_of_a_calibrated_forecaster_is_eighty_percent():
    rng = np.random.default_rng(0)
    ideas = [judged(n, 0.2, False, gain=float(g), low=-1.2816, high=1.2816) for n, g in enumerate(rng.normal(size=2000))]
    assert calibration.calibrate(ideas).coverage == pytest.approx(0.8, abs=0.027)


def test_pinball_is_least_at_the_true_quantiles():
    rng = np.random.default_rng(0)
    values = rng.normal(size=4000)
    loss = lambda w: np.mean([calibration.pinball(v, -w, w) for v in values])  # noqa: E731
    assert loss(1.2816) < loss(0.8) and loss(1.2816) < loss(2.0)


def test_the_hit_rate_starts_at_fifteen_percent_and_learns():
    assert calibration.hit_rate(0, 0) == pytest.approx(0.15)
    assert calibration.hit_rate(3, 10) == pytest.approx(0.225)
    assert calibration.none_in(10, 0.15) == pytest.approx(0.197, abs=5e-4)
    many = [judged(n, 0.5, n % 5 != 0) for n in range(20)]
    assert "timid" in calibration.calibrate(many).warning
    few = [judged(n, 0.5, False) for n in range(4)]
    assert "normal" in calibration.calibrate(few).warning


def test_similar_ideas_are_estimated_anew_from_outcomes():
    ideas = [judged(n, 0.2, n < 3).model_copy(update={"category": "regularise"}) for n in range(10)]
    assert calibration.category_rates(ideas) == {"regularise": pytest.approx(0.225)}


def test_what_was_adopted_can_be_taken_away_again_one_at_a_time(make):
    session = trained(make)
    session.start(session.next_job("tune"))
    session.poll()
    job = session.ideas.prune_job()
    assert [p.id for p in job.components] == ["dropout-last"]
    assert job.components[0].change == {"network.dropout": []}
    assert job.config.network.dropout == [0.25]


def test_shortcuts_of_the_goal_become_ideas_of_low_complexity(make):
    session = make()
    session.answers.set("goals", "shortcuts", ["less_data", "heuristic"])
    session.start(session.next_job("goals"))
    session.poll()
    session.confirm("goals")
    assert [(i.id, i.estimates.complexity) for i in session.ideas.all()] == [("shortcut-less_data", 1), ("shortcut-heuristic", 1)]


def test_cycle_times_are_the_medians_of_the_log(make):
    session = trained(make)
    session.ideas.propose()
    session.start(session.next_job("tune"))
    session.poll()
    entries = [e for e in session.project.journal.entries() if e.kind == "idea"]
    first = {}
    for e in entries:
        idea = e.data["idea"]
        stage = "outcome" if idea["outcome"] else "started" if idea["status"] == "running" else "written"
        first.setdefault((idea["id"], stage), e.t)
    waits = sorted(first[i, "started"] - first[i, "written"] for i, s in first if s == "started")
    assert session.ideas.times()["waiting"] == waits[len(waits) // 2]
    assert session.ideas.times()["cycle"] > session.ideas.times()["running"] > 0


def test_the_ideas_file_is_a_copy_that_takes_new_ideas(make, tmp_path):
    import tomllib

    from phasewise.workflow import ideas_file
    from phasewise.workflow.session import Session
    from workflow.fakes import Clock, FakeRecipe, FakeRunner

    session = trained(make)
    session.start(session.next_job("tune"))
    session.poll()
    file = tmp_path / "ideas.toml"
    assert [i.model_dump() for i in ideas_file.read(file)] == [i.model_dump() for i in session.ideas.all()], "export and import are equal"
    file.write_text(file.read_text() + '\n[[idea]]\nid = "mine"\ntitle = "my \\"own\\" idea"\ncategory = "other"\nchange = { "train.epochs" = "*2" }\n')
    again = Session(session.project, runner=FakeRunner(), clock=Clock(), recipes=lambda _: FakeRecipe())
    assert again.ideas.get("mine").title == 'my "own" idea'
    again.close()
    assert "mine" in [i["id"] for i in tomllib.loads(file.read_text())["idea"]]
    file.write_text("[[idea]]\nid = 3\n")
    with pytest.raises(UsageError, match="idea 1 of ideas.toml"):
        Session(session.project, runner=FakeRunner(), clock=Clock(), recipes=lambda _: FakeRecipe())


def test_the_time_of_an_idea_is_measured_from_the_fits_so_far(make):
    session = trained(make)
    fit = session.view.latest("fit")
    seeds = session.view.value("tune.seeds")
    assert fit.model.seconds > 0
    ranked = {i.id: i for i in session.ideas.ranked()}
    state = loop.read(session.view)
    one = fit.model.seconds * seeds / 3600
    assert ranked
    assert all(i.estimates.hours == pytest.approx(one, rel=0.01) for i in ranked.values()), "the time of the fit times the seeds"
    half = Idea(id="half", title="smaller batches", category="x", change={"train.batch_size": "/2"})
    assert timing.hours(session.view, state, half) == pytest.approx(2 * one, rel=0.02), "twice the steps"
    own = session.ideas.add("slow and sure", change={"train.epochs": "*3"}, estimates=Estimates(hours=7.0))
    assert next(i for i in session.ideas.ranked() if i.id == own.id).estimates.hours == 7.0, "a person's estimate stays"
    longer = timing.hours(session.view, state, own)
    assert longer == pytest.approx(3 * one)
    session.start(session.next_job("tune"))
    session.poll()
    tried = [i for i in session.ideas.all() if i.outcome]
    assert tried and all(i.estimates.hours for i in tried), "the estimate is kept beside what it took"
    assert session.ideas.calibration().time_error is not None
    state = loop.read(session.view)
    assert timing.fit_seconds(session.view, state) == pytest.approx(0.01 * 3600 / seeds), "rounds tell better than the first fit"
