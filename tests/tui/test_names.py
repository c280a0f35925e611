"""What models are called on pages: names for people, the reference where details are."""

from phasewise.tui.desk import Desk
from phasewise.tui.names import called

from .fake_session import FakeSession


def test_a_model_is_called_by_its_name_and_run():
    desk = Desk(FakeSession(done="ship"))
    baseline = desk.result("baselines").models[0]
    network = desk.result("fit").model
    assert called(desk, baseline.ref) == f"{baseline.name} (baseline)"
    assert called(desk, "0012-combine/member-1") == "member-1, run 12"
    assert called(desk, "0007-fit") == "run 7"
    told = called(desk, network.ref)
    assert network.ref not in told and told.startswith(network.name if network.name != "model" else network.family)
