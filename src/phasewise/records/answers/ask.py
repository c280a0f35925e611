"""One declaration of a question; page, flag, plain prompt, JSON schema and answers file are derived from it.

Texts (question, hint, why, source) live in `content/questions.toml` under `<phase>.<field>`; this holds what code needs.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo


def ask(
    default: Any = None,
    *,
    flag: str = "",
    unit: str = "",
    advanced: bool = False,
    asked_when: str = "",
    choices_from: str = "",
    widget: str = "",
    order: int = 100,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    kinds: Sequence[str] = (),
    tables_only: Sequence[str] = (),
    example: Any = None,
) -> Any:
    """A pydantic field with the metadata of a question.

    `default` None means "take the recommendation", computed by the phase with its reason.
    `asked_when` is `"<phase>.<field>=<value>[|<value>...]"` or `"<phase>.<field>"` (truthy): else the question is hidden.
    `choices_from` names a list the session supplies (`columns`, `targets`, `metrics`, `baselines`, `runs`, ...).
    `widget` overrides the widget derived from the type: `path`, `column`, `columns`, `text`, `confirm`, `hidden`.
    `example` is a sensible value where the default is none; errors name it as what to type instead.
    `kinds` limits the question to data kinds; `tables_only` names choices that tables alone have. `flag` overrides the derived `--phase-field` spelling.
    """
    extra = {
        "flag": flag,
        "unit": unit,
        "advanced": advanced,
        "asked_when": asked_when,
        "choices_from": choices_from,
        "widget": widget,
        "order": order,
        "kinds": list(kinds),
        "tables_only": list(tables_only),
        "example": example,
    }
    return Field(default, ge=ge, gt=gt, le=le, lt=lt, json_schema_extra={"ask": extra})


class PhaseAnswers(BaseModel):
    """The answers of one phase; every field has a default, None meaning "as recommended"."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, allow_inf_nan=False, defer_build=True)


def question_meta(field: FieldInfo) -> dict[str, Any]:
    """The `ask` metadata of a field."""
    extra = field.json_schema_extra
    return dict(extra.get("ask", {})) if isinstance(extra, dict) else {}
