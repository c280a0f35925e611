"""Thresholds, temperatures and learning curves in words (V05, D16)."""

from phasewise.cli import inspect


def test_a_threshold_that_was_luck_is_said_to_be():
    found = {"metric": "balanced_accuracy", "threshold": 0.5259, "at_half": 0.7932, "at_threshold": 0.7975, "gain": -0.0131}
    assert "not worth it" in inspect._threshold(found) and "-0.0131" in inspect._threshold(found)
    assert "worth using" in inspect._threshold({**found, "gain": 0.02}) and "not worth" not in inspect._threshold({**found, "gain": 0.02})


def test_a_temperature_that_does_not_help_is_not_advised():
    assert "leave it as it is" in inspect._calibration({"ece": 0.03, "temperature": 1.1, "ece_after": 0.036})
    assert "leave" not in inspect._calibration({"ece": 0.03, "temperature": 1.1, "ece_after": 0.02})


def test_a_learning_curve_is_one_line_a_size_and_what_more_rows_promise():
    points = [[31.0, 0.25], [37.0, 0.23], [280.0, 0.17], [290.0, 0.16], [570.0, 0.15]]
    found = {"metric": "roc_auc", "points": points, "double": 0.137, "gain_double": 0.013, "double_low": 0.13, "double_high": 0.15, "tenfold": 0.11, "gain_tenfold": 0.04, "tenfold_low": 0.1, "tenfold_high": 0.14}
    lines = inspect._curve(found).splitlines()
    assert len(lines) == 6 and lines[1].split() == ["34", "0.24", "2"] and "twice the rows about 0.137" in lines[4]
    assert inspect._curve({"note": "only networks"}) == "note: only networks"
