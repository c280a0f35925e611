"""`phasewise ideas`: the backlog from the command line."""

import argparse
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json, say, table
from phasewise.records.errors import UsageError

ACTIONS = ("list", "rank", "add", "estimate", "second", "predict", "try", "drop", "prune", "export", "calibration")

NUMBERS = (
    ("hours", float, "estimate: hours it takes (default: measured)"), ("complexity", int, "estimate: 1 simple to 5 complicated"),
    ("impact", float, "estimate: gain in points of the metric if it works"), ("likelihood", float, "estimate: chance that it works, 0 to 1"),
    ("gain", float, "predict: the gain you expect"), ("low", float, "predict: lower end of the range you are 80 %% sure of"),
    ("high", float, "predict: its upper end"), ("success", float, "predict: chance that it is adopted, 0 to 1"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="list", help="what to do (default: list)")
    parser.add_argument("what", nargs="*", metavar="TITLE|ID", help="title of a new idea, or ids")
    parser.add_argument("--change", metavar="KEY=VALUE", action="append", default=[], help="config diff, for example train.lr=/3")
    parser.add_argument("--category", default="other", metavar="WORD", help="family of the idea, for the hit rate (default: other)")
    parser.add_argument("--why", default="", help="why it should help, or why it is dropped")
    for name, kind, text in NUMBERS:
        parser.add_argument(f"--{name}", type=kind, metavar="N", help=text)
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """One action on the backlog."""
    with session_of(args.project, read_only=args.action in ("list", "rank", "export", "calibration")) as session:
        return _ACTIONS[args.action](session, args)


def _list(session: Any, args: Any) -> int:
    return _show(session.ideas.all(), args)


def _rank(session: Any, args: Any) -> int:
    return _show(session.ideas.ranked(), args)


def _show(ideas: list[Any], args: Any) -> int:
    from phasewise.tui.numbers import rough
    from phasewise.workflow import ranking

    if args.json:
        out_json([i.model_dump(mode="json") | {"score": ranking.score(i)} for i in ideas])
        return 0
    rows = []
    for idea in ideas:
        guess, found = idea.predicted, idea.outcome
        predicted = f"{guess.gain:+.4g}" if guess else "none made" if found else ""
        gain = f"{found.gain:+.4g} [{found.low:+.4g}, {found.high:+.4g}]" if found else ""
        taken = rough(found.hours * 3600) if found and found.hours else f"~{rough(idea.estimates.hours * 3600)}" if idea.estimates.hours else ""
        rows.append([idea.id, idea.title, idea.status, taken, predicted, gain, f"{ranking.score(idea):.3g}"])
    out(table(rows, ["id", "idea", "status", "time", "predicted", "gain", "score"]) if rows else "no ideas yet")
    return 0


def _add(session: Any, args: Any) -> int:
    title = " ".join(args.what)
    idea = session.ideas.add(title, change=change_of(args.change), category=args.category, why=args.why, estimates=_estimates(args))
    out(idea.id)
    return 0


def _estimate(session: Any, args: Any) -> int:
    idea = session.ideas.estimate(_one(args), _estimates(args))
    say("the estimates are kept" + ("" if idea.status == "ready" else "; time, complexity, impact and likelihood together make it ready"))
    return 0


def _second(session: Any, args: Any) -> int:
    idea_id = _one(args)
    session.ideas.estimate(idea_id, _estimates(args), second=True)
    far = session.ideas.disagreement(idea_id)
    say("the second opinion is kept; the mean of both counts")
    if far:
        say(f"note: {far}")
    return 0


def _predict(session: Any, args: Any) -> int:
    if args.gain is None or args.low is None or args.high is None:
        raise UsageError("a prediction needs a gain and a range", "Missing: " + ", ".join(f"--{n}" for n in ("gain", "low", "high") if getattr(args, n) is None) + ".", "Write for example --gain 0.01 --low -0.005 --high 0.02 --success 0.3")
    more = {} if args.success is None else {"success": args.success}
    session.ideas.predict(_one(args), gain=args.gain, low=args.low, high=args.high, why=args.why, **more)
    say("the prediction is kept; it is locked when the idea runs")
    return 0


def _try(session: Any, args: Any) -> int:
    from phasewise.cli.progress import Reporter
    from phasewise.workflow.drive import Drive

    ids = args.what or [i.id for i in session.ideas.ranked()[:5]]
    reporter = Reporter(as_json=args.json)
    Drive(session=session, on_event=reporter.event, tell=reporter.line).work(session.ideas.try_job(ids))
    reporter.end(0, "done")
    return 0


def _prune(session: Any, args: Any) -> int:
    from phasewise.cli.ablate import show, worked

    show(worked(session, session.ideas.prune_job(), args), args)
    return 0


def _drop(session: Any, args: Any) -> int:
    if not args.why:
        raise UsageError("dropping an idea needs a reason", "It stays in the journal.", "Add --why 'too slow to serve'.")
    session.ideas.drop(_one(args), args.why)
    return 0


def _export(session: Any, args: Any) -> int:
    out(session.ideas.export().rstrip())
    return 0


def _calibration(session: Any, args: Any) -> int:
    found = session.ideas.calibration()
    values = {k: getattr(found, k) for k in ("count", "brier", "log_score", "coverage", "pinball", "time_error", "hit_rate", "warning")}
    if args.json:
        out_json(values)
    elif not found.count:
        out("\n".join(["No prediction was made for an idea that has run: nothing to judge yet.", "`phasewise ideas predict ID --gain G --low L --high H` writes one down before a run.", *([found.warning] if found.warning else [])]))
    else:
        out("\n".join(f"{k.replace('_', ' ')}: {'not yet' if v is None else f'{v:.3g}' if isinstance(v, float) else v}" for k, v in values.items() if v != ""))
    return 0


def _one(args: Any) -> str:
    if len(args.what) != 1:
        raise UsageError(f"`ideas {args.action}` needs one idea", f"{len(args.what)} were named.", "Name its id; see `phasewise ideas`.")
    return args.what[0]


def _estimates(args: Any) -> Any:
    from pydantic import ValidationError

    from phasewise.records.ideas import Estimates

    try:
        return Estimates(hours=args.hours, complexity=args.complexity, impact=args.impact, likelihood=args.likelihood)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"--{first['loc'][0]} cannot be {first['input']}", str(first["msg"]) + ".", "Hours above 0, complexity 1 to 5, likelihood 0 to 1.") from None


def change_of(items: list[str]) -> dict[str, Any]:
    """`KEY=VALUE` flags as a config diff; values are JSON or plain text."""
    import json

    out_: dict[str, Any] = {}
    for item in items:
        key, sign, text = item.partition("=")
        if not sign:
            raise UsageError(f"cannot read --change {item}", "It has no '='.", "Write for example --change network.dropout=[0.25]")
        try:
            out_[key.strip()] = json.loads(text)
        except ValueError:
            out_[key.strip()] = text
    return out_


_ACTIONS = {
    "list": _list, "rank": _rank, "add": _add, "estimate": _estimate, "second": _second, "predict": _predict, "try": _try,
    "drop": _drop, "prune": _prune, "export": _export, "calibration": _calibration,
}
