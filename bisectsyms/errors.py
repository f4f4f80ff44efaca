"""The two families of error, each with its next step.

A `UserError` is something the user can mend: a typo, a missing compiler, a wrong end. An `InfraError`
is the machine's trouble: a full disk, a lost worktree. Neither is ever a verdict: both end with 128.
"""


class BisectsymsError(Exception):
    """What went wrong, where, and what to do next; printed without a traceback."""

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}\n  next: {self.next_step}" if self.next_step else self.message


class UserError(BisectsymsError):
    """The user can mend this; nothing was judged."""


class InfraError(BisectsymsError):
    """The machine, not the revision, is at fault; nothing was judged."""
