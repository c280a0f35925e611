"""Picture networks: sizes, normalisation, augmentation only in training, pretrained weights, freezing, TTA (A13, N01, T18, X08)."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from phasewise.engine import losses
from phasewise.kinds.images import networks, tta
from phasewise.kinds.images.networks import pretrained
from phasewise.kinds.images.networks.resnet import cifar_resnet
from phasewise.records.errors import BadInputError, UsageError
from phasewise.records.models import NetworkSpec


def _info(channels=3, side=24, outputs=4):
    return SimpleNamespace(image=(channels, side, side), outputs=outputs, stats={"mean": torch.full((channels,), 0.5), "std": torch.full((channels,), 0.25)})


def _batch(n=6, channels=3, side=24):
    return {"image": torch.randint(0, 256, (n, channels, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))}


def test_resnet20_has_the_papers_parameters():
    assert sum(p.numel() for p in cifar_resnet(20, 3, 10).parameters()) == 269_722


@pytest.mark.parametrize("family", ["conv2", "resnet20", "resnet18"])
@pytest.mark.parametrize("channels", [1, 3])
def test_families_give_logits_and_repeat_in_evaluation(family, channels):
    spec = NetworkSpec(family=family, dropout=[0.5], options={"width": 8, "augment": {"flip": 0.5, "crop": 2}})
    model = networks.build(spec, _info(channels)).eval()
    batch = _batch(channels=channels)
    assert model(batch).shape == (6, 4)
    assert torch.equal(model(batch), model(batch))


def test_augmentation_is_in_training_only_and_follows_the_seed():
    model = networks.build(NetworkSpec(family="conv2", options={"augment": {"brightness": 0.5}}), _info())
    batch = _batch()
    model.train()
    torch.manual_seed(1)
    one = model(batch)
    torch.manual_seed(1)
    assert torch.equal(one, model(batch))
    assert not torch.equal(one, model.eval()(batch))


def test_mixup_scores_both_labels_by_share():
    model = networks.build(NetworkSpec(family="conv2", options={"augment": {"mixup": 0.4}}), _info()).train()
    out, y = model(_batch()), torch.tensor([0, 1, 2, 3, 0, 1])
    loss = torch.nn.functional.cross_entropy
    got = model.training_loss(out, y, losses.make("cross_entropy", "multiclass"))
    share, partner = model.mixed.share, model.mixed.partner
    want = (share * loss(out, y, reduction="none") + (1 - share) * loss(out, y[partner], reduction="none")).mean()
    assert torch.allclose(got, want)


def test_unknown_family_is_refused():
    with pytest.raises(UsageError, match="vgg"):
        networks.build(NetworkSpec(family="vgg"), _info())


def test_pretrained_weights_are_read_matched_and_frozen(shared_data):
    path = shared_data / "weights" / "mobilenetV1X0.25_pretrain.tar"
    spec = NetworkSpec(family="pretrained", options={"weights": str(path), "unfrozen": 1})
    model = networks.build(spec, _info(side=64))
    assert {n.split(".")[1] for n, p in model.named_parameters() if p.requires_grad} == {"stage3", "fc"}
    before = {n: t.clone() for n, t in model.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model.train()
    model.freeze_statistics()
    model(_batch(side=64)).sum().backward()
    optimiser.step()
    moved = {n for n, t in model.state_dict().items() if not torch.equal(t, before[n])}
    assert moved and all(n.split(".")[1] in ("stage3", "fc") for n in moved)


def test_foreign_files_are_refused_not_unpickled(tmp_path):
    import pickle

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "pwned"), "w"))

    bad = tmp_path / "evil.pt"
    bad.write_bytes(pickle.dumps({"state_dict": Evil()}))
    with pytest.raises(BadInputError, match="cannot read"):
        pretrained.read_weights(bad)
    assert not (tmp_path / "pwned").exists()
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(UsageError, match="no known network"):
        pretrained.recognise(pretrained.read_weights(tmp_path / "other.pt"))


def test_tta_forms_equal_their_formulas():
    plain, copies = torch.rand(5, 3), torch.rand(4, 5, 3)
    assert torch.allclose(tta.combine(plain, copies, "mean"), copies.mean(0))
    assert torch.allclose(tta.combine(plain, copies, "with_plain"), (plain + copies.sum(0)) / 5)
    assert torch.allclose(tta.combine(plain, copies, "lerp"), 0.75 * copies.mean(0) + 0.25 * plain, atol=1e-6)
    model = networks.build(NetworkSpec(family="conv2", options={"augment": {"flip": 0.5}}), _info())
    a = tta.predict(model, _batch()["image"], lambda z: z.softmax(1), seed=3)
    b = tta.predict(model, _batch()["image"], lambda z: z.softmax(1), seed=3)
    assert torch.equal(a[1], b[1]) and a[1].shape == (4, 6, 4)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("family", ["conv2", "resnet20"])
def test_maps_lie_channels_last_for_grey_pictures_too(family, channels):
    model = networks.build(NetworkSpec(family=family, batch_norm=True), _info(channels))
    seen = []
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda _m, _a, out: seen.append(out.is_contiguous(memory_format=torch.channels_last)))
    model.eval()
    batch = _batch(channels=channels)
    with torch.no_grad():
        out = model(batch)
        asked = len(seen)
        plain = model.body(model.pixels(batch["image"]))
    assert asked and all(seen[:asked]) and torch.allclose(out, plain, atol=1e-5)


def test_ideas_that_the_answers_forbid_or_that_have_nothing_to_cure_are_none():
    from phasewise.kinds.images import recipe_ideas

    usual = {"mirror_ok": True, "rotation_ok": False, "colour_matters": True, "text_in_image": False}
    assert recipe_ideas.unfit(usual, (), side=28, rarest=0.1, controlled=False) == set()
    assert recipe_ideas.unfit({**usual, "mirror_ok": False}, (), side=28, rarest=0.1, controlled=False) == {"mirror"}
    assert recipe_ideas.unfit(usual, ("rotation_ok", "colour_matters"), side=28, rarest=0.1, controlled=False) == {"rotate", "colour"}
    assert recipe_ideas.unfit(usual, (), side=128, rarest=0.9, controlled=True) == {"shift-more", "class-weights", "minority", "scratch-control"}
    known = {t.id for t in recipe_ideas.TECHNIQUES}
    assert recipe_ideas.unfit({"text_in_image": True}, ("colour_matters",), side=128, rarest=1.0, controlled=True) <= known


@pytest.mark.parametrize("task, present", [("binary", (0, 1)), ("multiclass", (0, 1, 2, 3)), ("multiclass", (0, 2, 3)), ("multiclass", (1, 3))])
def test_a_logistic_regression_on_features_is_a_layer(task, present):
    """Equal to scikit-learn's probabilities, classes absent from the training rows included (X13)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from phasewise.kinds.images import scoring
    from phasewise.kinds.shared.fitted import answer
    from phasewise.kinds.shared.outputs import probabilities

    rng = np.random.default_rng(0)
    classes = 2 if task == "binary" else 4
    y = np.array(present)[rng.integers(0, len(present), 120)]
    x = (rng.normal(size=(120, 7)) * np.linspace(0.1, 9, 7) + y[:, None]).astype(np.float32)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(x, y)
    target = SimpleNamespace(task=task, classes=[str(c) for c in range(classes)])
    layer = scoring.Linear(model, task, classes)
    said = probabilities(layer({"num": torch.from_numpy(x)}), task).numpy()
    assert np.abs(said - answer(model, x, target).proba).max() < 1e-5
