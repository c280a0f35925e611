"""Phase 2: is the data fit for it? (D01-D21, T01-T27 of checks.md)"""

from typing import Any

from phasewise.kinds.registry import propose
from phasewise.records.jobs import ChecksJob, ProfileJob, SplitJob
from phasewise.workflow.dev import data_view
from phasewise.workflow.labelling import fixes
from phasewise.workflow.phases.base import Phase
from phasewise.workflow.steps import Step
from phasewise.workflow.words import GateItem, Problem, Recommendation

SMALL = 1000
"""Below this many rows one validation part says too little: folds instead (checks.md 7.3)."""
TEST_ROWS = 1500
"""Rows that put the 95 % half width of an accuracy near 2 points."""
_POSITIVE = ("1", "true", "yes", "y", "positive", "pos", "1.0")


def _profile_job(view: Any) -> ProfileJob:
    return ProfileJob(phase="data", title="Read the data", data=data_view(view, remedies=False, before_split=True))


def _settle_profile(job: ProfileJob, result: Any) -> dict[str, Any]:
    return {"data.target": job.data.target or result.target or None, "data.kind": result.kind}


def _split_job(view: Any) -> SplitJob:
    keys = ("group", "time", "test_share", "validation_share", "folds", "seed")
    answers = {k: view.value(f"data.{k}") for k in keys}
    if view.value("data.policy") != "grouped":  # a column that merely may name groups is measured by the checks; it binds no split that nobody asked for
        answers["group"] = view.explicit("data.group")
    files = {k: str(view.files.path(v)) if (v := view.value(f"data.{k}")) else None for k in ("test_file", "split_file")}
    return SplitJob(
        phase="data", title="Split and seal", data=data_view(view, remedies=False), policy=view.value("data.policy") or "random",
        claim=view.value("goals.claim") or "new_rows", gap=view.value("data.gap") or 0.0, generation=view.facts.generation, reason=_again(view), **answers, **files,
    )


def _again(view: Any) -> str:
    """The reason of a reopening that came after the last split, or nothing."""
    before, found = view.facts.evidence.by_slot.get("split"), view.facts.reopened.get("data")
    return found[1] if found and before and found[0] > before[-1].seq else ""


def _checks_job(view: Any) -> ChecksJob:
    return ChecksJob(phase="data", title="Check the data", data=data_view(view, remedies=False))


PROFILE = Step(
    slot="profile", phase="data", title="Read the data", build=_profile_job, settle=_settle_profile,
    answers=("data.target", "data.kind", "data.delimiter", "data.encoding"), files=("data.file",),
)
SPLIT = Step(
    slot="split", phase="data", title="Split and seal", build=_split_job, evidence=("profile",), files=("data.test_file", "data.split_file"),
    answers=(
        "data.task", "data.policy", "data.group", "data.time", "data.gap", "data.test_share", "data.validation_share",
        "data.folds", "data.seed", "goals.claim",
    ),
    extra=lambda view: {"split_remedies": repr(sorted(data_view(view, remedies=False, before_split=True).remedies.items()))} | ({"generation": str(view.facts.generation)} if view.facts.generation > 1 else {}) | ({"declared": repr(sorted(view.value("data.declared_classes")))} if view.value("data.declared_classes") else {}),
)
CHECKS = Step(
    slot="checks", phase="data", title="Check the data", build=_checks_job, evidence=("split",),
    answers=("data.positive", "data.roles", "data.declared_classes", "goals.metric"),
)


class Data(Phase):
    """Profile, split with sealed test rows, checks with remedies."""

    id = "data"
    advice_from = ("profile",)
    required = ("file",)

    def steps(self) -> tuple[Step, ...]:
        """Read, seal, check: the checks never see a test row."""
        return (PROFILE, SPLIT, CHECKS)

    def next_job(self, view: Any) -> Any:
        """As the steps say; sealing waits until the split's answers hold together."""
        if not view.value("data.file"):
            return None
        job = super().next_job(view)
        return job if job is None or job.kind == "profile" or not self.problems(view) else None

    def recommend(self, view: Any) -> dict[str, Recommendation]:
        """What the profile found, with its reasons."""
        profile = view.profile()
        if profile is None:
            found = propose(view.files.path(view.value("data.file"))) if view.value("data.file") else None
            return {"kind": Recommendation(value=found.value, reason=f"{found.reason[:1].upper()}{found.reason[1:]}.")} if found else {}
        out = {"kind": Recommendation(value=profile.kind, reason=str(profile.facts.get("kind_reason", "From the files themselves.")))}
        target = view.explicit("data.target")
        if profile.targets:
            out["target"] = Recommendation(value=profile.targets[0].value, reason=profile.targets[0].reason)
            target = target or profile.targets[0].value
        if profile.task and target in (None, profile.target):
            out["task"] = Recommendation(value=profile.task, reason=_task_reason(profile))
            if profile.task == "binary" and (positive := _positive(profile)):
                out["positive"] = positive
        out |= _policy(view, profile) | _shares(profile, "pictures" if profile.kind == "images" else "rows")
        return out

    def problems(self, view: Any) -> list[Problem]:
        """Columns must exist, a grouped split needs its group, a timed one its time."""
        out: list[Problem] = []
        profile = view.profile()
        if not view.value("data.file"):
            return [Problem(phase="data", field="file", message="No data file is named.", remedy="Give a CSV or Parquet file (or a folder of images).")]
        target = view.value("data.target")
        if not target and view.kind == "tabular" and profile is not None:
            out.append(Problem(phase="data", field="target", message="No column to predict is named.", remedy="Name the target column."))
        names = [c.name for c in profile.columns] if profile is not None else []
        for field in ("target", "group", "time"):
            value = view.value(f"data.{field}")
            if value and names and value not in names and not (view.kind == "images" and (field, value) == ("target", "folder")):
                out.append(Problem(phase="data", field=field, message=f"There is no column {value!r}.", remedy=_nearest(value, names)))
        policy = view.value("data.policy")
        if policy == "grouped" and not view.value("data.group"):
            out.append(Problem(phase="data", field="group", message="A grouped split needs a group column.", remedy="Name the column whose rows belong together."))
        if policy == "time" and not view.value("data.time"):
            out.append(Problem(phase="data", field="time", message="A split by time needs a time column.", remedy="Name the date or time column."))
        given = view.kind == "images" and profile is not None and profile.facts.get("parts") not in (None, "none")
        if policy == "file" and not given and not (view.value("data.split_file") or view.value("data.test_file")):
            out.append(Problem(phase="data", field="split_file", message="A split by file needs a file.", remedy="Name a split file or a test file."))
        if (view.value("data.test_share") or 0) + (view.value("data.validation_share") or 0) >= 0.95:
            out.append(Problem(phase="data", field="test_share", message="Test and validation leave no rows to train on.", remedy="Lower one of the shares."))
        return out

    def gate(self, view: Any) -> list[GateItem]:
        """Test rows sealed, checks run, every blocking finding answered."""
        split, checks = view.current("split"), view.current("checks")
        sealed = f"{split.parts['test'].rows:,} test rows sealed" if split and "test" in split.parts else "test rows sealed"
        items = [
            GateItem(id="sealed", ok=split is not None, text=sealed, overridable=False),
            GateItem(id="checked", ok=checks is not None, text="the data is checked", overridable=False),
        ]
        chosen = view.value("data.remedies") or {}
        for finding in findings(view):
            if finding.severity == "block":
                remedy = str(chosen.get(finding.id, "")).partition("?")[0]
                text = f"{finding.title}: {remedy}" if remedy else finding.title
                ways = ", ".join(r.action for r in finding.remedies)
                items.append(GateItem(id=f"finding:{finding.id}", ok=bool(remedy), text=text, remedy=f"Choose a remedy ({ways})." if ways else "Give a reason to go on."))
        return items

    def choices(self, view: Any, name: str) -> list[tuple[str, str]] | None:
        """Columns with their roles, kinds, classes."""
        profile = view.profile()
        if name == "groups" and profile is not None and profile.kind == "images":
            return [(c.name, f"{c.name}: {c.reason}") for c in profile.columns if c.name in profile.group_columns]
        if name in ("columns", "targets", "groups"):
            shown = [c for c in profile.columns if profile.kind != "images" or c.name == profile.target] if profile else []  # facts of a picture are no classes
            return [(c.name, f"{c.name} ({c.role})") for c in shown]
        if name == "classes":
            return [(b.label, f"{b.label} ({b.count:,})") for b in profile.classes] if profile else []
        if name == "kinds":
            return [("tabular", "a table"), ("images", "a folder of images")]
        return None

    def summary(self, view: Any) -> str:
        """Rows of each part and what the checks said."""
        split, checks = view.latest("split"), view.latest("checks")
        if split is None:
            profile = view.profile()
            return f"{profile.rows:,} rows, {len(profile.columns)} columns" if profile else "no data yet"
        rows = ", ".join(f"{part.rows:,} {name}" for name, part in split.parts.items() if part.rows)
        found = {f.id: f.severity for f in findings(view) if f.severity in ("block", "warn")}
        answered = (view.value("data.remedies") or {}).keys() | view.facts.remedies.keys()
        warns = sum(s == "warn" for s in found.values())
        left = len(found.keys() - answered)
        blocks = len(found) - warns
        counted = ", ".join([f"{blocks} blocking"] * bool(blocks) + [f"{warns} warning{'s' if warns != 1 else ''}"] * bool(warns)) or "no warnings"
        state = "" if not found else ", answered" if not left else f", {left} open"  # short: it shares one line of 80 cells with the rows
        fixed = len(fixes(view))
        labels = f"; {fixed} label{'s' if fixed != 1 else ''} corrected" if fixed else ""
        return f"{rows}; {counted}{state}{labels}" if checks else rows


def findings(view: Any) -> list[Any]:
    """Findings of split and checks, worst and most harmful first."""
    from phasewise.records.findings import SEVERITY_ORDER

    found: dict[str, Any] = {}
    for slot in ("split", "checks"):  # what both look at is said once, by the one that has a remedy for it
        for f in (r.findings if (r := view.latest(slot)) is not None else []):
            if f.id not in found or len(f.remedies) > len(found[f.id].remedies):
                found[f.id] = f
    return sorted(found.values(), key=lambda f: (SEVERITY_ORDER[f.severity], -f.harm, f.id))


def _nearest(value: str, names: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(value, names, n=1, cutoff=0.4)
    return f"Did you mean {near[0]!r}?" if near else f"Columns: {', '.join(names[:12])}."


def _task_reason(profile: Any) -> str:
    if "--set data.task=" in (said := next((n for n in profile.notes if n.startswith("task ")), "")):  # either task fits: the choice is the person's
        return f"{said.partition(': ')[2][:1].upper()}{said.partition(': ')[2][1:]}."
    if profile.task == "regression":
        return f"{profile.target!r} holds many different numbers."
    return f"{profile.target!r} has {len(profile.classes)} classes."


def _positive(profile: Any) -> Recommendation | None:
    if len(profile.classes) != 2:
        return None
    for item in profile.classes:
        if item.label.strip().lower() in _POSITIVE:
            return Recommendation(value=item.label, reason="It is the label that says yes.")
    rare = min(profile.classes, key=lambda b: (b.count, b.label))
    return Recommendation(value=rare.label, reason="It is the rarer class.")


def _said(reason: str) -> str:
    """A reason as a sentence."""
    return f"{reason[:1].upper()}{reason[1:]}."


def _policy(view: Any, profile: Any) -> dict[str, Recommendation]:
    out: dict[str, Recommendation] = {}
    claim = view.value("goals.claim")
    if view.explicit("data.split_file"):
        out["policy"] = Recommendation(value="file", reason="A split file is given.")
    elif claim == "later_time" and profile.time_columns:
        out["policy"] = Recommendation(value="time", reason=f"The claim is about later time; {profile.time_columns[0]!r} orders the rows.")
    elif claim == "new_groups" and profile.group_columns and not (profile.policy and profile.policy.value == "grouped"):
        out["policy"] = Recommendation(value="grouped", reason=f"The claim is about new groups; {profile.group_columns[0]!r} names them.")
    elif profile.policy:
        out["policy"] = Recommendation(value=profile.policy.value, reason=profile.policy.reason)
    if profile.group_columns:
        out["group"] = Recommendation(value=profile.group_columns[0], reason="Rows that share it look related." if profile.kind != "images" else _said(next((c.reason for c in profile.columns if c.name == profile.group_columns[0]), "")))
    if profile.time_columns:
        out["time"] = Recommendation(value=profile.time_columns[0], reason="It holds dates or times.")
    return out


def _shares(profile: Any, noun: str) -> dict[str, Recommendation]:
    rows = max(profile.rows, 1)
    if rows < SMALL:
        why = f"Only {rows:,} {noun}: 20 % sealed and folds in place of one validation part."
        return {
            "test_share": Recommendation(value=0.2, reason=why),
            "validation_share": Recommendation(value=0.0, reason=why),
            "folds": Recommendation(value=5, reason=why),
        }
    share = round(min(0.25, max(0.1, TEST_ROWS / rows)), 2)
    return {
        "test_share": Recommendation(value=share, reason=f"About {round(share * rows):,} test {noun}: an interval near 2 points either way."),
        "validation_share": Recommendation(value=0.2, reason=f"Enough {noun} for one validation part."),
        "folds": Recommendation(value=0, reason=f"Enough {noun} for one validation part: no folds needed."),
    }
