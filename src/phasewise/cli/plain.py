"""The same questions line by line: for screen readers, bad terminals and pipes."""

import shutil
import sys
import textwrap
from typing import Any

from phasewise.cli import results
from phasewise.cli.lines import asked
from phasewise.cli.progress import Reporter
from phasewise.cli.talk import say
from phasewise.records.errors import PhasewiseError, UsageError
from phasewise.records.phases import DOORS, TITLES
from phasewise.records.text import safe_text


class Quit(Exception):
    """The person wants to stop here; everything answered so far is kept."""


def walk(session: Any, phases: list[str], *, ask: Any = None, tell: Any = say) -> int:
    """Go through the phases: questions, work, findings, gate; 0 at the end, 3 when a gate stays shut."""
    plain = Plain(session, ask or asked, tell)
    try:
        for _ in range(50):
            here = session.state().phase
            if here not in phases or session.state()[here].state in ("done", "skipped"):
                break
            plain.phase(here)
    except Quit:
        tell(f"kept; go on with: phasewise run {session.state().phase} --plain")
        return 0
    from phasewise.cli.run import report

    report(session)
    return 0


class Plain:
    """One passage in plain lines."""

    def __init__(self, session: Any, ask: Any, tell: Any) -> None:
        from phasewise.workflow.drive import Drive

        self.session, self.ask = session, ask
        self.tell = lambda text: tell(folded(text))
        self.drive = Drive(session=session, on_event=Reporter().event, tell=self.tell)

    def phase(self, phase: str) -> None:
        """Questions first where they can be asked, then the phase's work, its findings and its gate."""
        session = self.session
        state = session.state()[phase]
        if state.state in ("done", "skipped"):
            return
        self.tell(f"\n== {TITLES[phase]}: {DOORS[phase]}")
        self._early_work(phase)
        self._questions(phase)
        if self._needless(phase):
            return
        while (job := session.next_job(phase)) is not None:
            if job.kind == "open_vault":
                self._unseal(job)
            if job.kind == "split":
                self._seal()
            self.drive.work(job)
        if phase == "data":
            self._findings()
            while (job := session.next_job(phase)) is not None:
                self.drive.work(job)
        for line in results.of_phase(session, phase):
            self.tell(line)
        if phase == "baseline":
            self._go_on()
        self._gate(phase)
        session.confirm(phase)
        self.tell(f"{TITLES[phase]} is {session.state()[phase].state}: {session.state()[phase].summary}")

    def _early_work(self, phase: str) -> None:
        """Reading the data comes before the questions, so that they come with recommendations."""
        job = self.session.next_job(phase)
        if job is None or job.kind != "profile":
            if phase in ("goals", "data") and not self.session.answers.value("data", "file"):
                self._one(next(q for q in self.session.questions("data") if q.name == "file"))
                self._early_work(phase)
            return
        self.drive.work(job)

    def _questions(self, phase: str) -> None:
        asked: set[str] = set()
        while True:
            open_ones = [q for q in self.session.questions(phase) if q.visible and not q.advanced and not q.locked and q.name not in asked and q.source not in ("flag", "typed", "file")]
            if not open_ones:
                return
            asked.add(open_ones[0].name)
            if open_ones[0].key not in ("baseline.go_on_reason",):
                self._one(open_ones[0])

    def _one(self, q: Any) -> None:
        self.tell(f"\n{q.text}" + (f" ({q.unit})" if q.unit else ""))
        if q.hint:
            self.tell(f"  {q.hint}")
        if q.choices:
            more = f", and {len(q.choices) - MOST} more" if len(q.choices) > MOST else ""
            self.tell("  choices: " + ", ".join(choice(value, label) for value, label in q.choices[:MOST]) + more)
        if q.recommendation:
            self.tell(f"  recommended: {shown(q.recommendation.value)}. {q.recommendation.reason}")
        now = "none" if q.value in (None, "", [], {}) else shown(q.value)
        while True:
            text = self.ask(f"[{now}; Enter keeps it, ? says why, ! stops]")
            if text == "":
                return
            if text == "!":
                raise Quit
            if text == "?":
                self.tell(f"  {q.why or 'No more is known about this question.'}" + (f" ({q.source_text})" if q.source_text else ""))
                continue
            try:
                self._take(q, text)
                return
            except PhasewiseError as error:
                for line in error.lines():
                    self.tell(f"  {line}")

    def _take(self, q: Any, text: str) -> None:
        from pathlib import Path

        from phasewise.cli.answering import inside, rooted
        from phasewise.workflow.values import parse_text

        values = inside(self.session, rooted({q.phase: {q.name: parse_text(q.phase, q.name, text)}}, Path.cwd()))
        self.session.answers.set(q.phase, q.name, values[q.phase][q.name], source="typed")
        wrong = [p for p in self.session.problems(q.phase) if p.field == q.name]
        if wrong:
            self.session.answers.unset(q.phase, q.name)
            raise UsageError(wrong[0].message, "", wrong[0].remedy)

    def _needless(self, phase: str) -> bool:
        state = self.session.state()[phase]
        if phase == "field" and not self.session.answers.value("field", "files"):
            self.session.skip("field", "no new rows were given")
        if self.session.state()[phase].state == "skipped" or state.state == "skipped":
            self.tell(f"{TITLES[phase]} is left out: {self.session.state()[phase].summary}")
            return True
        return False

    def _findings(self) -> None:
        from phasewise.workflow.phases.data import findings

        chosen = self.session.answers.value("data", "remedies") or {}
        for finding in findings(self.session.view):
            if finding.severity not in ("block", "warn") or finding.id in chosen or finding.id in self.session.facts.remedies or not finding.remedies:
                continue
            self.tell(f"\n{finding.severity}: {finding.title}" + (f". {finding.seen}" if finding.seen else ""))
            best = finding.recommended()
            for remedy in finding.remedies:
                self.tell(f"  {remedy.action}: {remedy.title}" + (" (recommended)" if remedy is best else ""))
            fallback = best.action if best else ""
            while True:
                text = self.ask(f"[{fallback or 'none'}; Enter {'takes' if fallback else 'leaves'} it, ? says why, ! stops]") or fallback
                if text == "!":
                    raise Quit
                if text == "?":
                    self.tell(f"  {finding.why or 'No more is known about this finding.'}" + (f" It may be fine: {finding.why_fine}" if finding.why_fine else ""))
                    continue
                if not text:
                    break
                try:
                    self.session.remedy(finding.id, text)
                    if text == "review-labels":
                        from phasewise.cli.check_labels import line_by_line

                        line_by_line(self.session, self.ask, self.tell)
                    break
                except PhasewiseError as error:
                    self.tell(f"  {error.remedy}")

    def _go_on(self) -> None:
        """The verdict says no: a network needs a written reason, Enter carries the best baseline on."""
        from phasewise.workflow.phases.baseline import networks_closed

        closed = networks_closed(self.session.view)
        if closed:
            self.tell(f"\n{closed}")
            reason = self.ask("[Enter carries the best baseline on; write a reason to train a network all the same]")
            if reason == "!":
                raise Quit
            if reason:
                self.session.answers.set("baseline", "go_on_reason", reason, source="typed")

    def _seal(self) -> None:
        """What sealing means is said before it is done."""
        share = self.session.answers.value("data", "test_share")
        self.tell(f"\nThe split is made once. The test rows{f' ({100 * share:.3g} %)' if share else ''} leave the training data for a sealed file; no training, tuning or check can read them afterwards.")
        if self.ask("[Enter seals them, ! stops]") == "!":
            raise Quit

    def _unseal(self, job: Any) -> None:
        """The vault opens on a typed word only."""
        self.tell(f"\nThe sealed test rows are about to be opened for {safe_text(job.model)}. Predicted: {shown(job.predicted)}. Looks so far: {len(self.session.facts.looks_now)}.")
        from phasewise.workflow import foresight

        found = foresight.read(self.session.view)
        for _, sentence in foresight.told(found) if found is not None else []:
            self.tell(sentence)
        if self.ask("Type open to open the vault:").strip().lower() != "open":
            raise Quit

    def _gate(self, phase: str) -> None:
        for item in self.session.gate(phase):
            self.tell(f"  {'ok' if item.ok else 'NOT YET'}  {item.text}" + (f" (overridden: {item.overridden})" if item.overridden else ""))
        for item in [g for g in self.session.gate(phase) if not g.ok]:
            from phasewise.records.errors import GateError

            if not item.overridable:
                raise GateError(f"the gate of {TITLES[phase]} stays shut", item.text, item.remedy)
            reason = self.ask(f"{item.remedy} To go on all the same, write a reason (the report shows it):")
            if len(reason) < 3:
                raise GateError(f"the gate of {TITLES[phase]} stays shut", item.text, item.remedy)
            self.session.override(phase, item.id, reason)


MOST = 20
"""As many choices are read out; a column of a wide table is typed by name."""


def choice(value: Any, label: Any) -> str:
    """A choice as it is typed, with its words where they say more."""
    words = safe_text(label, 120)
    rest = words.removeprefix(str(value))
    if rest != words and (not rest or rest.startswith(" (")):
        return words
    return f"{value} ({words})"


def folded(text: str) -> str:
    """Lines broken between words where a terminal would break them inside; as they are where nobody looks at a terminal."""
    if not sys.stderr.isatty():
        return text
    width = max(shutil.get_terminal_size().columns, 40)
    out = []
    for row in text.split("\n"):
        lead = " " * (len(row) - len(row.lstrip()))
        out.append("\n".join(textwrap.wrap(row, width - 1, initial_indent="", subsequent_indent=lead + ("  " if lead else ""), break_long_words=False, drop_whitespace=True)) or row)
    return "\n".join(out)


def shown(value: Any) -> str:
    """A value as a person would type it."""
    if isinstance(value, list):
        return ",".join(str(v) for v in value)
    if isinstance(value, float):
        return f"{value:g}"
    return safe_text(value, 80)
