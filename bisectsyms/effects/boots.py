"""What was written in another boot of this machine may not be what is on its disk.

Builds do not sync: after a power loss an object or a source may be empty, or zeros, under a mark that says it is whole
(fsync(2); ext4 writes content up to half a minute after the name). Nobody can tell whether the machine went down in
order, so a slot is trusted within one boot only, and begins empty after another: one build from scratch per reboot.
The ledger and the evidence are synced, and stay.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import psutil

from bisectsyms.effects.evidence.files import sync_folder
from bisectsyms.effects.newfile import replace_file
from bisectsyms.errors import InfraError

NAME = "boot"
"""In a slot: the boot in which all that is there was written."""
LOCK = "lock"


def boot_id() -> str:
    """Changes at every boot: random(4), boot_id; where there is none, the time of it."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return str(psutil.boot_time())


def is_of_this_boot(slot: Path, boot: Callable[[], str] = boot_id) -> bool:
    """Whether what is in a slot was written since the machine came up."""
    try:
        return (slot / NAME).read_text() == boot()
    except (OSError, ValueError):
        return False


def empty_after_a_boot(slot: Path, boot: Callable[[], str] = boot_id) -> bool:
    """Empty a slot that we have locked unless it is of this boot, and note this one; whether anything was there.

    Raises:
        InfraError: it cannot be emptied, or written.
    """
    if is_of_this_boot(slot, boot):
        return False
    old = [path for path in slot.iterdir() if path.name != LOCK]
    used = any(path.is_dir() for path in old)
    try:
        for path in old:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        sync_folder(slot)  # or the power could fail once more, and leave the note without what it says
    except OSError as error:
        raise InfraError(f"{slot} cannot be emptied: {error}", next_step="remove it, then the same command") from error
    replace_file(slot / NAME, boot().encode())
    return used
