"""From what a log, the maps and the machine showed to one outcome.

Two rules stand above all others. Another failure is never counted as this one: the kallsyms line alone
proves nothing, something that only the real failure leaves must stand beside it. And a passing make is
CLEAN only with proof that the check could run, did run, and that the two maps really are equal.
"""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.core.errorlines import PROVEN
from bisectsyms.core.logscan import Digest, Finding
from bisectsyms.core.words import listed
from bisectsyms.model import Outcome

LEAST_FREE_BYTES = 1 << 20
CLOCK = "clock-set-back"
"""Signature of an attempt after which no file's time can be trusted."""
LINK_FAILED = "vmlinux-failed"
"""The signature of make's own line about the target vmlinux."""
HINTS = (LINK_FAILED, "symbol-too-long")
"""Signatures of lines that go with many failures and cause none: they name one that nothing else names."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the runner and the objtree showed."""

    exit_status: int | None
    """Of make; negative: died by that signal; None: never ended."""
    timed_out: bool = False
    flooded: bool = False
    """It was ended because its log was full."""
    interrupted: bool = False
    oom_kills: int = 0
    """How far oom_kill in the cgroup's memory.events moved during the attempt."""
    free_bytes: int | None = None
    """Free space of the objtree's file system afterwards."""
    kallsyms: bool | None = True
    """CONFIG_KALLSYMS=y in the .config that was built; None: no .config."""
    options_lost: tuple[str, ...] = ()
    """Options that the profile asks for and .config lacks; such a kernel is not built."""
    maps_fresh: bool | None = None
    """Both maps exist and are newer than the start of the attempt."""
    maps_equal: bool | None = None
    """Our own comparison, byte by byte; None: they are not both there."""
    beyond_link: bool = False
    """Targets other than vmlinux were asked for: make may fail at one after the link has passed."""
    image_fresh: bool = False
    """vmlinux is there and newer than the start of the attempt: make deletes it when its link or its check fails."""
    era: str = ""
    clock_set_back: float = 0.0
    """Seconds by which somebody set the clock back during the attempt."""
    leaves_maps: bool = True
    """`Era.leaves_maps`: a mismatch leaves both maps behind. The strict answer is the default."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """The outcome and what decided it."""

    outcome: Outcome
    signature: str
    why: str
    """One sentence for a person, with the deciding line of the log and its number."""


ENDLESS = Ruling(Outcome.TIMEOUT, "endless-log", "it was ended because it did not stop printing")


def classify(digest: Digest, seen: Seen) -> Ruling:
    """Say what an attempt showed. Pure: the same facts give the same ruling, so it can be asked again.

    What each era leaves behind follows scripts/link-vmlinux.sh and the top Makefile (`core.eras`).
    """
    if seen.flooded:
        return ENDLESS
    if seen.timed_out:
        return Ruling(Outcome.TIMEOUT, "timeout", "make did not end before the deadline")
    if seen.interrupted:
        return Ruling(Outcome.INFRA, "interrupted", "the attempt was interrupted")
    if seen.exit_status is None:
        return Ruling(Outcome.INFRA, "never-ended", "make never ended and nobody stopped it")
    if seen.clock_set_back:
        why = f"the clock was set back by {seen.clock_set_back:.2f} s meanwhile: make cannot tell old files from new"
        return Ruling(Outcome.INFRA, CLOCK, why)
    if seen.exit_status == 0:
        return _passed(digest, seen)
    return _machine(digest, seen) or _kallsyms(digest, seen) or _link_passed(digest, seen) or _broken(digest, seen)


def _passed(digest: Digest, seen: Seen) -> Ruling:
    """CLEAN, or which proof is lacking."""
    spoilt = next((one for one in digest.findings if one.even_if_passed), None)
    message = _first(digest, Outcome.INCONSISTENT)
    if spoilt:
        return Ruling(spoilt.outcome, spoilt.signature, f"make passed, but {_told(spoilt)}")
    if seen.options_lost:
        why = f"the profile asks for {listed(seen.options_lost)}, and the .config of this revision has it otherwise"
        return _lacks(f"kconfig:{seen.options_lost[0]}", why)
    if seen.kallsyms is not True:
        return _no_kallsyms("make passed, but proves nothing", seen)
    if seen.maps_equal is None or seen.maps_fresh is not True:
        which = "older than the attempt" if seen.maps_equal is not None else "not both there"
        return _lacks("no-link", f"make passed, but the maps are {which}: the link did not run")
    if not seen.maps_equal:
        return _lacks("maps-differ-but-make-passed", "make passed, but the two maps differ")
    if message:  # a wrapper may have repeated the link, or ignored its failure: no proof either way
        return _lacks("message-but-make-passed", f"make passed, but {_quoted(message)}")
    return Ruling(Outcome.CLEAN, "", "make passed, the link ran, and the two maps are equal")


def _machine(digest: Digest, seen: Seen) -> Ruling | None:
    """The machine's part in a failure. It beats the kallsyms line, too: what is ambiguous is no evidence."""
    status = seen.exit_status or 0
    finding = _first(digest, Outcome.INFRA)
    if finding:
        signature, why = finding.signature, _told(finding)
    elif seen.oom_kills > 0:
        signature, why = "oom-kill", f"the kernel killed {seen.oom_kills} of its processes for lack of memory"
    elif status < 0 or status > 128:
        number = -status if status < 0 else status - 128  # a wrapper reports a signal as 128 + n
        signature, why = f"signal-{number}", f"make died of signal {number}"
    elif seen.free_bytes is not None and seen.free_bytes < LEAST_FREE_BYTES:
        signature, why = "disk-full", f"only {seen.free_bytes} bytes are free where the objtree is"
    else:
        return None
    message = _first(digest, Outcome.INCONSISTENT)
    also = f"; {_quoted(message)} is no evidence beside that" if message else ""
    return Ruling(Outcome.INFRA, signature, f"make failed, and {why}{also}")


def _kallsyms(digest: Digest, seen: Seen) -> Ruling | None:
    """The kallsyms line, once make has failed: what must stand beside it depends on the era.

    Where a mismatch leaves the maps, both must be of this attempt and differ; without them the line came
    from elsewhere or the link was disturbed, and neither is evidence. Where the script deletes them
    (a trap, 3.5 - 5.12) and they could not be caught either, make's own failure of the target vmlinux
    must follow the line.
    """
    message = _first(digest, Outcome.INCONSISTENT)
    if message is None:
        return None
    if seen.kallsyms is not True:
        return _beside(digest, _no_kallsyms(f"{_quoted(message)}, which cannot be", seen))
    if seen.maps_equal:
        why = f"{_quoted(message)}, but the two maps are equal"
        return _beside(digest, _lacks("message-without-mismatch", why))
    if seen.maps_equal is None and seen.leaves_maps:
        why = f"{_quoted(message)}, but the maps that such a failure leaves are not there"
        return _beside(digest, _lacks("message-without-maps", why))
    if seen.maps_equal is None:
        failed = next((one for one in digest.findings if one.signature == LINK_FAILED), None)
        if failed is None or failed.number < message.number:
            why = f"{_quoted(message)}, but make does not say after it that vmlinux failed"
            return _beside(digest, _lacks("message-without-link-failure", why))
        why = f"{_quoted(message)}, and line {failed.number}: {failed.line}"
    elif seen.maps_fresh or (seen.maps_fresh is None and not seen.leaves_maps):
        why = f"{_quoted(message)}, and the two maps differ"
    else:
        why = f"{_quoted(message)}, but the maps are older than the attempt"
        return _beside(digest, _lacks("message-without-maps", why))
    return Ruling(Outcome.INCONSISTENT, message.signature, why)


def _link_passed(digest: Digest, seen: Seen) -> Ruling | None:
    """CLEAN although make failed: at another target, with every proof that the link and its check passed."""
    proof = seen.image_fresh and seen.kallsyms is True and seen.maps_fresh is True and seen.maps_equal is True
    if not (seen.beyond_link and proof) or any(one.signature == LINK_FAILED for one in digest.findings):
        return None
    error = f" (line {digest.error_number}: {digest.first_error})" if digest.first_error else ""
    why = f"make failed at another target{error}, but the link ran, vmlinux is there, and the two maps are equal"
    return Ruling(Outcome.CLEAN, "", why)


def _broken(digest: Digest, seen: Seen) -> Ruling:
    """Another failure, named so that two attempts can be said to have failed in the same way."""
    name = digest.error_name
    findings = [one for one in digest.findings if one.outcome is Outcome.BROKEN]
    known = [one for one in findings if one.signature not in HINTS]
    prefix = f"make failed (exit status {seen.exit_status})"
    if not name.startswith(PROVEN):  # from here on a tool's complaint counts less than what is known of it
        if not known and (not name or name.startswith("make:")):
            known = findings
        if known:
            return _lacks(known[0].signature, f"{prefix}: {_told(known[0])}")
    if name:
        return _lacks(name, f"{prefix}: line {digest.error_number}: {digest.first_error}")
    if seen.kallsyms is not True:
        return _no_kallsyms(prefix, seen)
    return _lacks("unknown", f"{prefix} and its log holds no line that says why")


def _beside(digest: Digest, contradiction: Ruling) -> Ruling:
    """Where the kallsyms line proves nothing, an error that tells its own cause names the failure."""
    if digest.error_name.startswith(PROVEN):
        error = f"line {digest.error_number}: {digest.first_error}"
        return _lacks(digest.error_name, f"{error} ({contradiction.why})")
    return contradiction


def _first(digest: Digest, outcome: Outcome) -> Finding | None:
    return next((one for one in digest.findings if one.outcome is outcome), None)


def _quoted(finding: Finding) -> str:
    return f"line {finding.number} says `{finding.line}`"


def _told(finding: Finding) -> str:
    return f"{finding.why or finding.signature} (line {finding.number}: {finding.line})"


def _lacks(signature: str, why: str) -> Ruling:
    return Ruling(Outcome.BROKEN, signature, why)


def _no_kallsyms(so_far: str, seen: Seen) -> Ruling:
    state = "there is no .config" if seen.kallsyms is None else "CONFIG_KALLSYMS is not set in .config"
    return _lacks("no-kallsyms", f"{so_far}: {state}")
