"""A profile to begin with: every key of the schema with its explanation, most of them commented out.

It is made from the schema itself, so a new key is in it as soon as it has a docstring there.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bisectsyms.core.variation import Variation
from bisectsyms.inputs.profile import Profile
from bisectsyms.inputs.schema import modeline

WIDTH = 100


def skeleton(given: Mapping[str, str], notes: Mapping[str, str]) -> str:
    """The text of a profile: the keys `given` with their values in YAML, all others as comments with their default.

    `notes` are added to the explanations. A line that begins with `#` and no space is a key to uncomment.
    """
    parts = [
        modeline("profile"),
        "# A profile of bisectsyms. A line such as #jobs: is a key at its default; take its # away to change it.",
    ]
    for name, field in Profile.model_fields.items():
        words = f"{field.description} {notes.get(name, '')}".strip()
        parts += ["", *textwrap.wrap(words, WIDTH, initial_indent="# ", subsequent_indent="# ")]
        parts.append(f"{name}: {given[name]}" if name in given else f"#{name}: {_yaml(field.default)}".rstrip())
    return "\n".join(parts) + "\n"


def _yaml(default: Any) -> str:
    match default:
        case None:
            return ""
        case bool():
            return "true" if default else "false"
        case tuple():
            return json.dumps([str(one) if isinstance(one, Path) else one for one in default])
        case float():
            return f"{default:g}"
        case Variation():
            return str(default)
    return json.dumps(default)
