"""What a phase may see of a project: effective answers, evidence, the kind's recipe, and fingerprints of all of them."""

from dataclasses import replace
from typing import Any

from phasewise.records.base import fingerprint
from phasewise.records.metrics import METRICS, Metric
from phasewise.workflow.answerbook import AnswerBook
from phasewise.workflow.evidence import Evidence, key_of
from phasewise.workflow.facts import Facts
from phasewise.workflow.files import FileIds
from phasewise.workflow.steps import Step
from phasewise.workflow.values import change_said, counting, default, split_key

PROFILE_KEYS = ("data.delimiter", "data.encoding")


class ProjectView:
    """A consistent look at one project; cached values live as long as the view, the session makes a new one after each change."""

    def __init__(self, *, answers: AnswerBook, facts: Facts, files: FileIds, steps: dict[str, Step], folder: Any, recipes: Any) -> None:
        self.book = answers
        self.facts = facts
        self.files = files
        self.steps = steps
        self.folder = folder
        self._recipes = recipes
        self._inputs: dict[str, dict[str, str]] = {}
        self._values: dict[str, Any] = {}

    # answers ------------------------------------------------------------------------------------------------

    def value(self, key: str) -> Any:
        """The effective value of `phase.field`."""
        if key not in self._values:
            self._values[key] = self.book.value(*split_key(key))
        return self._values[key]

    def explicit(self, key: str) -> Any:
        """What a person decided for `phase.field`, or None; the only way recommendations may read their own phase."""
        return self.book.explicit(*split_key(key))

    @property
    def metric(self) -> Metric | None:
        """The metric of the goal, when there is one."""
        return METRICS.get(self.value("goals.metric") or "")

    @property
    def kind(self) -> str:
        """The data kind (`tabular` until something else is known)."""
        return self.value("data.kind") or "tabular"

    @property
    def recipe(self) -> Any:
        """The recipe of the data kind."""
        return self._recipes(self.kind)

    # evidence -----------------------------------------------------------------------------------------------

    def latest(self, slot: str) -> Any:
        """The newest result of a slot, stale or not, or None."""
        found = self.facts.evidence.latest(slot)
        return found.result if found else None

    def profile(self) -> Any:
        """The newest profile of the very file that is named now, or None."""
        name = self.explicit("data.file") or self._held("data", "file")
        if not name:
            return None
        want = {"file:data.file": self.files.identity(name)}
        want |= {key: fingerprint(self.explicit(key)) if self.explicit(key) is not None else None for key in PROFILE_KEYS}
        for item in reversed(self.facts.evidence.by_slot.get("profile", [])):
            if all(item.inputs.get(k) == v for k, v in want.items()):
                return item.result
        return None

    def _held(self, phase: str, name: str) -> Any:
        known = self.book.accepted(phase)
        return known.values.get(name) if known else None

    def inputs(self, slot: str) -> dict[str, str]:
        """The fingerprints a job of this slot would have if it ran now; computed from answers alone, whatever has run."""
        if slot not in self._inputs:
            step = self.steps[slot]
            # Answers at their default are left out, so that a question added later makes nothing stale by being there.
            told = {key: counting(key, self.value(key)) for key in step.answers}
            out = {key: fingerprint(value) for key, value in told.items() if value != default(*split_key(key))}
            out |= {f"file:{key}": self.files.identity(self.value(key)) for key in step.files}
            out |= {f"file:{key}": self.files.identity(self.value(key)) for key in step.code if self.value(key)}
            out |= {f"evidence:{s}": self.key(s) for s in step.evidence}
            if step.extra is not None:
                out |= step.extra(self)
            self._inputs[slot] = out
        return self._inputs[slot]

    def key(self, slot: str) -> str:
        """The identity that evidence of a slot has to have to count as current."""
        step = self.steps[slot]
        if not step.wanted(self):
            return "not wanted"
        return key_of(slot, self.inputs(slot))

    def evidence(self, slot: str) -> Evidence | None:
        """Evidence of a slot: the current one, else the newest with the reasons why it is stale, else None."""
        if slot not in self.steps:
            return self.facts.evidence.latest(slot)
        wanted = self.inputs(slot)
        found = self.facts.evidence.find(slot, wanted)
        if found is not None:
            return found
        old = self.facts.evidence.latest(slot)
        return replace(old, stale_because=tuple(self._reasons(old, wanted))) if old else None

    def current(self, slot: str) -> Any:
        """The result of a slot if nothing upstream has changed since, else None."""
        found = self.evidence(slot)
        return found.result if found and not found.stale else None

    def _reasons(self, old: Evidence, wanted: dict[str, str]) -> list[str]:
        out: list[str] = []
        for name in sorted(wanted.keys() | old.inputs.keys()):
            if wanted.get(name) == old.inputs.get(name):
                continue
            if name.startswith("file:"):
                out.append(f"the file of {name[5:]} changed")
            elif name.startswith("evidence:"):
                out += self._upstream(name[9:]) or [f"{name[9:]} was computed anew"]
            else:
                out.append(self._answer_reason(name, old.inputs.get(name), old.seq))
        return list(dict.fromkeys(out))

    def _upstream(self, slot: str) -> list[str]:
        """Why a slot, or what it stands for when it has no evidence of its own, is stale."""
        found = self.evidence(slot) if slot in self.steps else None
        if found is not None:
            return list(found.stale_because)
        return [reason for s in (self.steps[slot].evidence if slot in self.steps else ()) for reason in self._upstream(s)]

    def _answer_reason(self, name: str, old: str | None, seq: int) -> str:
        if name not in self._answer_names():
            return f"{name.replace('_', ' ')} changed"
        phase, field = split_key(name)
        now = counting(name, self.value(name))
        if old is None:
            return change_said(name, default(phase, field), now)
        past = (counting(name, v.get(field)) for _, p, v in reversed(self.facts.history) if p == phase)
        before = next((v for v in past if fingerprint(v) == old), None)
        return change_said(name, before, now) if before is not None else f"{name} changed"

    @staticmethod
    def _answer_names() -> set[str]:
        from phasewise.records.answers import ANSWERS

        return {f"{p}.{f}" for p, m in ANSWERS.items() for f in m.model_fields}
