"""`phasewise.toml`: same answers, same bytes; what is wrong is named with file, line, key and the nearest valid name."""

import math
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasewise.project import toml
from phasewise.project.settings import Settings, parse, render
from phasewise.records.errors import StorageError, UsageError

ANSWERS = {
    "tune": {"budget_trials": 12},
    "data": {"remedies": {"b:x": "accept", "a": "drop-column"}, "file": 'we"ird \\ name\n\x1b.csv', "target": "y", "gap": 1, "declared_classes": ["b", "a"]},
    "goals": {"target": 0.9, "metric": "roc_auc", "shortcuts": []},
}


def test_same_answers_same_bytes_whatever_the_order():
    shuffled = {p: dict(reversed(list(f.items()))) for p, f in reversed(list(ANSWERS.items()))}
    shuffled["data"]["remedies"] = {"a": "drop-column", "b:x": "accept"}
    assert render(ANSWERS) == render(shuffled)
    text = render(ANSWERS, name="p")
    assert text.index("[goals]") < text.index("[data]") < text.index("[data.remedies]") < text.index("[tune]")
    assert text.index("metric =") < text.index("target = 0.9")
    assert "gap = 1.0" in text and '"b:x" = "accept"' in text


def test_what_is_saved_is_loaded(tmp_path):
    settings = Settings(tmp_path / "phasewise.toml")
    settings.create("my project")
    assert (settings.name, settings.schema, settings.load()) == ("my project", 1, {})
    settings.save(ANSWERS)
    assert settings.load() == {p: ANSWERS[p] for p in ("goals", "data", "tune")}
    before = (tmp_path / "phasewise.toml").stat()
    settings.save(settings.load())
    after = (tmp_path / "phasewise.toml").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert settings.name == "my project"


def test_unanswered_fields_are_left_out():
    assert "lr" not in render({"train": {"lr": None, "epochs": 3}})


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[goals]\nmetric = 'accuracy'\ntargte = 0.9\n", 3, ["goals.targte", "'goals.target'"]),
        ("# c\n[gaols]\nmetric = 'a'\n", 2, ["gaols", "'goals'"]),
        ("[goals]\n\n[data]\nseed = 'one'\n", 4, ["data.seed", "integer"]),
        ("[data]\ntest_share = 2.5\n", 2, ["data.test_share", "less than 0.9"]),
        ("data.test_share = 2.5\n", 1, ["data.test_share"]),
        ("[data.roles]\nage = 'number'\nname = 'nmuber'\n", 3, ["data.roles.name", "number"]),
        ("[goals]\nmetric = accuracy\n", 2, ["not valid TOML"]),
        ("[goals]\nmetric = 'a'\nmetric = 'b'\n", 3, ["not valid TOML"]),
        ("goals = 3\n", 1, ["goals", "table"]),
        ("schema = 'x'\n", 1, ["schema", "whole number"]),
        ("[train]\nseeds = true\n", 2, ["train.seeds"]),
    ],
)
def test_a_mistake_is_named_with_its_line(text, line, words):
    with pytest.raises(UsageError) as caught:
        parse(text, "phasewise.toml")
    said = "\n".join(caught.value.lines())
    assert f"phasewise.toml, line {line}" in said, said
    for word in words:
        assert word in said, said
    assert caught.value.exit_code == 2


def test_deep_nesting_is_an_error_not_a_crash():
    with pytest.raises(UsageError):
        parse("x = " + "[" * 50_000, "f")


def test_a_newer_file_is_read_without_what_is_not_known():
    assert parse("schema = 99\n[future]\na = 1\n[goals]\nmetric = 'rmse'\nwish = 1\n", "f") == {"goals": {"metric": "rmse"}}


def test_read_only_settings_are_not_written(tmp_path):
    with pytest.raises(StorageError):
        Settings(tmp_path / "f", read_only=True).save({})


def test_an_answer_that_does_not_fit_is_not_saved(tmp_path):
    settings = Settings(tmp_path / "f")
    with pytest.raises(UsageError):
        settings.save({"goals": {"metrik": "x"}})
    assert not (tmp_path / "f").exists()


values = st.recursive(
    st.text() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values, max_size=5))
def test_any_table_survives_the_round_trip(fields):
    clean = {k: v for k, v in fields.items() if not _surrogate(k) and not _surrogate(repr(v))}
    assert tomllib.loads(toml.table("t", clean)) == {"t": clean} if clean else True


def _surrogate(text):
    return any(0xD800 <= ord(c) < 0xE000 for c in text)


def test_special_numbers():
    found = tomllib.loads(toml.table("t", {"a": math.inf, "b": -math.inf, "c": math.nan, "d": 1e-300, "e": 1e300}))["t"]
    assert found["a"] == math.inf and found["b"] == -math.inf and math.isnan(found["c"]) and (found["d"], found["e"]) == (1e-300, 1e300)
