"""`phasewise run`: phases headless, by the same session the app drives."""

import argparse
from typing import Any

from phasewise.cli import answering
from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.progress import Reporter
from phasewise.cli.talk import out, say
from phasewise.records.errors import PhasewiseError, UsageError
from phasewise.records.phases import PHASES


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("phases", nargs="*", metavar="PHASE", help=f"one of {', '.join(PHASES)}; default: the one to do next")
    parser.add_argument("--through", metavar="PHASE", help="everything stale or missing up to and with this phase")
    answering.add_flags(parser)
    parser.add_argument("--yes", "-y", action="store_true", help="accept recommended answers and remedies, and open the vault when verify is among the phases")
    parser.add_argument("--budget-trials", metavar="N", help="trials the tune loop may spend")
    parser.add_argument("--remedy", metavar="FINDING=ACTION", action="append", default=[], help="answer a finding")
    parser.add_argument("--override", metavar="PHASE:GATE=REASON", action="append", default=[], help="open a gate with a written reason; the report shows it (tune:budget lets the loop go on after it stopped)")
    parser.add_argument("--reopen", metavar="PHASE=REASON", action="append", default=[], help="go back to a phase with a reason")
    parser.add_argument("--skip", metavar="PHASE=REASON", action="append", default=[], help="leave strengthen or field out with a reason")
    parser.add_argument("--detach", action="store_true", help="start the next job and leave it running")
    parser.add_argument("--plain", action="store_true", help="ask the questions line by line")
    json_option(parser)
    project_option(parser)


def run(args: Any) -> int:
    """Run phases; see the exit codes."""
    with session_of(args.project) as session:
        return work(session, args)


def work(session: Any, args: Any) -> int:
    """Answers first, then the phases, then the report when something was verified."""
    more: dict[str, dict[str, Any]] = {}
    if args.budget_trials is not None:
        from phasewise.workflow.values import parse_text

        more = {"tune": {"budget_trials": parse_text("tune", "budget_trials", args.budget_trials)}}
    answering.apply(session, file=args.answers, sets=args.sets, more=more)
    waiting = decide(session, args)
    phases = chosen(session, args.phases, args.through)
    if args.plain:
        from phasewise.cli.plain import walk

        no_longer(waiting, "--plain asks for every finding itself")
        return walk(session, phases)
    if args.detach:
        no_longer(waiting, "--detach does not stay until they are found")
        return detach(session, phases)
    return drive(session, phases, yes=args.yes, as_json=args.json, remedies=waiting)


def no_longer(waiting: dict[str, str], why: str) -> None:
    """Refuse remedies for findings that nobody would wait for."""
    if waiting:
        raise UsageError(f"nobody would record --remedy {next(iter(waiting))}", f"The data is not checked yet, and {why}.", "Leave it out, or give it once the data is checked.")


def decide(session: Any, args: Any) -> dict[str, str]:
    """Reopenings, skips, overrides and remedies given as flags; returns the remedies whose findings are still to come."""
    from phasewise.workflow.remedies import awaited

    for text in args.reopen:
        session.reopen(*pair(text, "--reopen", "data=new rows arrived"))
    for text in args.skip:
        session.skip(*pair(text, "--skip", "field=no new rows yet"))
    for text in args.override:
        place, reason = pair(text, "--override", "verify:goal-held=good enough for a pilot")
        phase, colon, gate = place.partition(":")
        if not colon:
            raise UsageError(f"cannot read --override {text}", "It names no gate.", "Write --override PHASE:GATE=REASON.")
        session.override(phase, gate, reason)
    asked = [pair(text, "--remedy", "duplicate-rows=keep-together") for text in args.remedy]
    return {finding: action for finding, action in asked if awaited(session, finding, action)}


def pair(text: str, flag: str, example: str) -> tuple[str, str]:
    """`LEFT=RIGHT`, split at the first '='; a finding's remedy at the last one before its arguments, because ids of findings may hold one."""
    if flag == "--remedy":
        head, mark, arguments = text.partition("?")
        left, sign, right = head.rpartition("=")
        right += mark + arguments
    else:
        left, sign, right = text.partition("=")
    if not sign:
        raise UsageError(f"cannot read {flag} {text}", "It has no '='.", f"Write for example {flag} {example!r}")
    return left.strip(), right.strip()


def chosen(session: Any, named: list[str], through: str | None) -> list[str]:
    """The phases to work, in order."""
    import difflib

    for name in [*named, *([through] if through else [])]:
        if name not in PHASES:
            near = difflib.get_close_matches(name, PHASES, n=1, cutoff=0.4)
            raise UsageError(f"unknown phase {name!r}", f"Phases: {', '.join(PHASES)}.", f"Did you mean {near[0]!r}?" if near else "")
    if through:
        return list(PHASES[: PHASES.index(through) + 1])
    return named or [session.state().phase]


def drive(session: Any, phases: list[str], *, yes: bool, as_json: bool, remedies: dict[str, str] | None = None) -> int:
    """The headless loop with its talk; the last JSON line is always of kind `finished`."""
    from phasewise.workflow.drive import Drive

    reporter = Reporter(as_json=as_json)
    try:
        Drive(session=session, yes=yes, on_event=reporter.event, tell=reporter.line, remedies=dict(remedies or {})).through(phases)
    except BaseException as error:
        if not as_json:
            reporter.end(1, "failed")
        if isinstance(error, PhasewiseError):
            report(session)
        raise  # with --json the command's guard writes the last line
    path = report(session)
    reporter.end(0, "done", report=path)
    if path and not as_json:
        out(path)
    return 0


def report(session: Any) -> str:
    """Write the report once something was verified; its path, or an empty text."""
    if session.read_only or not session.looks():
        return ""
    from phasewise.report.build import write

    paths = write(session.project, session.folder / "reports")
    html = next((p for p in paths if p.suffix == ".html"), paths[0])
    say(f"report: {html}")
    return str(html)


def detach(session: Any, phases: list[str]) -> int:
    """Start the next job of the phases and leave it running."""
    for phase in phases:
        problems = session.problems(phase)
        job = session.next_job(phase)
        if job is None:
            continue
        if problems and job.kind != "profile":
            raise UsageError(f"{problems[0].key}: {problems[0].message}", "", problems[0].remedy)
        if job.kind == "open_vault":
            raise UsageError("the vault is not opened unattended", "", "Run `phasewise run verify --yes`.")
        run = session.start(job)
        out(run.id)
        say(f"{job.title or job.kind} goes on without you; follow it with: phasewise attach {run.id}")
        return 0
    say("nothing to start")
    return 0
