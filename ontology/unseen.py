"""Characters of a wording that nobody sees."""

from __future__ import annotations

import unicodedata

KINDS = ("Cc", "Cf", "Zs", "Zl", "Zp")
"""Categories of what has no picture."""
BLANK = {0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)}
"""Letters and marks whose picture is empty."""


def unseen(character: str) -> bool:
    """Whether nobody sees a character, or it is a blank other than space, line break and tab."""
    if character in " \n\t":
        return False
    return ord(character) in BLANK or unicodedata.category(character) in KINDS
