"""`phasewise check --findings`: what split and checks found, with the remedies to choose from."""

from typing import Any

from phasewise.cli.opening import session_of
from phasewise.cli.talk import out, out_json
from phasewise.records.text import safe_text


def run(args: Any) -> int:
    """Every finding but passed ones, worst first; exit code 3 before anything was checked."""
    from phasewise.records.errors import GateError
    from phasewise.workflow.phases.data import findings

    with session_of(args.project, read_only=True) as session:
        found = findings(session.view)
        if not found:
            raise GateError("nothing was checked yet", "Split and checks come with the data phase.", "Run `phasewise run data` first.")
        chosen = session.answers.value("data", "remedies") or {}
        answered = {**session.facts.remedies, **{k: str(v).partition("?")[0] for k, v in chosen.items()}}
        if args.json:
            out_json([{**f.model_dump(mode="json"), "answer": answered.get(f.id, "")} for f in found])
        else:
            out("\n".join(lines(found, answered)))
    return 0


def lines(found: list[Any], answered: dict[str, str]) -> list[str]:
    """A block of lines per finding."""
    told = []
    for f in (f for f in found if f.severity != "pass"):
        told.append(f"{f.severity}  {safe_text(f.title, 200)}  [{safe_text(f.id, 120)}]")
        told += [f"      {safe_text(text, 600)}" for text in (f.seen, f"for example {'; '.join(f.examples[:5])}" if f.examples else "", f.why) if text]
        answer = answered.get(f.id)
        ways = ", ".join(f"{r.action}{' (recommended)' if r.recommended else ''}" for r in f.remedies)
        if answer:
            told.append(f"      answered: {safe_text(answer, 60)}")
        elif ways:
            told.append(f"      --remedy '{safe_text(f.id, 120)}=...': {ways}")
    passed = sum(f.severity == "pass" for f in found)
    return [*told, f"{passed} checks of the split passed; answer with: phasewise run data --remedy FINDING=ACTION"]
