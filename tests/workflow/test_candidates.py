"""The candidate: what won on validation beyond noise, the simpler one on a tie."""

import pytest

from phasewise.records.results import ModelResult
from phasewise.workflow import candidates
from workflow.fakes import World, model
from workflow.test_walkthrough import walk


def made(value, half=0.01, folds=(), metric="roc_auc"):
    data = model("r/m", "m", "f", "network", value, metric)
    data["validation"] |= {"low": value - half, "high": value + half, "folds": list(folds)}
    return ModelResult.model_validate(data)


@pytest.mark.parametrize(("a", "b", "wins"), [(0.85, 0.80, True), (0.81, 0.80, False), (0.79, 0.80, False), (0.8142, 0.80, True), (0.8140, 0.80, False)])
def test_beyond_noise_on_one_validation_part(a, b, wins):
    assert candidates.beyond_noise("roc_auc", made(a), made(b)) is wins


def test_errors_win_by_being_smaller():
    assert candidates.beyond_noise("rmse", made(0.7), made(0.8))
    assert not candidates.beyond_noise("rmse", made(0.9), made(0.8))


def test_folds_in_common_are_compared_in_pairs():
    base = [0.70, 0.80, 0.90, 0.75, 0.85]
    better = [x + d for x, d in zip(base, (0.020, 0.022, 0.018, 0.021, 0.019), strict=True)]
    noisy = [x + d for x, d in zip(base, (0.2, -0.16, 0.1, -0.1, 0.06), strict=True)]
    assert candidates.beyond_noise("roc_auc", made(0.82, 0.1, better), made(0.8, 0.1, base)), "pairs see what wide intervals hide"
    assert not candidates.beyond_noise("roc_auc", made(0.82, 0.1, noisy), made(0.8, 0.1, base))


def test_the_simpler_model_goes_on_when_the_network_is_not_better_beyond_noise(make):
    session = make(World(best_baseline=0.82, network=0.825, step=0.0))
    session.answers.set("strengthen", "do", False)
    walk(session)
    status = session.status()
    assert status.candidate["source"] == "baseline"
    assert "beyond noise" in session.answers.recommendation("verify", "candidate").reason


def test_the_network_goes_on_when_it_wins(make):
    session = make(World(best_baseline=0.78, network=0.83, step=0.0))
    session.answers.set("strengthen", "do", False)
    walk(session)
    assert session.status().candidate["source"] == "network"


def test_a_person_may_choose_otherwise_and_nothing_else(make):
    session = make()
    walk(session, until="strengthen")
    refs = [value for value, _ in next(q for q in session.questions("verify") if q.name == "candidate").choices]
    assert len(refs) >= 3
    session.answers.set("verify", "candidate", refs[1])
    assert session.status().candidate["model"] == refs[1]
    session.answers.set("verify", "candidate", "0099-fit/none")
    assert [p.field for p in session.problems("verify")] == ["candidate"]


def test_a_limit_that_has_to_hold_is_not_traded_against_the_metric(make):
    session = make(World(best_baseline=0.78, network=0.83, step=0.0))
    session.answers.set("strengthen", "do", False)
    walk(session, until="strengthen")
    assert session.status().candidate["source"] == "network"
    view = session.view
    net = next(m for m in candidates.pool(view) if m.source == "network")
    slow = net.model_copy(update={"latency_ms": 9.0})
    session.answers.set("goals", "max_latency_ms", 5.0)
    assert "takes 9 ms a row, the limit is 5" in candidates.over_limits(session.view, slow)
    assert candidates.over_limits(session.view, net) == ""


def test_a_paired_comparison_on_the_same_rows_decides_before_two_intervals_do():
    from phasewise.records.results import ModelResult

    def made(name, value, **more):
        score = {"metric": "accuracy", "value": value, "low": value - 0.02, "high": value + 0.02, "n": 1000}
        return ModelResult.model_validate({"ref": f"r/{name}", "name": name, "family": "x", "validation": score, **more})

    holder = made("trees", 0.90)
    versus = {"ref": "r/trees", "name": "trees", "gain": 0.01, "low": 0.004, "high": 0.016}
    assert not candidates.beyond_noise("accuracy", made("net", 0.91), holder)
    assert candidates.beyond_noise("accuracy", made("net", 0.91, versus=versus), holder)
    assert not candidates.beyond_noise("accuracy", made("net", 0.97, versus={**versus, "low": -0.001}), holder)
    assert not candidates.beyond_noise("accuracy", made("net", 0.91, versus=versus), made("other", 0.90))
