"""What the exit status of a user's own command says, as git bisect run has taught people, but with doubt allowed.

0 clean, 1 to 124 failed, 125 untestable; 126, 127 (the shell found no such command) and signals stop the search,
because they say nothing about any revision. With a regular expression only a failure that printed such a line counts.
"""

from __future__ import annotations

from bisectsyms.core.classify import Ruling
from bisectsyms.model import Outcome

UNTESTABLE = 125
SAID_UNTESTABLE = "exit-125"
"""Signature of an attempt whose command ended with 125."""
TIME_OVER = 124
"""What timeout(1) ends with when the time is over."""
STOPPED = "stopped:"
"""Signatures of attempts after which nothing more is tried begin with this."""


def rule(exit_status: int | None, *, line: str | None, wanted: str = "") -> Ruling:
    """What one run of the command showed.

    Args:
        exit_status: negative for a signal; None if its time was over.
        line: the first line of its output that `wanted` matches, None if there is none.
        wanted: the regular expression that a failure must match; empty if every failure counts.
    """
    if exit_status is None:
        return Ruling(Outcome.TIMEOUT, "timeout", "the command did not end before the deadline")
    if exit_status == 0:
        return Ruling(Outcome.CLEAN, "", "the command passed")
    if exit_status == UNTESTABLE:
        return Ruling(Outcome.BROKEN, SAID_UNTESTABLE, "the command says that this revision cannot be tested (125)")
    if exit_status < 0 or exit_status > UNTESTABLE:
        what = f"died of signal {-exit_status}" if exit_status < 0 else f"ended with {exit_status}"
        return Ruling(Outcome.INFRA, f"{STOPPED}{exit_status}", f"the command {what}")
    if wanted and line is None:
        why = f"the command ended with {exit_status}, and no line matches {wanted}"
        return Ruling(Outcome.BROKEN, "other-failure", why)
    shown = f": {line}" if line is not None else ""
    return Ruling(Outcome.FAILED, f"exit-{exit_status}", f"the command ended with {exit_status}{shown}")


def unless_spoilt(ruling: Ruling, oom_kills: int, trouble: str) -> Ruling:
    """What does not pass on a machine that ran out of memory or space says nothing about the revision.

    Args:
        ruling: of the command or of the setup.
        oom_kills: processes that the kernel killed for want of memory during the attempt.
        trouble: what is wrong with the machine after it; may be empty.
    """
    if ruling.outcome in (Outcome.CLEAN, Outcome.INFRA) or not (oom_kills or trouble):
        return ruling
    if oom_kills:
        why = f"{ruling.why}, but the kernel killed {oom_kills} of this machine's processes for lack of memory"
        return Ruling(Outcome.INFRA, "oom-kill", why)
    return Ruling(Outcome.INFRA, "disk-full", f"{ruling.why}, but there are {trouble}")


def setup_rule(exit_status: int | None) -> Ruling | None:
    """What a setup showed that did not pass; None for one that did."""
    if exit_status == 0:
        return None
    if exit_status is None:
        return Ruling(Outcome.TIMEOUT, "setup-timeout", "the setup did not end before the deadline")
    if exit_status < 0 or exit_status > UNTESTABLE:
        return Ruling(Outcome.INFRA, f"{STOPPED}{exit_status}", f"the setup ended with {exit_status}")
    return Ruling(Outcome.BROKEN, f"setup-{exit_status}", f"the setup ended with {exit_status}")
