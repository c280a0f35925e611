"""Questions: every field has its texts, its type and its choices; hidden ones appear when they apply."""

import pytest

from phasewise import content
from phasewise.records.answers import ANSWERS
from workflow.test_walkthrough import walk

EVERY = [(p, f) for p, m in ANSWERS.items() for f in m.model_fields]


@pytest.mark.parametrize(("phase", "field"), EVERY)
def test_every_question_says_what_it_asks_and_why(phase, field):
    texts = content.question(f"{phase}.{field}")
    assert texts.question and texts.hint and len(texts.why) > 20 and texts.source
    assert texts.hint.endswith((".", "?", ":")) and not texts.why.startswith(" ")


@pytest.mark.parametrize("phase", ANSWERS)
def test_pages_hold_at_most_twelve_questions_outside_advanced(make, phase):
    session = make()
    walk(session, until="baseline")
    shown = [q for q in session.questions(phase) if q.visible and not q.advanced]
    assert 1 <= len(shown) <= 12
    assert len({q.name for q in session.questions(phase)}) == len(ANSWERS[phase].model_fields)


def test_choices_come_from_the_project(make):
    session = make()
    walk(session, until="data")
    by_name = {q.name: q for q in session.questions("data")}
    assert [v for v, _ in by_name["target"].choices] == ["age", "town", "label", "other"]
    assert by_name["policy"].type == "choice" and len(by_name["policy"].choices) == 5
    assert by_name["file"].type == "path" and by_name["target"].type == "column" and by_name["roles"].type == "map"
    goals = {q.name: q for q in session.questions("goals")}
    assert "rmse" not in dict(goals["metric"].choices), "a class task is offered no regression metric"
    train = {q.name: q for q in session.questions("train")}
    assert (train["lr"].low, train["lr"].low_open, train["lr"].high) == (0, True, 100)
    assert train["family"].choices == [("one_hidden", "one hidden layer"), ("mlp", "MLP")]


def test_a_question_appears_when_it_applies(make):
    session = make()
    visible = lambda: {q.name for q in session.questions("data") if q.visible}  # noqa: E731
    assert "group" not in visible()
    session.answers.set("data", "policy", "grouped")
    assert "group" in visible()
    assert "mirror_ok" not in {q.name for q in session.questions("approach") if q.visible}
    session.answers.set("data", "kind", "images")
    assert "mirror_ok" in {q.name for q in session.questions("approach") if q.visible}


def test_pictures_are_offered_nothing_that_only_tables_have(make):
    session = make()
    table = {q.name: q for p in ("goals", "data", "approach", "ship") for q in session.questions(p)}
    session.answers.set("data", "kind", "images")
    pictures = {q.name: q for p in ("goals", "data", "approach", "ship") for q in session.questions(p)}
    for name, absent in (("imbalance", {"smote"}), ("policy", {"time"}), ("formats", {"script"}), ("claim", {"later_time"})):
        assert {v for v, _ in table[name].choices} - {v for v, _ in pictures[name].choices} == absent
        assert dict(pictures[name].choices), name
    assert {n for n, q in table.items() if q.visible} - {n for n, q in pictures.items() if q.visible} >= {"pca", "delimiter", "roles", "embeddings"} & {n for n, q in table.items() if q.visible}
    assert "row" not in pictures["policy"].text and "row" in table["policy"].text
    session.answers.set("approach", "imbalance", "smote")
    assert [p.field for p in session.problems("approach")] == ["imbalance"]


def test_a_verdict_has_words_of_its_own_for_pictures_or_the_common_ones():
    for verdict in ("high_bias", "high_variance", "optimisation_failure", "healthy"):
        assert content.text(f"verdicts/{verdict}", "images") != content.text(f"verdicts/{verdict}") and "input" not in content.text(f"verdicts/{verdict}", "images")
    assert content.text("verdicts/both", "images") == content.text("verdicts/both")
    assert content.text("verdicts/healthy", "tabular") == content.text("verdicts/healthy")


def test_texts_that_are_named_elsewhere_exist():
    for verdict in ("no", "maybe", "yes", "high_bias", "high_variance", "both", "optimisation_failure", "healthy", "confirmed", "undecided", "disagrees", "suspiciously_better", "refuted"):
        assert content.text(f"verdicts/{verdict}")
    for phase in ANSWERS:
        assert content.text(f"advice/{phase}")
    assert content.text("glossary").startswith("# Glossary")
    assert content.text("../../records/base") == "" and content.text("no/such") == ""
