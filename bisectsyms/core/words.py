"""Numbers as people say them, for every rationale and table alike, and durations as people type them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?")
"""What a terminal obeys: CSI, strings such as a title (OSC) up to BEL or ST, and the short ones (ECMA-48)."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_UNSEEN = re.compile(
    "[\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
"""What turns the direction of a line, or cannot be seen (unicode.org/reports/tr36): it makes text read as another."""
LONGEST_DURATION = 366 * 86400.0
"""Seconds; digits enough make infinity of a float, and the system's timers overflow after 292 years."""
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")


def percent(share: float) -> str:
    """0.25 -> `25 %`, 0.0012 -> `0.12 %`; never rounds something to nothing or to everything."""
    value = 100.0 * share
    if value in (0.0, 100.0):
        return f"{value:.0f} %"
    if value < 0.01:
        return "under 0.01 %"
    if value > 99.99:
        return "over 99.99 %"
    if 1.0 <= value < 99.0:
        return f"{value:.2g} %" if value < 10 else f"{value:.0f} %"
    return f"{value:.2f} %" if value > 99 else f"{value:.2g} %"


def count(number: int, what: str) -> str:
    """1 -> `1 attempt`, 2 -> `2 attempts`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def side_by_side(attempts: Mapping[int, int]) -> str:
    """{2: 30, 1: 9} -> `30 attempts with 2 slots in use, 9 attempts with 1 slot in use`."""
    return ", ".join(f"{count(made, 'attempt')} with {count(slots, 'slot')} in use" for slots, made in attempts.items())


def listed(names: Sequence[str], most: int = 6) -> str:
    """All names with commas, or the first `most` and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def duration(seconds: float) -> str:
    """2.84 -> `2.8 s`, 231 -> `3 min 51 s`, 7300 -> `2 h 01 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"


def plain(text: str) -> str:
    """Foreign text without what a terminal would obey: escape sequences and controls but tab and newline."""
    return _CONTROL.sub("", _ESCAPE.sub("", text))


def visible(text: str) -> str:
    """Foreign text as `plain`, with what would turn its direction or hide in it written out: `<U+202E>`."""
    return _UNSEEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", plain(text))


def seconds_in(text: str) -> float:
    """`45s`, `90m`, `1h30m` or `45` -> seconds.

    Raises:
        ValueError: it is none of these, or so long that no clock of the system could count it.
    """
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"{text!r} is no duration such as 45s, 10m or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total > LONGEST_DURATION:
        raise ValueError(f"{text[:20]!r} is longer than a year")
    return total


def time_of_day(text: str) -> tuple[int, int]:
    """`08:00` -> hour and minute.

    Raises:
        ValueError: it is none.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time of day such as 08:00")
    return int(match[1]), int(match[2])
