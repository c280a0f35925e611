"""What `inspect` and `ablate` print."""

from types import SimpleNamespace

from phasewise.cli import ablate, inspect
from phasewise.records.results import AblateResult, InspectResult


def test_every_part_is_a_block_of_aligned_safe_text():
    found = InspectResult.model_validate({
        "model": "0001-fit/model", "metrics": {"accuracy": 0.91},
        "slices": [{"name": "town=\x1b[31mx", "rows": 1200, "value": 0.7, "low": 0.6, "high": 0.8, "rest": 0.9, "p": 0.001, "q": 0.004, "harm": 0.02, "significant": True}],
        "gallery": {"worst": [{"row": 17, "truth": "yes", "prediction": "no", "loss": 3.2, "shown": ["a=1", "b=2"]}]},
        "confusion": {"labels": ["no", "yes"], "counts": [[90, 10], [5, 1095]]},
        "calibration": {"ece": 0.031, "temperature": 1.2, "ece_after": 0.02, "bins": [{"mean": 0.1, "observed": 0.12, "count": 40}]},
        "importance": [{"column": "age", "drop": 0.05, "low": 0.04, "high": 0.06}], "skipped": {"threshold": "ValueError: one class"},
    })
    text = "\n\n".join(inspect.lines(found, (*inspect._SHOW,)))
    assert "\x1b" not in text and "accuracy 0.91" in text and "!  " in text and "1,095" in text and "0.031; with temperature 1.2: 0.02" in text
    assert "threshold: not made: ValueError: one class" in text and "learning curve: nothing to show" in text
    assert text.index("slices") < text.index("gallery") < text.index("confusion")


def test_an_ablation_says_what_earns_its_place(capsys):
    score = {"metric": "accuracy", "value": 0.9, "low": 0.88, "high": 0.92, "n": 100}
    part = {"p": 0.01, "p_holm": 0.02}
    found = AblateResult.model_validate({
        "full": {"ref": "r/full", "name": "full", "family": "mlp", "validation": score}, "removed": ["b"], "prune": True, "note": "1 of 2 went",
        "components": [{"id": "b", "title": "without b", "drop": 0.0, "low": -0.01, "high": 0.01, **part}, {"id": "a", "title": "without a", "drop": 0.05, "low": 0.04, "high": 0.06, **part}],
    })
    ablate.show(found, SimpleNamespace(json=False))
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("without a") and "earns its place" in lines[2] and lines[3].endswith("gone") and lines[-1] == "1 of 2 went"
