"""`phasewise schema answers|events`: JSON schema of what can be answered and what a run says."""

import argparse
from typing import Any

from phasewise.cli.talk import out_json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("what", nargs="?", choices=("answers", "events", "status"), default="answers")


def run(args: Any) -> int:
    """Print it."""
    if args.what == "events":
        from phasewise.records.events import events_schema

        out_json(events_schema())
    elif args.what == "status":
        from phasewise.records.status import StatusDocument

        out_json(StatusDocument.model_json_schema())
    else:
        out_json(answers_schema())
    return 0


def answers_schema() -> dict[str, Any]:
    """One object of ten phases, with the questions' texts."""
    from phasewise import content
    from phasewise.records.answers import ANSWERS

    phases = {}
    for phase, model in ANSWERS.items():
        schema = model.model_json_schema()
        for name, field in schema.get("properties", {}).items():
            texts = content.question(f"{phase}.{name}")
            field["title"] = texts.question
            if texts.hint:
                field["description"] = texts.hint
        phases[phase] = schema
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "phasewise.toml", "type": "object", "properties": {"schema": {"type": "integer"}, "name": {"type": "string"}, **phases}, "additionalProperties": False}
