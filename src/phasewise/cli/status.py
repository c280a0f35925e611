"""`phasewise status`: where the project stands."""

import argparse
from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.parser import json_option, project_option
from phasewise.cli.talk import out, out_json
from phasewise.records.text import safe_text

MARKS = {"done": "+", "skipped": "-", "stale": "!", "running": ">", "ready": "*", "locked": "."}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    project_option(parser)
    json_option(parser)


def run(args: Any) -> int:
    """Print the status."""
    with session_of(args.project, read_only=True) as session:
        document = session.status()
    if args.json:
        out_json(document)
    else:
        out("\n".join(lines(document)))
    return 0


def lines(document: Any) -> list[str]:
    """The status in words."""
    goal = document.goal
    text = [f"{safe_text(document.project)}  ({document.kind})"]
    if goal["metric"]:
        sign = ">=" if goal["direction"] == "maximize" else "<="
        target = "not set" if goal["target"] is None else f"{goal['target']:g}"
        text.append(f"goal: {goal['metric']} {sign} {target}")
    text.append("")
    for phase in document.phases:
        text.append(f" {MARKS[phase.state]} {phase.id:<11} {phase.state:<8} {safe_text(phase.summary, 100)}".rstrip())
        text += [f"      stale: {safe_text(reason, 120)}" for reason in phase.stale_because[:3]]
        text += [f"      overridden: {safe_text(reason, 120)}" for reason in phase.overrides]
    if document.stages:
        text += ["", f"stages: {safe_text(_stages(document.stages), 400)}"]
    if document.candidate:
        c = document.candidate
        text += ["", f"candidate: {safe_text(c['name'])} ({c['source']}), validation {c['validation']:.4g} [{c['low']:.4g}, {c['high']:.4g}]"]
        e = c.get("expected")
        text += [f"expected on the sealed rows: {e['value']:.4g}, 95 % between {e['low']:.4g} and {e['high']:.4g}"] if e and not document.test else []
    if document.test:
        t = document.test
        later = f" (level {t['level']:.4g}; first look {t['first']:.4g})" if t.get("first") is not None and t["looks"] > 1 else ""
        e = t.get("expected")
        before = f", expected {e['value']:.4g} [{e['low']:.4g}, {e['high']:.4g}]" if e else ""
        text.append(f"test: {t['value']:.4g} [{t['low']:.4g}, {t['high']:.4g}]{later}{before}, looks: {t['looks']}" + (f", generation {t['generation']}" if t.get("generation", 1) > 1 else ""))
    going = [r for r in document.runs if r["state"] in ("queued", "running", "paused", "lost")]
    text += [f"run {r['id']}: {r['state']}" for r in going]
    text += ["", f"next: {document.next['why']}", f"      {document.next['command']}"]
    return text


def _stages(found: list[Any]) -> str:
    from phasewise.workflow.stages import Stage, told

    return told([Stage(**s) for s in found])
