"""The verb that begins with a report of somebody else's.

It is no verb of `bisectsyms` yet: what is understood can be printed, and trying it comes with the verb.
"""

from __future__ import annotations

from pathlib import Path

import click

from bisectsyms.cli.shared import show_result
from bisectsyms.inputs.options import json_option


@click.command()
@click.argument("report")
@click.option("--plan", "only_plan", is_flag=True, required=True, help="Print what was understood, as YAML to edit.")
@click.option("--rev", metavar="REV", help="What to build, if the report does not say it or is wrong.")
@click.option("--arch", metavar="ARCH", help="ARCH=, in place of the report's.")
@click.option("--defconfig", metavar="NAME", help="Targets that make .config, in place of the report's.")
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="A .config, in place of the report's.")
@click.option("--toolchain", metavar="NAME", help="gcc-13, clang-17 …, in place of the report's.")
@click.option("-j", "--jobs", type=click.IntRange(1, 1024), help="make -jN, in place of the report's.")
@json_option
def reproduce(
    report: str,
    only_plan: bool,
    rev: str | None,
    arch: str | None,
    defconfig: str | None,
    config: Path | None,
    toolchain: str | None,
    jobs: int | None,
    as_json: bool,
) -> int:
    """Read REPORT, a mail, an mbox, the text of a page or a plan; - is standard input.

    \b
    Example:  bisectsyms reproduce report.eml --plan >plan.yaml
              b4 mbox -o- MESSAGE-ID | bisectsyms reproduce - --plan
    """
    from bisectsyms.render import planned as render
    from bisectsyms.usecases import reproduce as use

    options = {
        "revision": rev,
        "arch": arch,
        "defconfig": defconfig,
        "toolchain": toolchain,
        "jobs": None if jobs is None else str(jobs),
    }
    given = {name: value for name, value in options.items() if value is not None}
    show_result(use.understand(report, given, config=config), render.show_plan, as_json)
    return 0
