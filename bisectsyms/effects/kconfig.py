"""From what the profile asks of kconfig to the .config of an objtree, by the tree's own scripts.

What came of it is looked at for every attempt: an option that was asked for and is not there makes another kernel,
and an attempt with that is no evidence.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core import kconfig
from bisectsyms.effects.beneath import text_beneath, write_beneath
from bisectsyms.effects.runner import Command
from bisectsyms.effects.sandbox import View
from bisectsyms.effects.source import RUST_CHECK, Source
from bisectsyms.inputs.profile import LoadedProfile

FRAGMENT = ".bisectsyms.config"


@dataclass(frozen=True, slots=True)
class Came:
    """What became of it."""

    kallsyms: bool | None
    """Whether CONFIG_KALLSYMS is on; None without a .config."""
    lost: tuple[str, ...]
    """Options of the profile's own lines that did not come out as asked for, CONFIG_X."""
    vanished: tuple[str, ...]
    """Those, and what is missing of a full .config."""


def prepare(loaded: LoadedProfile, obj: Path) -> None:
    """Put what the commands of `configure` read into the objtree."""
    text = "\n".join(loaded.lines)
    write_beneath(obj, FRAGMENT, f"{text}\n".encode())
    if loaded.config:
        write_beneath(obj, ".config", loaded.config.text.encode())


def configure(loaded: LoadedProfile, source: Source, view: View, make: Callable[[str], Command]) -> Iterator[Command]:
    """The commands that make a whole .config; `make` gives the make line for a target."""
    for target in loaded.base:
        yield make(target)
    olddefconfig = make("olddefconfig")
    obj, src = shlex.quote(str(view.obj)), shlex.quote(str(view.src))
    merge = f"cd {obj} && sh {src}/scripts/kconfig/merge_config.sh -m -O {obj} .config {FRAGMENT}"
    if loaded.lines:
        yield Command((*view.prefix, "sh", "-c", merge), olddefconfig.cwd, olddefconfig.env)
    yield olddefconfig
    if source.has_rust_check and _asked(loaded).get("RUST") == "y":
        yield make(RUST_CHECK)


def came_of(loaded: LoadedProfile, obj: Path) -> Came:
    """Compare the .config in `obj` with what was asked for."""
    text = text_beneath(obj, ".config")
    if not text:
        return Came(None, (), ())
    got = kconfig.options(text.splitlines())
    lost = kconfig.vanished(kconfig.options(loaded.lines), got)
    vanished = kconfig.vanished(_asked(loaded), got)
    return Came(got.get("KALLSYMS") == "y", lost, vanished)


def _asked(loaded: LoadedProfile) -> dict[str, str]:
    """All that is asked for by name; of a full .config, what people choose and that is on."""
    full = kconfig.options(loaded.config.text.splitlines()) if loaded.config else {}
    chosen = {name: value for name, value in full.items() if value != "n" and not kconfig.DERIVED.fullmatch(name)}
    return chosen | kconfig.options(loaded.lines)
