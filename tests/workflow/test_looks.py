"""Looks are counted whatever happens to the run that looked."""

import pytest

from phasewise.project.vault_ledger import Ledger
from phasewise.workflow.session import Session
from workflow.fakes import Clock, FakeRecipe, FakeRunner
from workflow.test_walkthrough import walk


@pytest.mark.parametrize("end", ["failed", "lost"])
def test_a_run_that_opened_the_vault_and_failed_has_looked(make, tmp_path, end):
    session = make()
    walk(session, until="strengthen")
    session.runner.mode = "leave"
    run = session.start(session.next_job("verify"))
    (tmp_path / "vault").mkdir()
    ledger = Ledger(tmp_path / "vault", writable=True)
    ledger.append("seal", {"generation": 1, "manifest": {"digest": "m"}, "reason": ""})
    ledger.append("open", {"generation": 1, "look": 1, "freeze": "f", "reason": ""})
    looks = ledger.looks()
    ledger.close()
    assert looks == 1
    run.end(end, None)
    session.poll()
    assert [look["looks"] for look in session.looks()] == [1]
    again = Session(session.project, runner=FakeRunner(), clock=Clock(), recipes=lambda _: FakeRecipe())
    assert len(again.looks()) == 1, "counted once"
    assert [p.field for p in again.problems("verify")] == ["reason"]
