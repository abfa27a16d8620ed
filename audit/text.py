"""Makes foreign text safe to keep in a trail: one line, bounded, no control characters (A9)."""

import unicodedata


def one_line(text: str, limit: int) -> str:
    """`text` with every control or invisible formatting character spelled out, cut to `limit` characters."""
    shown = "".join(char if _printable(char) else f"\\u{ord(char):04x}" for char in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _printable(char: str) -> bool:
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
