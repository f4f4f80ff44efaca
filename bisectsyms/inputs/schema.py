"""What people may write, as JSON Schema: for editors, and for the reference in docs/configs.md.

It is made of the models that read the files. A schema knows keys and types; what two keys say together only the reader
knows, so a file that an editor likes can still have errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from bisectsyms.inputs.plan import HuntPlan
from bisectsyms.inputs.profile import Profile
from bisectsyms.inputs.reports.plan import ReproducePlan
from bisectsyms.inputs.shipped import configs_dir
from bisectsyms.inputs.toolchains import UserFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODELS: Mapping[str, type[BaseModel]] = {
    "profile": Profile,
    "hunt": HuntPlan,
    "reproduce": ReproducePlan,
    "toolchains": UserFile,
}
"""Name of the schema -> the model that reads such files."""


def schema(name: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the files of this name, a key of MODELS."""
    return {"$schema": DIALECT, **MODELS[name].model_json_schema()}


def modeline(name: str) -> str:
    """The comment by which editors with a YAML language server find the shipped schema."""
    return f"# yaml-language-server: $schema={configs_dir() / 'schema' / f'{name}.json'}"
