"""What tells a class without showing the thing is told, each by itself and in its own words; nothing on the clean twin (I13)."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parent))
from pictures import SHAPES, project, shape  # noqa: E402

from phasewise.kinds.images import shortcuts  # noqa: E402


def _texture(rng: np.random.Generator) -> Image.Image:
    """Soft spots of any colour and light: nothing tells a class."""
    soft = Image.fromarray(rng.integers(60, 200, (5, 5, 3), dtype=np.uint8)).resize((32, 32), Image.Resampling.BICUBIC)
    return Image.fromarray(np.clip(np.asarray(soft) + rng.normal(0, 4, (32, 32, 3)), 0, 255).astype(np.uint8))


def _frame(image: Image.Image) -> Image.Image:
    ImageDraw.Draw(image).rectangle([0, 0, image.width - 1, image.height - 1], outline=(255, 255, 255), width=2)
    return image


def _mark(image: Image.Image) -> Image.Image:
    ImageDraw.Draw(image).rectangle([27, 27, 29, 29], fill=(255, 0, 255))
    return image


PLANTED = {
    "nothing": (lambda i: i, "png", ""),
    "frame": (_frame, "png", "The rim of a picture alone tells the class 'circle'"),
    "mark": (_mark, "png", "The lower right corner alone tells the class 'circle'"),
    "size": (lambda i: i.resize((40, 36)), "png", "Width and height of a picture alone tell the class 'circle'"),
    "format": (lambda i: i, "bmp", "Format of a picture alone tells the class 'circle'"),
    "light": (lambda i: i.point(lambda v: v * 4 // 5), "png", "Brightness of a picture alone tells the class 'circle'"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_shortcut_is_told_and_the_clean_twin_is_quiet(tmp_path, what):
    change, extension, title = PLANTED[what]
    rng = np.random.default_rng(0)
    for kind in SHAPES:
        (tmp_path / "d" / kind).mkdir(parents=True)
        for _ in range(40):
            made = _texture(rng)
            odd = kind == "circle"
            (change(made) if odd else made).save(tmp_path / "d" / kind / f"{rng.integers(10**8):08d}.{extension if odd else 'png'}")
    jobs = project(tmp_path / "p", tmp_path / "d")
    jobs.split(folds=0)
    found = [f for f in jobs.run("checks").findings if f.check == "fact-tells-class"]
    titles = [f.title for f in found]
    assert any(t.startswith(title.split(" of a")[0]) and "circle" in t for t in titles) if title else not titles, titles
    assert all(f.recommended().action == "accept" and f.thumbnails for f in found)
    if what in ("frame", "mark", "size"):
        assert titles == [title]


def test_the_measure_is_that_of_the_area_under_the_curve():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    y, fold = np.repeat([0, 1, 2], 50), np.arange(150) % shortcuts.FOLDS
    x = rng.normal(size=(150, 3)) + (y == 2)[:, None]
    found = shortcuts.judged("x", x, y, 3, fold)
    by_hand = np.mean([roc_auc_score(y[fold == f] == 2, found.scores[fold == f, 2]) for f in range(shortcuts.FOLDS)])
    assert found.auc[2] == pytest.approx(by_hand) and found.best == 2
    assert found.apart(2) < 0.65 < found.auc[2]


def test_a_class_of_a_few_pictures_is_not_judged():
    y, fold = np.repeat([0, 1], [60, 4]), np.arange(64) % shortcuts.FOLDS
    assert np.isnan(shortcuts.judged("x", np.arange(64.0)[:, None], y, 2, fold).auc[1])


def test_file_names_that_begin_differently_are_told_and_class_names_are_not(tmp_path):
    rng = np.random.default_rng(0)
    for root, names in (("apart", {"circle": "DSC_", "cross": "IMG_", "square": "scan"}), ("own", {k: k for k in SHAPES}), ("letter", {k: "c" for k in SHAPES})):
        for kind in SHAPES:
            (tmp_path / root / kind).mkdir(parents=True)
            for _ in range(20):
                shape(kind, rng).save(tmp_path / root / kind / f"{names[kind]}{rng.integers(10**6):06d}.png")
        jobs = project(tmp_path / f"p-{root}", tmp_path / root)
        jobs.split(folds=0)
        found = {f.id for f in jobs.run("checks").findings}
        assert ("collected-apart:beginning" in found) == (root == "apart")
