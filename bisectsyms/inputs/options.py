"""Options that several verbs share, and the types of their values."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from bisectsyms.core.throughput import MOST_SLOTS
from bisectsyms.core.words import seconds_in
from bisectsyms.inputs.userfolders import config_home

AUTO = 0
"""In place of a number of slots: it has to be measured."""


class Size(click.ParamType[int]):
    """`2G`, `500M`, `64k` or a number of bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """In bytes; k, M, G and T are powers of 1024."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmMgGtT]?)(?:i?[bB])?", value)
        if not match:
            self.fail(f"{value!r} is not a size such as 2G or 500M", param, ctx)
        return int(float(match[1]) * 1024 ** " kmgt".index(match[2].lower() or " "))


class Seconds(click.ParamType[float]):
    """`45s`, `10m`, `2h`, `1h30m` or a number of seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """In seconds."""
        if isinstance(value, float):
            return value
        try:
            return seconds_in(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Slots(click.ParamType[int]):
    """A number, or `auto` for the one that gets through the most."""

    name = "number|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or AUTO."""
        if value == "auto":
            return AUTO
        if not str(value).isdecimal() or not 1 <= int(value) <= MOST_SLOTS:
            self.fail(f"{value!r} is neither a number from 1 to {MOST_SLOTS} nor auto", param, ctx)
        return int(value)


class ProfileName(click.ParamType[str]):
    """A profile, completed from the shipped and the user's."""

    name = "profile"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As typed: whether there is one is found out when it is loaded."""
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Names where one begins so; else the shell's own files, because a path will do as well."""
        from bisectsyms.inputs.profile import available

        home = config_home()
        known = available(state_dir=home / "bisectsyms", xdg_config_home=home, cwd=Path.cwd())
        names = [name for name, _ in known if name.startswith(incomplete) and name.isprintable()]
        return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


class ClusterAddress(click.ParamType[str]):
    """As `effects.cluster` takes it; a file of hosts by its whole path: a hunt may go on from another folder."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As typed, but for the path behind `ssh:`."""
        kind, colon, path = str(value).partition(":")
        return f"ssh:{Path(path).absolute()}" if kind == "ssh" and colon and path else str(value)


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
slots_option = click.option("--slots-dir", type=click.Path(path_type=Path), help="Where worktrees and objtrees are.")


def _with(*options: Callable[..., Any]) -> Callable[..., Any]:
    """One decorator of several, shown in --help in this order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_CELL = (
    click.option("--profile", type=ProfileName(), metavar="NAME", help="What to build: a name or path of a profile."),
    click.option("--toolchain", metavar="NAME", help="Name or folder; by default the profile's."),
    click.option("-j", "--jobs", type=click.IntRange(1, 1024), help="make -jN; by default the profile's."),
    click.option("--sweep", type=click.IntRange(1, 64), metavar="N", help="Lengths of the version string."),
    click.option("--vary", metavar="NAME[=VALUE]", multiple=True, help="What else to vary; bisectsyms variations."),
)
_BENCH = (
    click.option("--keep-evidence", type=Size(), default="2G", show_default=True, help="Cap on disk."),
    click.option("--infra-wait", type=Seconds(), default="30m", show_default=True, help="For a full disk."),
    slots_option,
)
cluster_options = _with(
    click.option(
        "--cluster",
        type=ClusterAddress(),
        default="",
        metavar="ADDRESS",
        help="Workers of Dask: local:N, ssh:hosts.txt, or tcp://HOST:PORT.",
    ),
    click.option(
        "--cluster-git", "source", default="", metavar="URL", help="Where they fetch from; by default commits are sent."
    ),
)
"""Options of the verbs that can have their attempts made on other machines."""
cell_options = _with(*_CELL)
"""Options that say which cell is meant."""
bench_options = _with(*_CELL, *_BENCH)
"""Options of every verb that works in a slot."""

question_options = _with(
    click.option("--setup", default="", metavar="LINE", help="Shell line, run once per move, before COMMAND."),
    click.option("--failure-line", default="", metavar="REGEX", help="Only a failure that prints such a line counts."),
    click.option("--timeout", type=Seconds(), default="2h", show_default=True, help="Of COMMAND, and of its setup."),
    click.option("--confidence", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True),
    click.option(
        "--min-rate",
        type=click.FloatRange(0.001, 0.2),
        default=0.01,
        show_default=True,
        help="A failure that shows more seldom is not looked for.",
    ),
    click.option("--first-parent", is_flag=True, help="Only the first parents of merges, as git bisect does."),
    click.option("--path", "paths", metavar="PATHSPEC", multiple=True, help="Only commits that touch it."),
    click.option("--skip", metavar="RANGE", multiple=True, help="A commit or A..B that is never tested."),
    click.option(
        "--prior",
        metavar="RULE",
        multiple=True,
        help="How likely a commit is beside the others: path:GLOB=W, author:REGEX=W, subject:REGEX=W, or flat.",
    ),
    click.option("--find-fix", is_flag=True, help="GOOD is newer than BAD; which commit fixed it?"),
    click.option("--terms", metavar="OLD,NEW", help="Words for both sides, as in git bisect."),
)
"""Options that say what a search of our own looks for."""


def step_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of the verbs that judge."""
    for option in reversed(
        (
            click.option(
                "--confidence",
                type=click.FloatRange(0.5, 0.9999),
                default=0.95,
                show_default=True,
                help="Wanted for the whole bisect.",
            ),
            click.option("--rate", type=click.FloatRange(0.001, 1.0), help="Failure rate, if you know it."),
            click.option(
                "--min-rate",
                type=click.FloatRange(0.001, 1.0),
                default=0.05,
                show_default=True,
                help="Lowest rate looked for at the bad end.",
            ),
            click.option(
                "--failures",
                type=click.IntRange(1, 50),
                default=8,
                show_default=True,
                help="Failures wanted there to know the rate.",
            ),
            click.option(
                "--max-attempts", type=click.IntRange(1), default=300, show_default=True, help="Per revision."
            ),
            click.option("--max-time", type=Seconds(), help="Per revision, e.g. 2h."),
            click.option(
                "--classify",
                type=click.IntRange(2),
                metavar="N",
                help="Go on to N attempts to tell consistent from flaky.",
            ),
            click.option(
                "--flaky",
                type=click.Choice(["bad", "good", "skip"]),
                default="bad",
                show_default=True,
                help="What a flaky revision is.",
            ),
        )
    ):
        command = option(command)
    return command
