"""What a revision does to the .config and to the layout without anybody having asked, said once when it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bisectsyms.core.words import count, listed
from bisectsyms.model import Attempt


@dataclass(slots=True)
class Notices:
    """Told about every attempt that ended; remembers what was said."""

    say: Callable[[str], None]
    release: str = ""
    """kernel.release of the newest attempt in this cell."""
    vanished: tuple[str, ...] = ()

    def look(self, attempt: Attempt) -> None:
        """Say what is other than at the attempt before."""
        result, revision = attempt.result, attempt.plan.revision
        if result is None:
            return
        if result.vanished and result.vanished != self.vanished:
            what = count(len(result.vanished), "option")
            self.say(f"{revision}: {what} asked for and not in .config: {listed(result.vanished)}")
        if result.kernel_release and self.release and len(result.kernel_release) != len(self.release):
            self.say(
                f"{revision}: kernel.release is {result.kernel_release}, before it was {self.release}: with its "
                "length the layout moves, and a failure of the layout with it"
            )
        self.vanished = result.vanished
        self.release = result.kernel_release or self.release
