"""What a weights file (or a JSON beside it) says of pictures is taken over, and stays with the saved model (N01, D07)."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from phasewise.kinds.images import decode, expects, predictor, recipe, transfer
from phasewise.kinds.images.fitting import Fitting
from phasewise.kinds.images.networks import pretrained
from phasewise.kinds.images.networks.mobilenet import MobileNetV1Quarter
from phasewise.kinds.images.preparing import Preparing, Target

CFG = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4], "input_size": [3, 160, 160], "crop_pct": 0.875, "interpolation": "bicubic"}
ALL = expects.Expects(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), side=160, share=0.875, filter="bicubic", source="")


def _weights(folder, metadata=None, name="w.safetensors"):
    torch.manual_seed(0)
    model = MobileNetV1Quarter(5)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.randn(8, 3, 64, 64))  # statistics of inputs: signals reach the features
    save_file(model.state_dict(), folder / name, metadata=metadata)
    return folder / name


def _plain(found):
    return None if found is None else (found.mean, found.std, found.side, found.share, found.filter)


@pytest.mark.parametrize("form", ["metadata", "metadata flat", "timm", "same name", "transformers"])
def test_every_form_is_read(tmp_path, form):
    metadata = {"metadata": {"format": "pt", "pretrained_cfg": json.dumps(CFG)}, "metadata flat": {k: json.dumps(v) if k != "interpolation" else v for k, v in CFG.items()}}.get(form)
    path = _weights(tmp_path, metadata)
    if form == "timm":
        (tmp_path / "config.json").write_text(json.dumps({"architecture": "x", "pretrained_cfg": CFG}))
    elif form == "same name":
        (tmp_path / "w.json").write_text(json.dumps(CFG))
    elif form == "transformers":
        (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_mean": CFG["mean"], "image_std": CFG["std"], "crop_pct": 0.875, "resample": 3, "size": {"height": 160, "width": 160}}))
    assert _plain(expects.of(path)) == _plain(ALL)
    assert recipe.context({"approach.weights_file": str(path)}.get, {})["expected"] == {"image_size": 160, "resize": "crop-s875-bicubic"}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"mean": "x"}', '{"mean": [123.7, 116.3, 103.5], "std": [58, 57, 57]}', '{"mean": [0.5, 0.5, NaN], "std": [1, 1, 1]}',
                                  '{"crop_pct": 7, "input_size": [3, -4, 100000]}', '{"pretrained_cfg": {"mean": [0.5, 0.5, 0.5]}}', "[" * 100_000])
def test_what_cannot_be_understood_is_passed_over(tmp_path, text):
    path = _weights(tmp_path)
    (tmp_path / "config.json").write_text(text)
    assert expects.of(path) is None


def test_a_file_that_lies_about_its_header_is_passed_over(tmp_path):
    for number, data in enumerate((b"", b"\xff" * 8, (1 << 62).to_bytes(8, "little") + b"{}", (9).to_bytes(8, "little") + b"not json!")):
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(data)
        assert expects.of(path) is None
    assert expects.of(tmp_path / "none.safetensors") is None


def test_the_way_of_fitting_is_that_of_the_reference(tmp_path):
    """Short side to side / share with the filter, then the centre: torchvision's and timm's evaluation, up to its rounding to whole pixels."""
    source = Image.fromarray(np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8)).resize((384, 256), Image.Resampling.BICUBIC)
    ours = decode.fit(source, 112, 3, "crop-s875-bicubic").astype(int)
    whole = source.resize((192, 128), Image.Resampling.BICUBIC)
    theirs = np.asarray(whole.crop((40, 8, 152, 120))).astype(int)
    assert np.abs(ours - theirs).max() <= 1 and np.abs(ours - decode.fit(source, 112, 3, "crop")).mean() > 6
    assert np.array_equal(decode.fit(source, 112, 3, "crop-s1000-bilinear"), decode.fit(source, 112, 3, "crop"))


def test_a_saved_model_keeps_mean_deviation_and_fitting_without_the_file(tmp_path):
    path = _weights(tmp_path, {"pretrained_cfg": json.dumps(CFG)})
    network = transfer.backbone(str(path))
    assert network.mean == ALL.mean and network.side == 160 and "bicubic" in pretrained.described(network)
    fitting = Fitting(size=64, channels=3, resize=network.said.resize)
    pictures = np.random.default_rng(1).integers(0, 255, (6, 64, 64, 3), dtype=np.uint8)
    raw = transfer.features(network, pictures)
    made = Preparing(target=Target(name="label", task="binary", classes=["a", "b"]), fitting=fitting, features=True, mean=[0.0] * 256, std=[1.0] * 256, backbone=network)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(raw, [0, 1] * 3)
    predictor.save_sklearn(tmp_path / "m", estimator=model, preparing=made, matrix="features")
    path.unlink()
    loaded = predictor.load(tmp_path / "m")
    assert loaded.fitting == fitting and np.allclose(transfer.features(loaded.preparing.backbone, pictures), raw)
    plain = transfer.backbone(str(_weights(tmp_path)))
    assert not np.allclose(transfer.features(plain, pictures), raw, atol=1e-2) and "assumed" in pretrained.described(plain)
