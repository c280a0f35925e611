"""Questions derived from the answer models and the content texts: one declaration, five faces."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from phasewise import content
from phasewise.records.answers import ANSWERS, question_meta
from phasewise.records.text import safe_text
from phasewise.workflow.phases import REGISTRY
from phasewise.workflow.values import default, plain_type
from phasewise.workflow.words import Recommendation, Source

Type = Literal["bool", "int", "float", "text", "choice", "choices", "list", "map", "path", "paths", "column"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question as a page, a prompt or a schema shows it."""

    phase: str
    name: str
    text: str
    hint: str = ""
    why: str = ""
    source_text: str = ""
    """Requirement row or paper behind the question."""
    type: Type
    widget: str = ""
    choices: list[tuple[str, str]] = field(default_factory=list)
    """Value and label; empty for free values."""
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    unit: str = ""
    advanced: bool = False
    visible: bool = True
    required: bool = False
    optional: bool = True
    """Whether "none" is an answer."""
    locked: str = ""
    """Why it can no longer be changed; empty while it can."""
    flag: str = ""
    value: Any = None
    source: Source = "default"
    default: Any = None
    recommendation: Recommendation | None = None

    @property
    def key(self) -> str:
        """`phase.field`."""
        return f"{self.phase}.{self.name}"


def asked(view: Any, phase: str, name: str, meta: dict[str, Any]) -> bool:
    """Whether a question applies: the kind is right and `asked_when` holds."""
    kinds = meta.get("kinds") or []
    if kinds and view.kind not in kinds:
        return False
    rule = meta.get("asked_when") or ""
    if not rule:
        return True
    key, _, wanted = rule.partition("=")
    value = view.value(key)
    return str(value) in wanted.split("|") if wanted else bool(value)


def build(session: Any, phase: str) -> list[Question]:
    """All questions of a phase in order, hidden ones included (`visible` False)."""
    view, rules = session.view, REGISTRY[phase]
    locked = rules.locked_fields(view)
    out = []
    for name, info in ANSWERS[phase].model_fields.items():
        meta = question_meta(info)
        texts = content.question(f"{phase}.{name}", view.kind or "")
        kind = plain_type(phase, name)
        bounds = {type(m): m for m in info.metadata}
        value, source = session.book.lookup(phase, name)
        low, high = bounds.get(Ge) or bounds.get(Gt), bounds.get(Le) or bounds.get(Lt)
        out.append((meta.get("order", 100), Question(
            phase=phase, name=name, text=texts.question, hint=texts.hint, why=texts.why or content.text(f"why/{phase}.{name}"),
            source_text=content.cited(texts.source) or "a rule of practice", type=_type(kind, meta), widget=meta.get("widget", ""),
            choices=_choices(view, rules, kind, meta, texts.labels or {}),
            low=getattr(low, "ge", getattr(low, "gt", None)), high=getattr(high, "le", getattr(high, "lt", None)),
            low_open=isinstance(low, Gt), high_open=isinstance(high, Lt), unit=meta.get("unit", ""), advanced=bool(meta.get("advanced")),
            visible=meta.get("widget") != "hidden" and asked(view, phase, name, meta), required=name in rules.required,
            optional=kind is not info.annotation, locked=locked.get(name, ""), flag=meta.get("flag") or f"--set {phase}.{name}=",
            value=value, source=source, default=default(phase, name), recommendation=_plain(session.book.recommendation(phase, name)),
        )))
    return [q for _, q in sorted(out, key=lambda pair: pair[0])]


def _plain(advice: Recommendation | None) -> Recommendation | None:
    return advice and replace(advice, reason=content.plainly(advice.reason))


def _type(kind: Any, meta: dict[str, Any]) -> Type:
    origin = get_origin(kind)
    if meta.get("widget") == "path":
        return "paths" if origin is list else "path"
    if meta.get("widget") == "column":
        return "column"
    if origin is Literal:
        return "choice"
    if origin is list:
        return "choices" if get_origin(get_args(kind)[0]) is Literal or meta.get("choices_from") else "list"
    if origin is dict:
        return "map"
    if meta.get("choices_from"):
        return "choice"
    return {bool: "bool", int: "int", float: "float"}.get(kind, "text")  # type: ignore[return-value]


def _choices(view: Any, rules: Any, kind: Any, meta: dict[str, Any], labels: dict[str, str]) -> list[tuple[str, str]]:
    if get_origin(kind) is list:
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal:
        absent = meta.get("tables_only", ()) if view.kind not in ("", None, "tabular") else ()
        return [(str(v), labels.get(str(v), str(v).replace("_", " "))) for v in get_args(kind) if v not in absent]
    if meta.get("choices_from"):
        pairs = rules.choices(view, meta["choices_from"]) or []
        return [(value, safe_text(labels.get(value, label), 80)) for value, label in pairs]
    return []
