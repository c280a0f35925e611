"""Results: what a job found, written as `result.json` and quoted whole in the journal; compact, no arrays of rows."""

from phasewise.records.results.baseline import BaselinesResult, CheckupResult, CheckVerdict, NeedVerdict
from phasewise.records.results.common import ModelRef, ModelResult, Score, Versus
from phasewise.records.results.data import (
    Bin,
    ChecksResult,
    ColumnSummary,
    FileIdentity,
    PartSummary,
    ProfileResult,
    Proposal,
    SplitResult,
)
from phasewise.records.results.train import (
    Diagnosis,
    FinderResult,
    FitResult,
    LadderResult,
    MinimalResult,
    PreviewResult,
    RungResult,
    Suggestion,
    UndoneRow,
)
from phasewise.records.results.tune import (
    AblateResult,
    CombineResult,
    Component,
    IdeaResult,
    InspectResult,
    PruneResult,
    SearchResult,
    SliceRow,
    TrialResult,
    TryIdeasResult,
)
from phasewise.records.results.verify import (
    DriftRow,
    ExportedFile,
    ExportResult,
    FeedResult,
    FieldResult,
    PairedRow,
    PredictResult,
    RenewResult,
    VerifyResult,
)

RESULTS = {
    "profile": ProfileResult,
    "split": SplitResult,
    "checks": ChecksResult,
    "baselines": BaselinesResult,
    "checkup": CheckupResult,
    "find_lr": FinderResult,
    "preview": PreviewResult,
    "fit": FitResult,
    "ladder": LadderResult,
    "minimal": MinimalResult,
    "try_ideas": TryIdeasResult,
    "search": SearchResult,
    "ablate": AblateResult,
    "inspect": InspectResult,
    "combine": CombineResult,
    "prune": PruneResult,
    "open_vault": VerifyResult,
    "field": FieldResult,
    "renew": RenewResult,
    "feed": FeedResult,
    "predict": PredictResult,
    "export": ExportResult,
}

__all__ = [
    "RESULTS", "AblateResult", "BaselinesResult", "Bin", "CheckVerdict", "ChecksResult", "CheckupResult", "ColumnSummary",
    "CombineResult", "Component", "Diagnosis", "DriftRow", "ExportResult", "ExportedFile", "FeedResult", "FieldResult", "FileIdentity",
    "FinderResult", "FitResult", "IdeaResult", "InspectResult", "LadderResult", "MinimalResult", "ModelRef", "ModelResult", "NeedVerdict",
    "PairedRow", "PartSummary", "PredictResult", "PreviewResult", "ProfileResult", "Proposal", "PruneResult", "RenewResult", "RungResult", "Score",
    "SearchResult", "SliceRow", "SplitResult", "Suggestion", "TrialResult", "TryIdeasResult", "UndoneRow", "VerifyResult",
    "Versus",
]
