"""Every idea of the tabular recipe trains, ends in finite numbers and changes what is predicted, whatever the family and the task."""

import pytest
import torch

from phasewise.engine import Dataset, InputInfo, Member, fit
from phasewise.kinds.tabular import networks, recipe
from phasewise.kinds.tabular.recipe_ideas import applicable
from phasewise.records.models import apply_change

ROWS, TRAIN = 240, 160
NEEDS_LONGER = ("early-stop", "clip")
"""A stop after five epochs and a limit on the gradient show in long or wild trainings only; here they must merely do no harm."""

NO_CHANGE = (("one_hidden", "adam"),)
"""Its recipe has Adam already, and without decay Adam and AdamW are the same arithmetic in the compiled step, to the last bit."""


def _data(task: str) -> tuple[Dataset, InputInfo]:
    g = torch.Generator().manual_seed(0)
    num = torch.randn(ROWS, 3, generator=g)
    num[:, 2] = (num[:, 2] > 1).float()  # a flag: its bins reach to infinity
    cat = torch.stack([torch.randint(0, c, (ROWS,), generator=g) for c in (4, 90)], 1).int()
    y = num[:, 0] * num[:, 1] + 0.3 * cat[:, 0]
    cuts = {"regression": (), "binary": (0.8,), "multiclass": (0.2, 1.0)}[task]
    y = sum(((y > c).long() for c in cuts), torch.zeros(ROWS, dtype=torch.int64)) if cuts else (y - y.mean()) / y.std()
    info = InputInfo(numbers=3, cardinalities=(4, 90), outputs=3 if task == "multiclass" else 1, stats=networks.statistics(num[:TRAIN]))
    return Dataset(inputs={"num": num, "cat": cat}, y=y, task=task, classes=len(cuts) + 1 if cuts else 0), info


@pytest.mark.parametrize(("family", "task"), [("one_hidden", "binary"), ("mlp", "multiclass"), ("mlp", "regression"), ("tabm", "binary"), ("tabm", "regression"), ("realmlp", "multiclass")])
def test_every_idea_trains_and_changes_something(family, task):
    data, info = _data(task)
    base = recipe.config(family, TRAIN)
    hidden = {"one_hidden": [8]}.get(family, [16, 8])
    network = recipe.resolve(base.network).model_copy(update={"hidden": hidden, "dropout": [0.1] * len(hidden) if family == "mlp" else [], "members": 4 if family == "tabm" else 1})
    base = base.model_copy(update={"network": network, "train": base.train.model_copy(update={"epochs": 1, "batch_size": 64})})

    def outputs(config):
        member = Member(id="a", config=config, train=torch.arange(TRAIN), validation=torch.arange(TRAIN, ROWS))
        found = fit([member], data, info, networks.build, watch=False).members[0]
        assert found.stopped == "done"
        return found.outputs

    plain = outputs(base)
    tried = 0
    for idea in applicable(family, task):
        config = apply_change(base, idea.change)
        if idea.by_hand or config == base or any(path.startswith("prepare.") for path in idea.change):
            continue
        said = outputs(config)
        assert torch.isfinite(said).all(), idea.id
        assert idea.id in NEEDS_LONGER or (family, idea.id) in NO_CHANGE or not torch.equal(said, plain), f"{idea.id} changes nothing"
        tried += 1
    assert tried >= 12
