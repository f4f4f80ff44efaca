"""The verb that tells what was found, in any form. See the package for the rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bisectsyms.cli.shared import open_repository
from bisectsyms.inputs.options import Seconds, json_option

if TYPE_CHECKING:
    from bisectsyms.effects.gitrepo import Repository
    from bisectsyms.render.page.keeping import KeptPage

FORMATS = ("md", "html", "mail", "json", "junit", "csv")


@click.command()
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write the page to FILE.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="On stdout; md where nothing else is asked for.")
@click.option("--since", type=Seconds(), metavar="DURATION", help="Only what was tried within it, e.g. 12h.")
@click.option("--failures", type=click.IntRange(0), default=40, show_default=True, help="Told in full, at most.")
@click.option("--causes", type=click.IntRange(0), default=8, show_default=True, help="Failures diagnosed, at most.")
@json_option
def report(html: Path | None, form: str | None, since: float | None, failures: int, causes: int, as_json: bool) -> int:
    """Tell what was found so far, from the ledger alone and at any time, also while attempts are made.

    \b
    Example:  bisectsyms report --html report.html
              bisectsyms report --format mail --since 12h >report.eml
    """
    from bisectsyms.effects.newfile import replace_file
    from bisectsyms.render.reports.forms import FORMS
    from bisectsyms.usecases import report as use

    options = use.ReportOptions(
        since=time.time() - since if since is not None else 0.0, failures=failures, causes=causes
    )
    found = use.report(open_repository(), options)
    if html is not None:
        replace_file(html, FORMS["html"](found).encode())
    if as_json or form or html is None:
        click.echo(FORMS["json" if as_json else form or "md"](found), nl=False)
    return 0 if found.spots else 3


def kept_page(
    repository: Repository,
    path: Path,
    only: Callable[[], Collection[tuple[str, str]]],
    say: Callable[[str], None],
    *,
    search: bool = False,
) -> KeptPage:
    """A page of these spots (tree id, cell key), rewritten when it is time; with `search` also of the last search."""
    from bisectsyms.render.page.keeping import KeptPage
    from bisectsyms.usecases import report as use

    return KeptPage(path.absolute(), lambda: use.report(repository, use.ReportOptions(only=only(), search=search)), say)


VERBS: tuple[click.Command, ...] = (report,)
