"""Untrusted text made safe for a terminal, a report or a log."""

import unicodedata

_BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}


def _visible(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0x80 <= code < 0xA0 or code in _BIDI or code in (0x2028, 0x2029, 0xFEFF):
        return "\ufffd"
    if 0xD800 <= code < 0xE000:
        return "\ufffd"
    return char


def safe_text(value: object, limit: int = 200, *, keep_newlines: bool = False) -> str:
    """Text without control, C1 or bidi characters, at most `limit` characters and two combining marks in a row."""
    out: list[str] = []
    marks = 0
    for char in str(value)[: limit * 4 + 16]:
        if keep_newlines and char in "\n\t":
            out.append(char)
            marks = 0
            continue
        if unicodedata.combining(char):
            marks += 1
            if marks > 2:
                continue
        else:
            marks = 0
        out.append(_visible(char))
        if len(out) > limit:
            return "".join(out[: max(limit - 1, 0)]) + "\u2026"
    return "".join(out)
