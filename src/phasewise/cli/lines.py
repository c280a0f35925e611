"""One line from a person, for the plain faces."""

import sys

from phasewise.records.errors import UsageError


def asked(prompt: str) -> str:
    """The answer to a prompt that is written to stderr. Raises `UsageError` when the input ends."""
    print(prompt, end=" ", file=sys.stderr, flush=True)
    text = sys.stdin.readline()
    if not text:
        raise UsageError("the input ended in the middle of a question", prompt.strip(), "Answer it, or use the flags of the command.")
    return text.strip()
