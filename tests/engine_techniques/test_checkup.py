"""The check-up proves itself by mutation: every planted bug is caught, no sound network is accused (B03, B05, B08)."""

import dataclasses

import faulty
import pytest
import torch
from faulty_later import LATER_BUGS, LATER_SOUND

from phasewise.engine.checkup import Case, learning, run_case, trace
from phasewise.engine.checkup.apart import apart
from phasewise.engine.checkup.stages import STAGES, locked
from phasewise.engine.data import InputInfo
from phasewise.kinds.tabular import networks, recipe
from phasewise.records.models import NetworkSpec

torch.set_num_threads(1)


def sound():
    """Sound networks of every family: name -> case."""
    out = {}
    for family, task in (("linear", "multiclass"), ("one_hidden", "binary"), ("mlp", "multiclass"), ("mlp", "regression"), ("tabm", "binary"), ("tabm", "regression"), ("realmlp", "multiclass")):
        data, info = faulty.table(task, 2 if task == "binary" else 3)
        info = type(info)(**{**vars(info), "stats": networks.statistics(data.inputs["num"])})
        spec = recipe.network(family, **({"hidden": [16]} if family == "one_hidden" else {}))
        if family == "tabm":
            spec = spec.model_copy(update={"members": 4, "hidden": [32, 32]})
        if family == "realmlp":
            spec = spec.model_copy(update={"hidden": [64, 64]})
        out[f"{family} {task}"] = faulty.case(networks.build, data=data, info=info, spec=spec, lr=recipe.DEFAULT_TRAIN[family]["lr"], optimizer="adamw")
    data, info = faulty.pictures()
    out["conv"] = faulty.case(faulty.Conv, data=data, info=info, lr=3e-3)
    out["lstm"] = faulty.case(faulty.Recurrent, data=data, info=info, lr=1e-2)
    out["small net"] = faulty.case(faulty.Net)
    out["symmetric net"] = faulty.case(faulty.KeepsItsPromise)
    out["dropout inside forward"] = faulty.case(faulty.DropsByItself)
    return out | {name: make() for name, make in LATER_SOUND.items()}


SOUND = tuple(sound())

BUGS = {
    "hidden layer detached": lambda: faulty.case(faulty.Detached),
    "soft-max over rows": lambda: faulty.case(faulty.SoftmaxOverRows),
    "soft-max before the loss": lambda: faulty.case(faulty.DoubleSoftmax),
    "log-soft-max twice": lambda: faulty.case(faulty.LogSoftmaxTwice),
    "layer in a plain list": lambda: faulty.case(faulty.PlainList),
    "requires_grad forgotten": lambda: faulty.case(faulty.NoGradient),
    "weights shared by accident": lambda: faulty.case(faulty.SharedByAccident),
    "view instead of permute": lambda: faulty.case(faulty.ViewInsteadOfPermute),
    "in-place on the input": lambda: faulty.case(faulty.InPlace),
    "centred over the batch": lambda: faulty.case(faulty.CentresOverBatch),
    "batch norm left in training": lambda: faulty.case(faulty.NormLeftInTraining),
    "dropout on in evaluation": lambda: faulty.case(faulty.FunctionalDropout),
    "dead units": lambda: faulty.case(faulty.DeadUnits),
    "saturated units": lambda: faulty.case(faulty.Saturated),
    "inputs ignored": lambda: faulty.case(faulty.IgnoresInputs),
    "outputs not finite": lambda: faulty.case(faulty.NotFinite),
    "one output too few": lambda: faulty.case(faulty.OneOutputShort),
    "head far too large": lambda: faulty.case(faulty.HugeHead),
    "layer never called": lambda: faulty.case(faulty.NeverCalled),
    "rows summed into each other": lambda: faulty.case(faulty.SumsOverRows),
    "unseeded noise": lambda: faulty.case(faulty.UnseededNoise),
    "deep sigmoids": lambda: faulty.case(faulty.Sigmoids),
    "labels of other rows": lambda: faulty.case(faulty.Net, data=faulty.shuffled_labels()[0], info=faulty.shuffled_labels()[1]),
    "promised symmetry broken": lambda: faulty.case(faulty.BreaksItsPromise),
    "learning rate 0": lambda: faulty.case(faulty.Net, lr=0.0),
    "learning rate 1000": lambda: faulty.case(faulty.Net, lr=1e3),
    "loss with flipped sign": lambda: faulty.case(faulty.Net, loss=lambda o, y: -torch.nn.functional.cross_entropy(o, y)),
    "loss with a wrong gradient": lambda: faulty.case(faulty.Net, loss=lambda o, y: torch.nn.functional.cross_entropy(o, y) + o.detach().square().mean() - 0 * o.sum()),
    "loss summed, not averaged": lambda: faulty.case(faulty.Net, loss=lambda o, y: torch.nn.functional.cross_entropy(o, y, reduction="sum")),
    **LATER_BUGS,
}
"""The table of the proof: planted bug -> case."""


@pytest.mark.parametrize("name", SOUND)
def test_sound_networks_are_not_accused(name):
    verdicts, shapes = run_case(sound()[name])
    assert [(v.id, v.verdict, v.title, v.detail) for v in verdicts if v.verdict != "pass"] == []
    assert len(verdicts) == sum(len(c) for _, c in STAGES) and shapes and not locked(verdicts)


@pytest.mark.parametrize("name", list(BUGS))
def test_planted_bugs_are_caught(name):
    verdicts, _ = run_case(BUGS[name]())
    red = [v for v in verdicts if v.verdict != "pass"]
    assert red, "not caught"
    assert all(v.title for v in red)


def test_the_proof_is_large_enough():
    assert len(BUGS) >= 12 and len(SOUND) >= 6


def test_a_red_stage_locks_the_later_ones():
    verdicts, _ = run_case(faulty.case(faulty.OneOutputShort))
    assert {v.numbers["stage"] for v in verdicts} == {"shape"} and locked(verdicts) == ["unit", "one batch", "control"]
    assert next(v for v in verdicts if v.verdict == "fail").id == "output-shape"


def test_shape_table_names_every_layer_and_declared_shapes_are_held():
    case = faulty.case(faulty.Net)
    lines = trace(case.fresh(), case.batch(7)[0])
    by_name = {x["module"]: x for x in lines}
    assert by_name["a"]["input"] == "B,12" and by_name["a"]["output"] == "B,32" and by_name["a"]["parameters"] == 12 * 32 + 32
    assert by_name["(network)"]["output"] == "B,3" and by_name["head"]["dtype"] == "float32"

    def declared(spec, info):
        net = faulty.Net(spec, info)
        net.expected_shapes = {"b": "B,64"}
        return net

    verdicts, _ = run_case(faulty.case(declared))
    assert verdicts[0].verdict == "fail" and "layer b" in verdicts[0].title


def test_the_check_up_changes_nothing_outside():
    import random

    import numpy as np

    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    a = (torch.rand(2), np.random.rand(2), random.random())
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    case = faulty.case(faulty.OneOutputShort)
    before = {n: x.clone() for n, x in case.data.inputs.items()}
    run_case(case)
    b = (torch.rand(2), np.random.rand(2), random.random())
    assert torch.equal(a[0], b[0]) and np.array_equal(a[1], b[1]) and a[2] == b[2]
    assert all(torch.equal(before[n], x) for n, x in case.data.inputs.items())


def test_run_takes_the_worker_call():
    from phasewise.engine import checkup

    data, info = faulty.table()
    case = faulty.case(networks.build, spec=NetworkSpec(family="one_hidden", hidden=[8]))
    verdicts, shapes = checkup.run(case.config, data, info, networks.build, None, rows=torch.arange(1000))
    assert isinstance(case, Case) and all(v.verdict == "pass" for v in verdicts) and shapes


def _levels(count, levels, seed=0):
    """A table of codes only: `count` rows, targets that follow a level's own luck."""
    g = torch.Generator().manual_seed(seed)
    codes = torch.randint(1, levels + 1, (count, 1), generator=g)
    effect = torch.randn(levels + 1, generator=g)
    y = (effect[codes[:, 0]] + torch.randn(count, generator=g) > 0).long()
    data = faulty.Dataset(inputs={"num": torch.zeros(count, 0), "cat": codes.int()}, y=y, task="binary", classes=2)
    return data, InputInfo(outputs=1, numbers=0, cardinalities=(levels + 1,))


def test_five_different_rows_are_enough_and_none_is_no_accusation():
    for levels, wanted in ((5, "pass"), (1, "warn")):
        data, info = _levels(1200, levels)
        case = faulty.case(networks.build, data=data, info=info, spec=recipe.network("one_hidden", hidden=[16]), lr=1e-3, optimizer="adamw")
        inputs, y = apart(case, 8)
        assert len(y) == levels and len(inputs["cat"].unique()) == levels
        assert learning.one_batch(case).verdict == wanted


def test_rows_for_learning_by_heart_are_far_apart_and_of_all_classes():
    made, _ = faulty.table("multiclass", 3)
    x = {n: torch.cat([v[:600], v[:600] + (1e-4 if n == "num" else 0)]) for n, v in made.inputs.items()}
    data = faulty.Dataset(inputs=x, y=torch.cat([made.y[:600], (made.y[:600] + 1) % 3]), task="multiclass", classes=3)
    inputs, y = apart(faulty.case(faulty.Net, data=data, info=faulty.table("multiclass", 3)[1]), 9)
    assert torch.bincount(y, minlength=3).tolist() == [3, 3, 3]
    assert torch.pdist(inputs["num"]).min() > 0.5, "near-copies with another class are not asked for"


def test_too_few_rows_for_many_levels_is_a_warning_but_ignored_inputs_still_fail():
    data, info = _levels(1200, 5000)
    case = faulty.case(networks.build, data=data, info=info, spec=recipe.network("one_hidden", hidden=[16]), lr=1e-3, optimizer="adamw")
    assert learning.zero_input(case).verdict == "warn"
    assert learning.zero_input(faulty.case(faulty.IgnoresInputs)).verdict == "fail"
    assert learning.zero_input(BUGS["labels of other rows"]()).verdict == "warn", "no model could tell it from inputs without information"


def test_a_rare_class_is_as_frequent_among_the_unseen_rows_as_among_those_trained_on():
    data, info = faulty.table("binary", 2, rows=6000)
    y = torch.zeros_like(data.y)
    y[torch.randperm(6000, generator=torch.Generator().manual_seed(1))[:90]] = 1
    case = faulty.case(faulty.Net, data=dataclasses.replace(data, y=y), info=info)
    case = dataclasses.replace(case, rows=torch.arange(6000))
    (_, trained), (_, unseen) = learning._parted(case, 768, 512)
    assert trained.float().mean() == pytest.approx(unseen.float().mean(), abs=0.03)
    assert learning.zero_input(case).verdict == "warn", "labels without a reason are no fault of the network"
