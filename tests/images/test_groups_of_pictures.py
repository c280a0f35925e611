"""Pictures that belong together (frames of a clip, pictures of a person): found, proposed, kept in one part, and told where parts were given."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project, shapes, small  # noqa: E402

from phasewise.kinds.images import development, files, grouping, profiling  # noqa: E402
from phasewise.project.folder import Project  # noqa: E402
from phasewise.records.jobs import DataView  # noqa: E402

CLASSES = ("cat", "dog")


def _frame(look: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """A frame of a clip: the clip's own background with noise and light of its own."""
    return Image.fromarray(np.clip(look * rng.uniform(0.85, 1.15) + rng.normal(0, 25, look.shape), 0, 255).astype(np.uint8))


def _clips(root: Path, name: str, *, each: int = 6, frames: int = 6, seed: int = 0, alike: bool = True) -> Path:
    """Clips of two classes; `name` holds `{c}` class, `{k}` clip and `{t}` frame."""
    rng = np.random.default_rng(seed)
    for k in range(each * 2):
        look = np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((8, 8, 1)))
        for t in range(frames):
            if not alike:
                look = np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((8, 8, 1)))
            path = root / name.format(c=CLASSES[k % 2], k=f"{k:02d}", t=f"{t:03d}")
            path.parent.mkdir(parents=True, exist_ok=True)
            _frame(look, rng).save(path)
    return root


def _profile(root: Path):
    return profiling.profile(DataView(kind="images", file=str(root)))


@pytest.mark.parametrize(("name", "column"), [("{c}/clip{k}_{t}.png", "name"), ("{c}/scene {k}/{t}.png", "folder"), ("{c}/p{k}-left-{t}-x.png", "name")])
def test_frames_of_clips_are_found_and_whole_clips_proposed(tmp_path, name, column):
    found = _profile(_clips(tmp_path, name))
    assert (found.policy.value, found.group_columns) == ("grouped", [column])
    assert all(len(row) == len(found.columns) + 1 and row[-1].endswith(".png") and row[-2] in row[-1] for row in found.preview if column != "name" or "left" not in name)
    assert "belong together" in found.policy.reason and next(c for c in found.columns if c.name == column).distinct == 12


def test_names_without_alike_pictures_propose_nothing(tmp_path):
    found = _profile(_clips(tmp_path, "{c}/set{k}_{t}.png", alike=False))
    assert found.policy.value == "stratified" and found.group_columns == ["name"]  # offered, not recommended


def test_ordinary_folders_have_no_groups(tmp_path):
    assert _profile(shapes(tmp_path, each=20)).group_columns == []


def test_too_few_clips_of_a_class_are_said_and_not_split_whole(tmp_path):
    found = _profile(_clips(tmp_path, "{c}/clip{k}_{t}.png", each=3, frames=10))
    assert found.policy.value == "stratified" and any("'cat' has 3 of them" in n for n in found.notes)


def test_a_column_of_a_list_says_who_belongs_together(tmp_path):
    _clips(tmp_path / "pictures", "{c}{k}{t}.png", alike=False)
    names = sorted(p.name for p in (tmp_path / "pictures").iterdir())
    rows = [f"pictures/{n},{n[:3]},{n[3:5]},{n[5:8]}" for n in names]
    (tmp_path / "list.csv").write_text("file,species,patient_id,frame\n" + "\n".join(rows) + "\n")
    listing = files.scan(tmp_path / "list.csv")
    assert listing.more == ("patient_id", "frame") and len(set(grouping.ids_of(listing, "patient_id"))) == 12
    found = _profile(tmp_path / "list.csv")
    assert found.policy.value == "grouped" and found.group_columns[0] == "patient_id"


def test_whole_clips_stay_in_one_part_and_in_one_fold(tmp_path):
    jobs = project(tmp_path / "p", _clips(tmp_path / "d", "{c}/clip{k}_{t}.png"))
    split = jobs.split(policy="grouped", group="name", test_share=0.2, folds=3)
    assert next(f for f in split.findings if f.check == "groups-across-parts").severity == "pass"
    assert split.parts["test"].rows % 6 == 0 and split.parts["test"].clusters == split.parts["test"].rows // 6
    with Project.open(jobs.folder, read_only=True) as opened:
        dev = development.load(opened, jobs.data)
    clip = np.array([Path(p).name[:6] for p in dev.table["path"].to_list()])
    assert all(len(np.unique(dev.folds[clip == c])) == 1 for c in np.unique(clip))
    assert len(np.unique(dev.groups)) == len(np.unique(clip))  # intervals count clips, not frames


def test_clips_in_two_parts_are_told_when_nobody_asked_for_whole_ones(tmp_path):
    jobs = project(tmp_path / "p", _clips(tmp_path / "d", "{c}/clip{k}_{t}.png"))
    told = next(f for f in jobs.split(folds=0, test_share=0.2, validation_share=0.2).findings if f.check == "groups-across-parts")
    assert told.severity == "warn" and told.columns == ["name"] and {r.action for r in told.remedies} == {"group-split", "accept"}


def test_random_names_that_look_like_groups_are_not_told(tmp_path):
    jobs = project(tmp_path / "p", _clips(tmp_path / "d", "{c}/set{k}_{t}.png", alike=False))
    assert not [f for f in jobs.split(folds=0, test_share=0.2, validation_share=0.2).findings if f.check == "groups-across-parts"]


def test_a_grouped_split_without_groups_is_refused_in_words(tmp_path, capsys):
    jobs = project(tmp_path / "p", shapes(tmp_path / "d", each=10))
    jobs.run("split", code=2, phase="data", policy="grouped", group="camera")
    assert "no groups are named" in capsys.readouterr().err


def test_a_project_of_clips_goes_all_the_way(tmp_path):
    jobs = project(tmp_path / "p", _clips(tmp_path / "d", "{c}/clip{k}_{t}.png"))
    jobs.split(policy="grouped", group="name", folds=0, test_share=0.25, validation_share=0.25)
    fit = jobs.run("fit", config=small(epochs=1).model_dump())
    assert fit.model.validation.method.endswith("clustered")
    looked = jobs.run("open_vault", phase="verify", model=fit.model.ref, freeze="f" * 8, target=0.5, reason="")
    assert looked.test.method.endswith("clustered")
    judged = jobs.run("field", phase="field", model=fit.model.ref, file=str(_clips(tmp_path / "new", "{c}/clip{k}_{t}.png", seed=9)), name="new")
    assert judged.rows == 72 and judged.judged == 72


def test_a_damaged_table_of_pictures_is_named(tmp_path, capsys):
    jobs = project(tmp_path / "p", shapes(tmp_path / "d", each=10))
    jobs.split(folds=0)
    (jobs.folder / "splits" / "pictures.arrow").write_bytes(b"ARROW1 cut off")
    jobs.run("checks", code=1, phase="data")
    assert "splits/pictures.arrow cannot be read" in capsys.readouterr().err
