"""The verb that measures a build which passes. See the package for the rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bisectsyms.cli.shared import open_bench, open_repository, show_result
from bisectsyms.inputs.options import bench_options, json_option


@click.command("near-miss")
@click.argument("where", required=False, metavar="[REV|FOLDER]")
@bench_options
@json_option
def near_miss(where: str | None, as_json: bool, **given: Any) -> int:
    """How close does this passing build come? Of REV, which is linked once, by default HEAD, or of a build FOLDER.

    \b
    Example:  bisectsyms near-miss v6.1 --profile s3c6400
              bisectsyms near-miss ../obj
    """
    from bisectsyms.render.nearmiss import show_measured
    from bisectsyms.usecases import nearmiss as use

    if where is not None and Path(where).is_dir():
        measured = use.measure(Path(where))
    else:
        repository = open_repository()
        revision = repository.resolve(where or "HEAD")
        with open_bench(repository, given) as bench:
            measured = use.measure_revision(bench, revision)
    show_result(measured, show_measured, as_json)
    return 3 if measured.passed is False else 0


VERBS: tuple[click.Command, ...] = (near_miss,)
