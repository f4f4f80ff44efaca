"""`make pages`: what is made of the code itself. The schemas of configs/schema, docs/configs.md and man/bisectsyms.1.

tests/test_generated.py wants them to be what this makes.
"""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from bisectsyms import __version__
from bisectsyms.cli import EXIT_STATUS, main
from bisectsyms.inputs.schema import MODELS, schema
from bisectsyms.inputs.typewords import in_words

ROOT = Path(__file__).parent.parent
FILES = {
    "profile": ("A profile", "profiles.md"),
    "hunt": ("A plan of a hunt", "hunting.md#the-plan"),
    "reproduce": ("A plan of a reproduction", "reproducing.md"),
    "toolchains": ("Your toolchains.yaml", "profiles.md#toolchains"),
}
"""Name of the schema -> what the file is called, and the page that tells how it is used."""
HEAD = """# Every key of every file

This page is made from the schemas by `make pages`. Editors that know YAML take them from configs/schema/: `bisectsyms
init` writes the comment that names one, and a plan can begin with the same

    # yaml-language-server: $schema=PATH/OF/configs/schema/hunt.json

Errors in such a file come with file, line, column and key, all of a file at once; an unknown key is an error.
"""
DESCRIPTION = (
    ("ENVIRONMENT", "XDG_CACHE_HOME|Slots: worktrees and objtrees, in bisectsyms/ below it."),
    ("ENVIRONMENT", "XDG_CONFIG_HOME|Your profiles and toolchains.yaml, in bisectsyms/ below it."),
    ("ENVIRONMENT", "NO_COLOR|No colours, also at a terminal."),
    ("FILES", ".git/bisectsyms/ledger.sqlite|Every attempt and verdict."),
    ("FILES", ".git/bisectsyms/evidence/|Logs of all attempts; maps, tables and .config of failures."),
    ("FILES", ".git/bisectsyms/log|The trace, with every command."),
)


def made() -> dict[Path, str]:
    """Path -> text of all that is generated."""
    schemas = {name: schema(name) for name in MODELS}
    found = {
        ROOT / f"configs/schema/{name}.json": json.dumps(one, indent=2, ensure_ascii=False) + "\n"
        for name, one in schemas.items()
    }
    return found | {ROOT / "docs/configs.md": reference(schemas), ROOT / "man/bisectsyms.1": man_page(main)}


def reference(schemas: dict[str, dict[str, Any]]) -> str:
    """docs/configs.md: a table of keys for each kind of file."""
    parts = [HEAD]
    for name, (title, page) in FILES.items():
        parts.append(
            f"\n## {title}\n\n{schemas[name]['description']} How it is used: [{page.split('#')[0]}]({page}).\n\n"
        )
        parts.append(_table(schemas[name]))
        for other in schemas[name].get("$defs", {}).values():
            parts.append(f"\n{other['description']}\n\n{_table(other)}")
    return "".join(parts)


def _table(of: dict[str, Any]) -> str:
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, one in of["properties"].items():
        needed = key in of.get("required", ())
        default = "required" if needed else _default(one.get("default"))
        meaning = " ".join(one.get("description", "").split()).replace("|", "\\|")
        lines.append(f"| `{key}` | {in_words(one)} | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def _default(value: Any) -> str:
    return "" if value in (None, "", [], {}) else f"`{json.dumps(value).strip(chr(34))}`"


def man_page(root: click.Group) -> str:
    """The manual page in man(7), every verb in it, from what --help says."""
    ctx = click.Context(root, info_name="bisectsyms")
    title, example = (root.help or "").split("\b", 1)
    parts = [
        f'.TH BISECTSYMS 1 "" "bisectsyms {__version__}" "User Commands"\n.SH NAME\n',
        f"bisectsyms \\- {_roff(' '.join(title.split()).rstrip('.'))}\n",
        ".SH SYNOPSIS\n.nf\n",
        *(f"\\fBbisectsyms {_roff(name)}\\fP {_roff(_usage(verb, ctx))}\n" for name, verb in _verbs(root, ctx)),
        ".fi\n.SH EXAMPLE\n.nf\n",
        _roff(textwrap.dedent(example).strip("\n")) + "\n.fi\n",
        ".SH VERBS\n",
    ]
    for name, verb in _verbs(root, ctx):
        parts.append(f".SS {_roff(name)} {_roff(_usage(verb, ctx))}\n{''.join(_paragraphs(verb.help or ''))}")
        parts += [_option(record) for record in _options(verb, ctx)]
    parts.append(f".SH EXIT STATUS\n{''.join(_paragraphs(EXIT_STATUS))}")
    for section in ("ENVIRONMENT", "FILES"):
        entries = [text.split("|") for name, text in DESCRIPTION if name == section]
        parts.append(f".SH {section}\n" + "".join(f".TP\n{_roff(word)}\n{_roff(text)}\n" for word, text in entries))
    parts.append(".SH SEE ALSO\n.BR git-bisect (1),\n.BR make (1),\n.BR nm (1)\n")
    return "".join(parts)


def _verbs(group: click.Group, ctx: click.Context, before: str = "") -> Iterator[tuple[str, click.Command]]:
    for name in sorted(group.commands):
        verb = group.commands[name]
        if isinstance(verb, click.Group):
            yield from _verbs(verb, ctx, f"{before}{name} ")
        else:
            yield f"{before}{name}", verb


def _usage(verb: click.Command, ctx: click.Context) -> str:
    return " ".join(verb.collect_usage_pieces(click.Context(verb, parent=ctx)))


def _options(verb: click.Command, ctx: click.Context) -> Sequence[tuple[str, str]]:
    own = click.Context(verb, parent=ctx)
    records = [one.get_help_record(own) for one in verb.params if isinstance(one, click.Option)]
    return [record for record in records if record]


def _option(record: tuple[str, str]) -> str:
    words = re.sub(r"(?<![\w-])(--?[\w-]+)", r"\\fB\1\\fP", _plain(record[0]))
    return f".TP\n{_dashes(words)}\n{_roff(record[1])}\n"


def _paragraphs(text: str) -> Iterator[str]:
    """As click has them: a paragraph that begins with a backspace keeps its lines."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        kept = paragraph.startswith("\b")
        body = textwrap.dedent(paragraph.removeprefix("\b").strip("\n"))
        yield f".PP\n.nf\n{_roff(body)}\n.fi\n" if kept else f".PP\n{_roff(' '.join(body.split()))}\n"


def _roff(text: str) -> str:
    """Text in which nothing is a request, an escape or a hyphen that should be a minus."""
    return "\n".join(
        f"\\&{line}" if line.startswith((".", "'")) else line for line in _dashes(_plain(text)).split("\n")
    )


def _plain(text: str) -> str:
    return text.replace("\\", "\\e")


def _dashes(text: str) -> str:
    return text.replace("-", "\\-")


if __name__ == "__main__":
    for path, text in made().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
