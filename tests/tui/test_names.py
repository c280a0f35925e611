"""What models are called on pages, and what a list cuts is read in full: names for people, the reference where details are."""

from phasewise.tui.desk import Desk
from phasewise.tui.names import called
from phasewise.tui.numbers import signed

from .fake_session import FakeSession
from .screen import opened, press, still


def test_a_model_is_called_by_its_name_and_run():
    desk = Desk(FakeSession(done="ship"))
    baseline = desk.result("baselines").models[0]
    network = desk.result("fit").model
    assert called(desk, baseline.ref) == f"{baseline.name} (baseline)"
    assert called(desk, "0012-combine/member-1") == "member-1, run 12"
    assert called(desk, "0007-fit") == "run 7"
    told = called(desk, network.ref)
    assert network.ref not in told and told.startswith(network.name if network.name != "model" else network.family)


def test_next_to_nothing_has_the_digits_of_what_stands_beside_it():
    assert signed(9.26e-05, beside=0.0024) == "+0.0001" and signed(-2e-06, beside=-0.0022) == "+0.0000"
    assert signed(9.26e-05) == "+9.26e-05" and signed(9.26e-05, beside=2e-4) == "+9.26e-05" and signed(0.0024, beside=1e-6) == "+0.0024"


async def test_a_check_is_read_in_full_below_the_list_and_on_enter():
    async with opened(FakeSession(done="ship")) as (app, pilot):
        await app.screen.go("baseline", 2)
        await press(pilot, "j")
        at = app.screen.page.view.desk.result("checkup").verdicts[1]
        text = await still(pilot)
        assert text.count(at.title) == 2  # in the list and below it
        await press(pilot, "enter")
        assert "Shapes of the smallest network" in await still(pilot)
