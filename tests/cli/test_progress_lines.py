"""Lines of a headless run."""

import io

from phasewise.cli.progress import Reporter


def test_the_reason_of_skipped_phases_is_told_whole_and_once():
    err = io.StringIO()
    reporter = Reporter(stderr=err)
    why = "No network needed: " + "a long reason " * 20 + "with what to do"
    for phase, state, text in (("train", "skipped", why), ("tune", "skipped", why), ("verify", "done", "test 0.9"), ("field", "skipped", "no new rows"), ("ship", "skipped", why)):
        reporter.event({"kind": "phase", "phase": phase, "state": state, "text": text})
    told = err.getvalue().splitlines()
    assert told[0].endswith("with what to do") and told[1].split() == ["--", "tune", "for", "the", "same", "reason"]
    assert told[3].endswith("no new rows") and told[4].endswith("with what to do")


def test_lines_of_a_log_come_less_often_as_a_job_goes_on():
    now, err = [0.0], io.StringIO()
    reporter = Reporter(stderr=err, clock=lambda: now[0])
    reporter.event({"kind": "phase", "phase": "train", "state": "running", "text": "Train"})
    for second in range(600):
        now[0] = float(second)
        reporter.event({"kind": "progress", "done": second, "total": 600})
    assert 15 < err.getvalue().count("%") < 30


def test_the_same_news_of_many_columns_is_told_a_few_times_and_counted():
    err = io.StringIO()
    reporter = Reporter(stderr=err)
    reporter.event({"kind": "progress", "done": 0, "total": 9})
    for k in range(50):
        reporter.event({"kind": "finding", "id": f"missing-values:v{k}", "severity": "warn", "title": f"'v{k}' is 98 % empty", "detail": ""})
    reporter.event({"kind": "finding", "id": "imbalance", "severity": "warn", "title": "rare", "detail": ""})
    reporter.event({"kind": "phase", "phase": "data", "state": "done", "text": "all"})
    told = err.getvalue()
    assert told.count("is 98 % empty") == 4 and "missing-values of 46 more columns" in told and "rare" in told and "0%" not in told
