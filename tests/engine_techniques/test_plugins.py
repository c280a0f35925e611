"""A loss of a person's own (A07): consent bound to its bytes, gradient checked, and trained like any other."""

import hashlib

import pytest
import torch
from tests.engine.helpers import members, mixed

from phasewise.engine import checkup, fit, losses
from phasewise.engine.dense.module import DenseNet
from phasewise.records import trust
from phasewise.records.errors import GateError, PhasewiseError, UsageError
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

SOUND = "from torch.nn import functional\n\ndef loss(outputs, y):\n    return functional.cross_entropy(outputs, y.long(), reduction='none')\n"
WRONG = """import torch

class Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return (z ** 2).sum(1)

    @staticmethod
    def backward(ctx, g):
        return g[:, None] * ctx.saved_tensors[0]  # half of what it should be

def loss(outputs, y):
    return Half.apply(outputs)
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def write(text, *, agree=True, name="own.py"):
        path = tmp_path / name
        path.write_text(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if agree:
            trust.agree(digest, str(path))
        return {"file": str(path), "sha256": digest}

    return write


def test_a_trained_network_equals_the_one_of_the_same_loss_from_the_menu(written):
    data, info = mixed(600)
    own = fit(members(1, 600, loss="plugin", loss_options=written(SOUND)), data, info, DenseNet, device="cpu", plan="one")
    menu = fit(members(1, 600, loss="cross_entropy"), data, info, DenseNet, device="cpu", plan="one")
    assert own.members[0].curves["train_loss"] == pytest.approx(menu.members[0].curves["train_loss"], rel=1e-6)


def test_without_consent_nothing_of_the_file_runs(written, tmp_path):
    mark = tmp_path / "ran"
    options = written(f"open({str(mark)!r}, 'w').close()\n{SOUND}", agree=False)
    with pytest.raises(GateError, match="nobody on this machine agreed") as caught:
        losses.make("plugin", "multiclass", options=options)
    assert not mark.exists() and "phasewise trust" in caught.value.remedy
    trust.agree(options["sha256"], "own.py")
    losses.make("plugin", "multiclass", options=options)
    assert mark.exists()
    assert trust.withdraw(options["sha256"]) and not trust.agreed(options["sha256"]) and not trust.withdraw(options["sha256"])


def test_consent_is_to_the_bytes_not_to_the_name(written):
    options = written(SOUND)
    written(SOUND + "# changed\n", agree=False)
    with pytest.raises(GateError, match="not the code this training was set up with"):
        losses.make("plugin", "multiclass", options=options)


@pytest.mark.parametrize(("text", "why"), [
    (WRONG, "not admitted"), ("x = 1\n", "no function"), ("1 / 0\n", "does not run"), ("def loss(outputs, y):\n    return outputs.detach().sum()\n", "not admitted"),
    ("def loss(outputs, y):\n    return (outputs.sum() * float('nan'))\n", "not admitted"),
])
def test_wrong_losses_are_refused_with_their_fault(written, text, why):
    with pytest.raises(UsageError, match=why):
        losses.make("plugin", "multiclass", options=written(text))


@pytest.mark.parametrize("name", ["os:system", "phasewise.engine.losses:_mse", "plugin"])
def test_no_name_in_a_config_runs_code(name):
    with pytest.raises(PhasewiseError):
        losses.make(name, "multiclass")


def test_check_up_begins_with_the_loss_and_stops_there_when_it_is_wrong(written):
    data, info = mixed(400)

    def run(text):
        config = ModelConfig(network=NetworkSpec(family="mlp", hidden=[16]), train=TrainSpec(loss="plugin", loss_options=written(text), optimizer="adam"))
        return checkup.run(config, data, info, DenseNet, rows=torch.arange(300))[0]

    red = run(WRONG)
    assert [v.id for v in red] == ["loss-right"] and red[0].verdict == "fail" and "finite differences" in red[0].detail
    assert checkup.stages.locked(red) == ["shape", "unit", "one batch", "control"]
    green = run(SOUND)
    assert green[0].verdict == "pass" and not [v.id for v in green if v.verdict == "fail"]
    told = checkup.stages.times(green)
    assert [t.stage for t in told] == ["loss", "shape", "unit", "one batch", "control"] and all(t.seconds > 0 and t.state == "green" for t in told)
    assert sum(t.checks for t in told) == len(green)
