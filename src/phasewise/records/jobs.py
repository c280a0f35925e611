"""Jobs: work for the engine process. A job is complete: with the project folder it can run on any machine."""

import functools
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from phasewise.records.base import Record
from phasewise.records.models import ModelConfig


class _Job(Record):
    phase: str
    title: str = ""
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = None
    """Torch and OpenMP threads; None lets the worker choose and record."""
    inputs: dict[str, str] = Field(default_factory=dict)
    """Name -> fingerprint of everything the result depends on (answers `phase.field`, evidence `evidence:<job>`, `file:<name>`)."""


class DataView(Record):
    """What every job after the split needs to read the development rows the same way."""

    kind: str
    file: str
    target: str = ""
    task: Literal["binary", "multiclass", "regression"] | None = None
    positive: str | None = None
    roles: dict[str, str] = Field(default_factory=dict)
    remedies: dict[str, str] = Field(default_factory=dict)
    """Finding id -> action, replayed in order on every later file."""
    relabel: dict[str, str] = Field(default_factory=dict)
    reading: dict[str, Any] = Field(default_factory=dict)
    """`delimiter`, `encoding`, image size and so on."""
    metric: str = ""
    folds: int = 0
    real_prior: dict[str, float] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)


class ProfileJob(_Job):
    """Read the file(s), propose kind, target, roles; summarise every column."""

    kind: Literal["profile"] = "profile"
    data: DataView


class SplitJob(_Job):
    """Split, seal the test rows, check the split on counts only."""

    kind: Literal["split"] = "split"
    data: DataView
    policy: Literal["random", "stratified", "grouped", "time", "file"]
    claim: str = "new_rows"
    group: str | None = None
    time: str | None = None
    gap: float = 0.0
    test_share: float | None = None
    validation_share: float | None = None
    folds: int | None = None
    test_file: str | None = None
    split_file: str | None = None
    generation: int = 1
    reason: str = ""
    """Why parts are drawn again after models were scored on them (checks.md section 7)."""


class ChecksJob(_Job):
    """Run the data checks on the development rows."""

    kind: Literal["checks"] = "checks"
    data: DataView
    only: list[str] = Field(default_factory=list)
    options: dict[str, Any] = Field(default_factory=dict)


class BaselinesJob(_Job):
    """Dummy and scikit-learn baselines on the same rows and folds as the networks, and the need-DL verdict."""

    kind: Literal["baselines"] = "baselines"
    data: DataView
    models: list[str]
    target: float | None = None
    proposed: bool = False
    """The target was proposed by Phasewise and nobody chose it."""


class CheckupJob(_Job):
    """Network check-up of the smallest network (B03-B05, V01)."""

    kind: Literal["checkup"] = "checkup"
    data: DataView
    config: ModelConfig
    subset: int | None = None


class FindLrJob(_Job):
    """LR finder, several sweeps as one population (T01-T03)."""

    kind: Literal["find_lr"] = "find_lr"
    data: DataView
    config: ModelConfig
    sweeps: int = 5
    lo: float = 1e-7
    hi: float = 10.0
    points: int = 100
    usual: float | None = None  # the rate asked for or known for the family: the stability probe trains at the rate that will be used


class PreviewJob(_Job):
    """What the augmentation of a config makes of training pictures, before anything is trained on them (R11)."""

    kind: Literal["preview"] = "preview"
    data: DataView
    config: ModelConfig
    judge: str = ""
    """A network trained without augmentation that says whether the pictures are still recognised: `<run-id>/<name>`."""


class FitJob(_Job):
    """Fit one config with one or more seeds (members); folds are members too."""

    kind: Literal["fit"] = "fit"
    data: DataView
    config: ModelConfig
    seeds: list[int] = Field(default_factory=lambda: [0])
    role: Literal["smallest", "train", "final", "rung", "control"] = "train"
    reuse_lr: bool = False
    """Take the LR of the finder evidence instead of the config's."""
    watch: bool = True
    goal: float | None = None
    """The target of the project, for the diagnosis; None lets the worker look at the answers."""
    reference: float | None = None
    """Best baseline's validation value, the stand-in for a goal where none is set."""


class LadderJob(_Job):
    """Step-3 ladder (L03): rungs with before and after, stopping at the goal."""

    kind: Literal["ladder"] = "ladder"
    data: DataView
    config: ModelConfig
    goal: float | None = None
    rungs: list[str] = Field(default_factory=list)


class MinimalJob(_Job):
    """Minimal-model ladder (B06): a config made simple, one simplification undone per run, until a run gets worse."""

    kind: Literal["minimal"] = "minimal"
    data: DataView
    config: ModelConfig
    subset: int | None = None
    """Rows on which the network already learns (B02), or None for a sixteenth of the training rows."""
    seeds: list[int] = Field(default_factory=lambda: [0, 1, 2, 3, 4])


class TrySpec(Record):
    """One idea to try: a config diff against the incumbent."""

    id: str
    title: str = ""
    change: dict[str, Any] = Field(default_factory=dict)


class TryIdeasJob(_Job):
    """Incumbent and ideas side by side over the same seeds (paired), as one population where the change allows (B07, V10, I11)."""

    kind: Literal["try_ideas"] = "try_ideas"
    data: DataView
    config: ModelConfig
    ideas: list[TrySpec]
    seeds: list[int]
    margin: float = 0.0
    more_seeds: list[int] = Field(default_factory=list)
    """Seeds of a second stage for ideas that look promising but are undecided after the first; empty: one stage."""
    more_ideas: int = 0
    """How many ideas may have the second stage at most (the budget)."""


class SearchJob(_Job):
    """Random, learned or sequential search with successive halving (T19-T22)."""

    kind: Literal["search"] = "search"
    data: DataView
    config: ModelConfig
    space: dict[str, Any] = Field(default_factory=dict)
    trials: int = 24
    halving: bool = True
    mode: Literal["random", "learned", "sequential", "layers"] = "random"
    objective: Literal["validation", "train"] = "validation"


class AblateJob(_Job):
    """Remove components one at a time and cumulatively (V10)."""

    kind: Literal["ablate"] = "ablate"
    data: DataView
    config: ModelConfig
    components: list[TrySpec]
    seeds: list[int]
    prune: bool = False
    """A prune round (I10): components are whole ideas (several settings each), and those that no longer pay are removed together."""


class InspectJob(_Job):
    """Slices, gallery, confusion, calibration, importance, learning curve of a model (V04-V09, R16, D16)."""

    kind: Literal["inspect"] = "inspect"
    data: DataView
    model: str
    """Model reference `<run-id>/<name>`."""
    parts: list[str] = Field(default_factory=lambda: ["findings", "slices", "gallery", "confusion", "calibration", "importance"])
    evaluations: int = 1
    """How many validation scores the choice of this model rests on (K of E04)."""
    shared_luck: float = 0.0
    """How much of their luck candidates share."""
    seeds: list[float] = Field(default_factory=list)
    """The metric over seeds, where the model was tried over several."""
    base_seeds: list[float] = Field(default_factory=list)
    """The same of what it replaced, seed by seed."""


class CombineJob(_Job):
    """Ensembles of trained models (X03-X07)."""

    kind: Literal["combine"] = "combine"
    data: DataView
    config: ModelConfig | None = None
    members: int = 5
    models: list[str] = Field(default_factory=list)
    methods: list[str] = Field(default_factory=lambda: ["average", "weighted", "vote"])
    options: dict[str, Any] = Field(default_factory=dict)


class PruneJob(_Job):
    """Prune, fine-tune, compare with training the small network from scratch (X09-X11)."""

    kind: Literal["prune"] = "prune"
    data: DataView
    model: str
    options: dict[str, Any] = Field(default_factory=dict)


class OpenVaultJob(_Job):
    """One look at the sealed test set with a frozen candidate (E01, E02)."""

    kind: Literal["open_vault"] = "open_vault"
    data: DataView
    model: str
    freeze: str
    """Digest of the frozen candidate: model files, recipe, threshold, claim."""
    claim: Literal["target", "better_than_baseline"] = "target"
    target: float | None = None
    margin: float = 0.0
    baselines: list[str] = Field(default_factory=list)
    rival: str = ""
    """The baseline the claim must beat; empty: the best of them on the sealed rows."""
    predicted: float | None = None
    expected: float | None = None
    """What the person was told to expect before the look: validation less luck."""
    foreseen: tuple[float, float] | None = None
    """The 95 % interval for the sealed score that was shown with it."""
    reason: str = ""
    evaluations: int = 1
    """K: validation evaluations so far."""
    changes: list[str] = Field(default_factory=list)
    """What changed since the look before (7.7)."""


class FieldJob(_Job):
    """New rows through the frozen model: contract, drift, score (E05-E07)."""

    kind: Literal["field"] = "field"
    data: DataView
    model: str
    file: str
    name: str
    target: float | None = None


class FeedJob(_Job):
    """New labelled rows: a candidate trained on old and new rows, promoted only when it is better on new and not worse on old ones (X14)."""

    kind: Literal["feed"] = "feed"
    data: DataView
    model: str
    """The incumbent: the model that is in service."""
    file: str
    name: str
    earlier: list[str] = Field(default_factory=list)
    """Files fed before whose rows belong to the training pool."""
    forget: float = 0.01
    """Points of the metric (of the incumbent's error where errors are minimised) the candidate may lose on the old validation rows."""
    seeds: int = Field(1, ge=1, le=64)
    """Networks are trained with so many seeds side by side; the one in the middle stands for them."""


class RenewJob(_Job):
    """New validation and test sets from real cases after the field disagreed: the old test is burnt, the next generation is made ready to be sealed (7.8)."""

    kind: Literal["renew"] = "renew"
    data: DataView
    file: str
    """Labelled real cases."""
    test_file: str | None = None
    """The external test file of the generation that ends."""
    generation: int
    reason: str


class PredictJob(_Job):
    """Predictions for a file of new rows."""

    kind: Literal["predict"] = "predict"
    data: DataView
    model: str
    file: str
    output: str
    sets: bool = False
    """Whether lines also name the interval or the classes that hold the truth nine times in ten."""


class ExportJob(_Job):
    """Export a model with a parity check (X13)."""

    kind: Literal["export"] = "export"
    data: DataView
    model: str
    formats: list[str]
    output: str = "export"


Job = Annotated[
    ProfileJob | SplitJob | ChecksJob | BaselinesJob | CheckupJob | FindLrJob | PreviewJob | FitJob | LadderJob | MinimalJob | TryIdeasJob
    | SearchJob | AblateJob | InspectJob | CombineJob | PruneJob | OpenVaultJob | FieldJob | FeedJob | RenewJob | PredictJob | ExportJob,
    Field(discriminator="kind"),
]


@functools.cache
def _adapter() -> TypeAdapter[Any]:
    """Made when the first job is read: it builds the validators of all kinds."""
    return TypeAdapter(Job)


def parse_job(data: bytes | str | dict[str, Any]) -> Any:
    """A job from JSON text or an object."""
    return _adapter().validate_python(data) if isinstance(data, dict) else _adapter().validate_json(data)
