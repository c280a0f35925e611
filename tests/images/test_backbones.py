"""Backbones written here and those of installed libraries: equal to their references, recognised, refused with words, saved and exported (N01, T17, T18)."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project, shapes, small  # noqa: E402

from phasewise.engine import groups  # noqa: E402
from phasewise.kinds.images import development, exporting, networks, predictor  # noqa: E402
from phasewise.kinds.images.networks import library, pretrained, remembered, weights_file  # noqa: E402
from phasewise.project.folder import Project  # noqa: E402
from phasewise.records.errors import BadInputError, UsageError  # noqa: E402
from phasewise.records.models import ModelConfig, NetworkSpec  # noqa: E402

OWN = ["resnet18", "resnet34", "resnet50", "mobilenet_v2"]
PARAMETERS = {"resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032, "mobilenet_v2": 3_504_872}
"""Of torchvision's networks with 1,000 classes (its model pages)."""


def _loads(name):
    if importlib.util.find_spec(name) is None:
        return False
    try:
        importlib.import_module(name)
    except (ImportError, RuntimeError):
        return False
    return True


torchvision = pytest.mark.skipif(not _loads("torchvision"), reason="torchvision is not installed (optional)")
timm = pytest.mark.skipif(not _loads("timm"), reason="timm is not installed (optional)")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _info(side=64, outputs=3, channels=3):
    return SimpleNamespace(image=(channels, side, side), outputs=outputs, stats={"mean": torch.full((channels,), 0.5), "std": torch.full((channels,), 0.25)})


def _saved(tmp_path, arch="resnet18", change=None, name="some.pth"):
    torch.manual_seed(0)
    state = pretrained.architecture(arch)(10, 0.0).state_dict()
    torch.save(change(state) if change else state, tmp_path / name)
    return tmp_path / name


@torchvision
@pytest.mark.parametrize("arch", OWN)
def test_networks_equal_those_of_torchvision_with_the_same_weights(arch):
    from torchvision import models

    torch.manual_seed(0)
    theirs = models.get_model(arch, weights=None).eval()
    ours = pretrained.architecture(arch)(1000, 0.0).eval()
    assert pretrained.recognise(theirs.state_dict()) == arch
    ours.load_state_dict(theirs.state_dict())
    pictures = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(ours(pictures), theirs(pictures))
        theirs.train(), ours.train()
        torch.manual_seed(1)
        one = theirs(pictures[:, :, :64, :64])
        torch.manual_seed(1)
        if arch != "mobilenet_v2":  # whose dropout torchvision sets to 0.2
            assert torch.equal(ours(pictures[:, :, :64, :64]), one)


@pytest.mark.parametrize("arch", OWN)
def test_parameters_are_those_of_the_public_networks(arch):
    with torch.device("meta"):
        assert sum(p.numel() for p in pretrained.architecture(arch)(1000, 0.0).parameters()) == PARAMETERS[arch]


def test_checkpoints_are_recognised_whatever_wraps_them(tmp_path):
    def old(state):  # early checkpoints count no batches; training programs wrap and nest
        return {"epoch": 3, "state_dict": {f"module.{n}": t for n, t in state.items() if not n.endswith("num_batches_tracked")}}

    assert pretrained.found(_saved(tmp_path, "resnet18", old)) == "resnet18"
    headless = _saved(tmp_path, "mobilenet_v2", lambda s: {n: t.half() for n, t in s.items() if not n.startswith("classifier")}, "half.pth")
    weights = weights_file.read_weights(headless)
    assert pretrained.found(headless) == "mobilenet_v2" and all(t.dtype == torch.float32 for n, t in weights.items() if "num_batches" not in n)
    save_file(pretrained.architecture("resnet18")(5, 0.0).state_dict(), tmp_path / "model.safetensors")
    assert pretrained.found(tmp_path / "model.safetensors") == "resnet18"


@pytest.mark.parametrize(("change", "says"), [
    (lambda s: {**s, "layer1.0.conv1.weight": torch.zeros(64, 64, 5, 5)}, "Nearest is resnet18, but layer1.0.conv1.weight is 64x64x5x5 instead of 64x64x3x3"),
    (lambda s: {n: t for n, t in s.items() if not n.startswith("layer4.1.bn2")}, "Nearest is resnet18, but 4 of its 100 tensors are missing"),
    (lambda s: {**s, "layer2.0.se.fc1.weight": torch.zeros(3, 3)}, "1 tensors are left over, the first layer2.0.se.fc1.weight"),
])
def test_checkpoints_that_nearly_fit_say_what_differs(tmp_path, change, says):
    with pytest.raises(UsageError, match="fit no known network") as told:
        pretrained.found(_saved(tmp_path, change=change))
    assert says in told.value.cause


def test_hostile_and_broken_checkpoints_are_refused_with_a_remedy(tmp_path):
    whole = tmp_path / "whole.pth"
    torch.save(pretrained.architecture("resnet18")(2, 0.0), whole)
    with pytest.raises(BadInputError, match="holds a program") as told:
        weights_file.read_weights(whole)
    assert "state_dict()" in told.value.remedy
    cut = _saved(tmp_path)
    cut.write_bytes(cut.read_bytes()[:-5000])
    with pytest.raises(BadInputError, match="cannot read") as told:
        weights_file.read_weights(cut)
    assert "cut off" in told.value.cause
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{")
    with pytest.raises(BadInputError, match="cannot read"):
        weights_file.read_weights(tmp_path / "cut.safetensors")
    broken = _saved(tmp_path, change=lambda s: {**s, "conv1.weight": s["conv1.weight"] * float("nan")}, name="nan.pth")
    with pytest.raises(BadInputError, match="not all numbers"):
        weights_file.read_weights(broken)


@pytest.mark.parametrize("arch", ["resnet18", "mobilenet_v2"])
def test_stages_hold_everything_but_the_head_and_unfreeze_from_the_top(tmp_path, arch):
    path = _saved(tmp_path, arch)
    for unfrozen in range(4):
        model = networks.build(NetworkSpec(family="pretrained", options={"weights": str(path), "unfrozen": unfrozen}), _info())
        free = {n.removeprefix("body.") for n, p in model.named_parameters() if p.requires_grad}
        frozen = [tuple(f"{m}." for m in stage) for stage in model.body.stages[: 3 - unfrozen]]
        assert free == {n for n, _ in model.body.named_parameters() if not any(n.startswith(s) for s in frozen)}
        assert all(any(n.startswith(p) for n in free) for p in [f"{model.body.HEAD}.", *(f"{s[0]}." for s in model.body.stages[3 - unfrozen :])])
    config = ModelConfig(network=NetworkSpec(family="pretrained", options={"layer_lr": "ulmfit"}))
    made = groups.parameter_groups(model, config)
    assert sorted({round(g["lr_scale"], 4) for g in made}) == [round(2.6**-k, 4) for k in (3, 2, 1, 0)]
    assert sum(len(g["params"]) for g in made) == len(list(model.parameters()))


def test_grey_pictures_and_scratch_controls(tmp_path):
    path = _saved(tmp_path)
    with pytest.raises(UsageError, match="colour"):
        networks.build(NetworkSpec(family="pretrained", options={"weights": str(path)}), _info(channels=1))
    given = pretrained.body(NetworkSpec(family="pretrained", options={"weights": str(path)}), 3, 0.0)
    control = pretrained.body(NetworkSpec(family="pretrained", options={"weights": str(path), "scratch": True}), 3, 0.0)
    held = weights_file.read_weights(path)["layer3.0.conv1.weight"]
    assert torch.equal(given.layer3[0].conv1.weight, held) and not torch.equal(control.layer3[0].conv1.weight, held)


def test_a_network_of_a_library_that_is_missing_says_what_to_install(monkeypatch):
    monkeypatch.setattr(library, "shelf", lambda name: None)
    with pytest.raises(UsageError, match=r"timm 1\.0\.31, which is not installed") as told:
        pretrained.architecture("timm/resnet26d", "timm 1.0.31")(3, 0.0)
    assert "backbones" in told.value.remedy and "made with timm 1.0.31" in told.value.remedy


def test_a_search_is_made_once_a_machine(tmp_path):
    asked = []
    weights = {"a": torch.zeros(2), "b": torch.zeros(3, 1)}

    def search():
        asked.append(1)
        return ["timm/one"]

    for versions in ({"timm": "1"}, {"timm": "1"}, {"timm": "2"}):
        assert remembered.fitting(weights, versions, search, tmp_path / "notes") == ["timm/one"]
    assert len(asked) == 2 and remembered.fitting({"a": torch.zeros(3)}, {"timm": "1"}, list, tmp_path / "notes") == []


def test_names_in_a_files_name_count_the_longest_first():
    known = ["timm/resnet26", "timm/resnet26d", "torchvision/resnet50"]
    assert library.hinted("resnet26d-69e92c46.pth", known) == ["timm/resnet26d", "timm/resnet26"]


@timm
@pytest.mark.parametrize("arch", ["resnet26d", "mobilenetv3_small_050", "convnext_atto"])
def test_networks_of_timm_are_found_by_name_and_equal_it(tmp_path, arch):
    import timm

    torch.manual_seed(0)
    theirs = timm.create_model(arch, pretrained=False, num_classes=10).eval()
    path = tmp_path / f"{arch}-0123.pth"
    torch.save(theirs.state_dict(), path)
    assert pretrained.found(path) == f"timm/{arch}" == pretrained.found(path, arch)
    model = pretrained.backbone(path).eval()
    with torch.no_grad():
        pictures = torch.randn(2, 3, 64, 64)
        assert torch.equal(model.pooled(pictures), theirs.forward_head(theirs.forward_features(pictures), pre_logits=True))
    assert model.side == theirs.pretrained_cfg["input_size"][-1] and model.mean == tuple(theirs.pretrained_cfg["mean"]) and "timm" in pretrained.described(model)
    named = pretrained.named_of({f"body.{n}": t for n, t in model.state_dict().items()}, {"weights": str(path)})
    assert named == {"arch": f"timm/{arch}", "library": f"timm {timm.__version__}"}
    with pytest.raises(UsageError, match="do not fit"):
        pretrained.found(path, "resnet34d")
    names = [n for stage in model.stages for n in stage]
    assert {n for n, _ in model.named_parameters() if not n.startswith("fc.")} == {n for n, _ in model.named_parameters() if any(n == s or n.startswith(f"{s}.") for s in names)}


@timm
def test_several_networks_of_the_same_shapes_are_asked_about(tmp_path):
    import timm

    torch.save(timm.create_model("tf_efficientnet_b0", pretrained=False).state_dict(), tmp_path / "mine.pth")
    known = [n for n in library.names() if "efficientnet_b0" in n]
    weights = weights_file.read_weights(tmp_path / "mine.pth")
    assert {"timm/tf_efficientnet_b0", "timm/efficientnet_b0"} <= {n for n in known if library.fits(weights, n)}
    assert pretrained.found(tmp_path / "mine.pth", "tf_efficientnet_b0") == "timm/tf_efficientnet_b0"


@torchvision
@pytest.mark.parametrize("arch", ["mobilenet_v3_small", "efficientnet_b0", "convnext_tiny"])
def test_networks_of_torchvision_are_found_by_name(tmp_path, arch):
    from torchvision import models

    torch.manual_seed(0)
    theirs = models.get_model(arch, weights=None).eval()
    torch.save(theirs.state_dict(), tmp_path / f"{arch}-98.pth")
    assert pretrained.found(tmp_path / f"{arch}-98.pth") == f"torchvision/{arch}"
    model = pretrained.backbone(tmp_path / f"{arch}-98.pth").eval()
    last = [m for m in theirs.modules() if isinstance(m, torch.nn.Linear)][-1]
    with torch.no_grad():
        pictures = torch.randn(2, 3, 64, 64)
        assert torch.equal(last(model.pooled(pictures)), theirs(pictures))


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["resnet18", "mobilenet_v2", pytest.param("resnet26d", marks=timm)])
def test_a_project_with_these_weights_fits_saves_exports_and_predicts_without_the_file(tmp_path, arch):
    made = tmp_path / f"{arch}.pth"
    if arch in OWN:
        _saved(tmp_path, arch, name=made.name)
    else:
        torch.save(importlib.import_module("timm").create_model(arch, pretrained=False).state_dict(), made)
    jobs = project(tmp_path / "p", shapes(tmp_path / "d", each=30))
    jobs.split(folds=0, test_share=0.2, validation_share=0.25)
    jobs.data = jobs.data.model_copy(update={"options": {"weights": str(made)}})
    config = small("pretrained", options={"weights": str(made), "unfrozen": 1}, prepare={"image_size": 32, "channels": 3}, epochs=2, lr=1e-3)
    fit = jobs.run("fit", config=config.model_dump())
    base = jobs.run("baselines", models=["features"])
    assert any(f"the weights are {arch}" in n for n in base.notes)
    made.unlink()
    for model in (fit.model, next(m for m in base.models if m.name == "features")):
        folder = jobs.folder / "runs" / model.ref.split("/")[0] / "models" / model.ref.split("/")[1]
        with Project.open(jobs.folder, read_only=True) as opened:
            dev = development.load(opened, jobs.data)
        said = predictor.load(folder).predict(dev.table[dev.validation])
        assert said.proba.shape == (len(dev.validation), 3)
        found = exporting.export(folder, tmp_path / model.name, ["bundle", "torch", "onnx"], dev.table)
        assert all(f.ok and f.parity < 1e-4 for f in found), [f.note for f in found]
