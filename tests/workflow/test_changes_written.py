"""Changes that a person writes are refused where they are written, with the nearest setting (V10, I01)."""

import pytest

from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec
from phasewise.workflow.change import checked

CONFIG = ModelConfig(network=NetworkSpec(family="mlp", hidden=[64, 64]), train=TrainSpec(lr=0.003))


@pytest.mark.parametrize(("change", "said"), [
    ({"train.lrr": 3}, "Did you mean 'train.lr'?"), ({"lr": 3}, "train.lr"), ({"nonsense": 3}, "For example"), ({"zzz.deep": 1}, "For example"),
    ({"train.lr": "abc"}, "right type"), ({"network.hidden": -1}, "right type"), ({"train.lr.deep": 1}, "right type"),
])
def test_what_can_never_run_is_refused_with_what_to_write(change, said):
    with pytest.raises(UsageError) as caught:
        checked(CONFIG, change)
    assert said in caught.value.remedy and caught.value.cause


def test_what_fits_comes_back_as_plain_values():
    assert checked(CONFIG, {"train.lr": "/3"}) == {"train.lr": pytest.approx(0.001)}
    assert checked(CONFIG, {"network.hidden": "*2", "network.dropout": [0.25]})["network.hidden"] == [128, 128]
    assert checked(CONFIG, {"prepare.anything": True}) == {"prepare.anything": True}
