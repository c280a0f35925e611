"""The recipe for tables: widths by the two rules, defaults, ladders, space and ideas as pure data."""

import subprocess
import sys

import pytest

from phasewise.engine import InputInfo, search
from phasewise.engine.dense.module import DenseNet
from phasewise.kinds.tabular import recipe, recipe_ideas
from phasewise.kinds.tabular.recipe import RECIPE
from phasewise.records.models import ModelConfig, apply_change


def test_importing_the_recipe_loads_nothing_heavy():
    code = "import sys, phasewise.kinds.tabular.recipe; print([m for m in ('torch', 'sklearn', 'scipy', 'polars', 'skops') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize(("inputs", "outputs", "width"), [(4, 3, 4), (13, 3, 8), (64, 10, 37), (30, 1, 16), (10, 1, 6), (8, 1, 5), (784, 10, 397), (5000, 10, 1024), (1, 1, 2), (2, 9, 9)])
def test_midpoint_rounds_half_up_and_is_clamped(inputs, outputs, width):
    assert recipe.midpoint(inputs, outputs) == width


def test_python_rounding_would_be_wrong():
    assert round(4.5) == 4 and recipe.midpoint(8, 1) == 5


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs", "divisor", "width"),
    [(1437, 64, 10, 2, 10), (1437, 64, 10, 5, 10), (1437, 64, 10, 10, 10), (1437, 64, 1, 5, 4), (60000, 784, 10, 2, 38), (60000, 784, 10, 5, 15), (60000, 784, 10, 10, 10),
     (16512, 8, 1, 2, 917), (16512, 8, 1, 5, 367), (16512, 8, 1, 10, 183), (142, 13, 3, 10, 3)],
)
def test_width_by_samples(rows, inputs, outputs, divisor, width):
    assert recipe.by_samples(rows, inputs, outputs, divisor) == width


def test_resolve_fills_only_what_was_left_open():
    assert recipe.resolve(recipe.NetworkSpec(family="tabm")) == recipe.network("tabm")
    own = recipe.NetworkSpec(family="tabm", hidden=[32], members=4, numeric_embedding="periodic", dropout=[0.0])
    assert recipe.resolve(own) == own
    assert recipe.resolve(recipe.NetworkSpec(family="one_hidden", hidden=[5])).hidden == [5]
    assert recipe.resolve(recipe.NetworkSpec(family="tabm", options={"plain_numbers": True})).numeric_embedding == "none"


def test_budgets_shrink_with_rows_and_batches_are_powers_of_two():
    for rows in (50, 500, 5_000, 28_000, 200_000, 2_000_000):
        size = RECIPE.batch_size(rows)
        assert size & (size - 1) == 0
        assert 6 <= RECIPE.epochs(rows, size) <= 60 and RECIPE.epochs(rows, size, quick=True) <= RECIPE.epochs(rows, size)
    assert RECIPE.epochs(28_000, 256) == 18


def test_train_defaults_name_values_with_reasons():
    for rows in (200, 5_000, 30_000):
        for quick in (True, False):
            found = RECIPE.train_defaults(rows=rows, task="binary", quick=quick)
            assert all(reason for _, reason in found.values())
            ModelConfig.model_validate({"network": {"family": found["family"][0]}, "train": {k: v for k, (v, _) in found.items() if k != "family"}})
    assert RECIPE.train_defaults(rows=200, task="binary")["family"][0] == "one_hidden"
    assert RECIPE.train_defaults(rows=20_000, task="binary", family="mlp")["family"][0] == "mlp"


@pytest.mark.parametrize("family", [f.id for f in recipe.FAMILIES])
def test_search_space_has_no_grid_and_no_betas(family):
    for expert in (False, True):
        space = RECIPE.space(family, "binary", expert=expert)
        assert not any("beta" in path or "eps" in path for path in space)
        drawn = search.configs(recipe.config(family, 5_000), space, 20, seed=0)
        assert len({c.model_dump_json() for c in drawn}) > 10
        assert space["train.batch_size"]["values"] == [64, 128, 256, 512, 1024] and space["train.batch_size"]["weights"][-1] == 0.1
    assert RECIPE.expert_space(family).keys() > RECIPE.space(family).keys()


def test_ladders_name_known_techniques_and_keep_both_seed_orders():
    known = {t.id for t in recipe_ideas.TECHNIQUES}
    for name, rungs in RECIPE.ladders.items():
        assert set(rungs) <= known, name
    assert RECIPE.ladders["step4"][:3] == ("dropout-last", "dropout-earlier", "weight-decay")
    assert RECIPE.ladders["overfitting"][0] == "more-data"
    assert RECIPE.train_ladder[0] == "finder" and RECIPE.train_ladder[-1] == "objective"


def test_high_variance_never_proposes_a_bigger_model_and_high_bias_the_reverse():
    for family in ("one_hidden", "mlp", "tabm", "realmlp"):
        for task in ("binary", "regression"):
            ideas = RECIPE.ideas(family, task)
            variance = {t.id for t in ideas if "high_variance" in t.cures}
            bias = {t.id for t in ideas if "high_bias" in t.cures}
            bigger = {"wider", "second-layer" if family == "one_hidden" else "deeper", "longer"}
            assert not variance & bigger and bigger <= bias
            assert not bias & {"smaller", "weight-decay", "dropout-last"} and {"weight-decay", "more-data"} <= variance
            assert len({t.id for t in ideas}) == len(ideas)


def test_all_seven_groups_of_the_seed_are_reachable():
    ids = {t.id for t in RECIPE.ideas("mlp", "binary")}
    groups = [{"non-deep"}, {"adam", "lr-down", "class-weights", "orthogonal"}, {"evaluation"}, {"weak-slices"}, {"domain-layer"}, {"wider", "tabm"}, {"curriculum", "auxiliary", "labels"}]
    assert all(g & ids for g in groups)


@pytest.mark.parametrize("family", ["one_hidden", "mlp", "tabm", "realmlp"])
def test_every_change_applies_to_a_default_config(family):
    config = recipe.config(family, 5_000)
    for technique in RECIPE.ideas(family, "binary"):
        if technique.by_hand:
            assert not technique.change
        else:
            assert len(technique.change) == 1 or technique.id == "second-layer"  # another family and its layers are one thing
            changed = apply_change(config, {k: v for k, v in technique.change.items()})
            assert isinstance(changed, ModelConfig)
            made = recipe.resolve(changed.network)
            if made.family in ("one_hidden", "mlp") and made.hidden:
                DenseNet(made, InputInfo(numbers=4))  # dropout rates fit the layers


def test_dropout_follows_the_number_of_hidden_layers():
    config = recipe.config("mlp", 5_000)
    assert config.network.dropout == [0.1, 0.1]
    assert apply_change(config, {"network.hidden": "push"}).network.dropout == [0.1, 0.1, 0.1]
    assert apply_change(config, {"network.hidden": "pop"}).network.dropout == [0.1]
    deep = apply_change(config, {"network.hidden": "push"})
    assert apply_change(deep, {"network.dropout": [0.0, 0.25]}).network.dropout == [0.0, 0.0, 0.25]
    flat = apply_change(config, {"network.hidden": "pop"})
    assert apply_change(flat, {"network.dropout": [0.0, 0.25]}).network.dropout == [0.25]
    assert apply_change(config, {"network.hidden": "*2"}).network == config.network.model_copy(update={"hidden": [512, 256]})


def test_relative_changes():
    config = recipe.config("tabm", 5_000)
    assert apply_change(config, {"network.hidden": "*2"}).network.hidden == [256, 256]
    assert apply_change(config, {"network.hidden": "pop"}).network.hidden == [128]
    assert apply_change(config, {"network.hidden": "push"}).network.hidden == [128, 128, 128]
    assert apply_change(config, {"train.lr": "/4"}).train.lr == pytest.approx(config.train.lr / 4)
    assert apply_change(config, {"train.batch_size": "/2"}).train.batch_size == config.train.batch_size // 2
    assert apply_change(config, {"train.optimizer": "sgd"}).train.optimizer == "sgd"
