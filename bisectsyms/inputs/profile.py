"""Profiles: our YAML, what to build and how.

A profile is found by name in folders of the user's and then among the shipped ones, never in the tree
under bisection: what a revision contains must not decide how it is tested.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict

from bisectsyms.core.kconfig import LINE, options
from bisectsyms.core.variation import Variation
from bisectsyms.core.words import seconds_in
from bisectsyms.errors import UserError
from bisectsyms.inputs.fixups import FixupKey, FixupText, read_fixups
from bisectsyms.inputs.kconfigfile import FullConfig, read_config, read_fragment
from bisectsyms.inputs.shipped import configs_dir
from bisectsyms.inputs.variations import shipped_variations
from bisectsyms.inputs.yamlfile import load_model

OWN_KEYS = {
    "ARCH": "arch",
    "CROSS_COMPILE": "cross_compile",
    "CC": "cc",
    "LLVM": "toolchain",
    "O": "",
    "KBUILD_OUTPUT": "",
    "LOCALVERSION": "",
    "KBUILD_BUILD_VERSION": "",
    "KBUILD_BUILD_TIMESTAMP": "",
    "KBUILD_BUILD_USER": "",
    "KBUILD_BUILD_HOST": "",
}
"""Make variables that bisectsyms sets itself: from another key, or pinned because the layout hangs on them."""
OF_A_REPORT = re.compile(r"report-[0-9a-f]{8}")
"""Names of profiles that `bisectsyms reproduce` writes (usecases/strangers.py)."""
ARCH_DEFAULTS = "alldefconfig"
"""What fragments alone are laid over, as scripts/kconfig/merge_config.sh does it."""


WORD = WithJsonSchema({"type": "string"})
SWEEP: JsonDict = {"default": "sweep:32", "examples": ["sweep:32"]}


def _seconds(value: Any) -> Any:
    return seconds_in(value) if isinstance(value, str) else value


Duration = Annotated[
    float, BeforeValidator(_seconds), Field(gt=0), WithJsonSchema({"type": ["number", "string"], "examples": ["90m"]})
]
"""In seconds, or as 45s, 90m, 1h30m."""


def _variation(value: Any) -> Any:
    if isinstance(value, str):
        return Variation.parse(value, shipped_variations())
    if isinstance(value, Variation):
        return value
    raise ValueError("this is no text such as pinned or sweep:32")  # pydantic would make one of any mapping


class Profile(BaseModel):
    """What to build and how. Only `arch` must be given, and one of `defconfig`, `config` and `fragments`."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, use_attribute_docstrings=True)

    description: str = ""
    """For people."""
    arch: Annotated[str, Field(pattern=r"^[a-z0-9_]+$", examples=["arm"])]
    """ARCH=."""
    toolchain: Annotated[str, Field(examples=["gcc-12"])] = ""
    """Which compiler: gcc, gcc-12, llvm, llvm-16 …, or a folder; `bisectsyms toolchains` lists them."""
    cross_compile: str | None = None
    """CROSS_COMPILE=, also the prefix of ld, nm and ar; only without `toolchain`."""
    cc: str = ""
    """CC=; empty is the gcc with the prefix of cross_compile; only without `toolchain`."""
    defconfig: Annotated[
        str, Field(pattern=r"^[\w./-]+(?: [\w./-]+)*$", examples=["multi_v7_defconfig debug.config"])
    ] = ""
    """Targets that make .config: `s3c6400_defconfig`, `multi_v7_defconfig debug.config`."""
    config: Annotated[Path | None, Field(examples=["my.config"])] = None
    """In place of defconfig: a full .config, relative to this file."""
    fragments: Annotated[tuple[Path, ...], Field(examples=[["debug.config"]])] = ()
    """Files of kconfig lines, relative to this file; without defconfig and config they are laid over alldefconfig."""
    kconfig: Annotated[tuple[str, ...], Field(examples=[["CONFIG_KALLSYMS_ALL=y"]])] = ()
    """Lines as in a .config, `CONFIG_X=y` or `# CONFIG_X is not set`; they win over the fragments."""
    jobs: Annotated[int, Field(ge=1, le=1024)] | None = None
    """make -jN, by default the number of CPUs; a race can depend on it. `-j` on the command line wins."""
    targets: Annotated[tuple[str, ...], Field(min_length=1, examples=[["vmlinux"]])] = ("vmlinux",)
    """What to make; `all` as in a plain make. The verdict looks at the link of vmlinux alone."""
    in_tree: bool = False
    """Build in the source tree, without O=."""
    variables: Annotated[dict[str, str], Field(examples=[{"LLVM_IAS": "1"}])] = {}
    """Further make variables, as {LLVM_IAS: "1"}."""
    environment: Annotated[dict[str, str], Field(examples=[{"KCFLAGS": "-g"}])] = {}
    """Further environment of the build; nothing else of the caller's reaches it."""
    ccache: bool = True
    """Whether ccache, where it is installed, helps to come to a revision; clean builds never use it."""
    timeout: Duration = 7200.0
    """Of each make of an attempt, in seconds, or as 45s, 90m, 1h30m."""
    variation: Annotated[Variation, BeforeValidator(_variation), WORD, Field(json_schema_extra=SWEEP)] = Variation(32)
    """What attempts are varied by: pinned, sweep:N for N lengths of the version string (2 to 64), or what `bisectsyms
    variations` lists. `--vary` and `--sweep` win."""
    fixups: Annotated[tuple[FixupKey, ...], Field(examples=[[{"patch": "fix.patch"}]])] = ()
    """Applied to ranges of revisions before the build, each {patch: FILE} or {commit: REV}, with from: and before:."""
    packages: Annotated[tuple[str, ...], Field(examples=[["gcc-arm-linux-gnueabi"]])] = ()
    """Debian packages; doctor names the first if the compiler is missing."""
    sandbox: Literal["usual", "closed", "required"] = "usual"
    """What builds may reach: usual; closed, nothing but slot, temporary files and cache of their own, and no network;
    required, nothing is built where closed does not work. Profiles made of reports are closed."""
    hosttools: bool = True
    """Whether doctor looks for the kernel's host tools (flex, bison, bc, libssl-dev); the small kernel needs none."""

    @property
    def is_closed(self) -> bool:
        """Whether its builds are a stranger's: what they leave is for no other."""
        return self.sandbox != "usual"

    @field_validator("cross_compile", "cc")
    @classmethod
    def _one_way_to_a_compiler(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and info.data.get("toolchain"):
            raise ValueError("`toolchain` says which compiler already: give one of the two")
        return value

    @field_serializer("variation")
    def _policy(self, variation: Variation) -> str:
        return str(variation)

    @field_validator("kconfig")
    @classmethod
    def _kconfig(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        for line in lines:
            if not LINE.fullmatch(line):
                raise ValueError(f"{line!r} is neither `CONFIG_X=y` nor `# CONFIG_X is not set`")
        return lines

    @field_validator("targets")
    @classmethod
    def _targets(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        for target in targets:
            if target.startswith("-") or "=" in target or not target.strip():
                raise ValueError(f"{target!r} is no target of make")
        return targets

    @field_validator("variables")
    @classmethod
    def _variables(cls, variables: dict[str, str]) -> dict[str, str]:
        for name in variables:
            if not re.fullmatch(r"[A-Za-z_]\w*", name):
                raise ValueError(f"{name!r} is no name of a make variable")
            if name in OWN_KEYS:
                key = OWN_KEYS[name]
                raise ValueError(f"{name} has its own key: {key}" if key else f"{name} is set by bisectsyms itself")
        return variables

    @model_validator(mode="after")
    def _one_base(self) -> Self:
        if self.defconfig and self.config:
            raise ValueError("`defconfig` and `config` both say where .config comes from: give one of the two")
        if not (self.defconfig or self.config or self.fragments):
            raise ValueError("one of the keys defconfig, config, fragments must say where .config comes from")
        return self


@dataclass(frozen=True, slots=True)
class LoadedProfile:
    """A profile and where it came from."""

    name: str
    path: Path
    profile: Profile
    digest: str
    """sha256 of all it asks of kconfig: defconfig or .config, contents of the fragments, lines."""
    lines: tuple[str, ...]
    """All fragments and then the lines of the profile, which win."""
    config: FullConfig | None = None
    fixups: tuple[FixupText, ...] = ()

    @property
    def base(self) -> tuple[str, ...]:
        """Targets of make that make .config, none where there is a full one."""
        return () if self.config else tuple(self.profile.defconfig.split()) or (ARCH_DEFAULTS,)

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        """(option without CONFIG_, value) of all that is asked for by name, sorted; `n` is one not to be set."""
        full = self.config.text.splitlines() if self.config else []
        return tuple(sorted(options([*full, *self.lines]).items()))

    @property
    def base_name(self) -> str:
        """What .config is made from, for people."""
        return self.profile.config.name if self.profile.config else " ".join(self.base)


def find_profile(name: str, *, state_dir: Path, xdg_config_home: Path, cwd: Path) -> LoadedProfile:
    """Load the profile called `name`: a path if it looks like one, else looked up by name.

    Raises:
        UserError: there is none, or it has errors; each with file, line, column and key.
    """
    if "/" in name or name.endswith((".yaml", ".yml")):
        return load_profile_file(cwd / Path(name).expanduser())
    known = dict(reversed(list(_profiles(state_dir, xdg_config_home))))  # the first folder wins
    if name in known:
        return load_profile_file(known[name])
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    folders = ", ".join(dict.fromkeys(str(folder) for folder in _folders(state_dir, xdg_config_home)))
    raise UserError(
        f"there is no profile {name!r} in {folders}",
        next_step=f"{hint}there are: {', '.join(sorted(known))}; or give the path of a .yaml file",
    )


def available(*, state_dir: Path, xdg_config_home: Path, cwd: Path) -> list[tuple[str, Path]]:
    """(name, path) of every profile that a bare name can mean, sorted by name, but for those made of reports.

    They are found by their name as well; nobody chooses among them.
    """
    found = dict(reversed(list(_profiles(state_dir, xdg_config_home))))
    return sorted((name, path) for name, path in found.items() if not OF_A_REPORT.fullmatch(name))


def _folders(state_dir: Path, xdg_config_home: Path) -> tuple[Path, ...]:
    return state_dir, xdg_config_home / "bisectsyms", configs_dir()


def _profiles(state_dir: Path, xdg_config_home: Path) -> Iterator[tuple[str, Path]]:
    for folder in _folders(state_dir, xdg_config_home):
        for path in sorted(folder.glob("*.yaml")):
            yield path.stem, path


def load_profile_file(path: Path) -> LoadedProfile:
    """The profile in a file.

    Raises:
        UserError: it has errors; with file, line, column and key.
    """
    profile = load_model(path, Profile)
    lines = [line for fragment in profile.fragments for line in read_fragment(path.parent / fragment)]
    lines += profile.kconfig
    config = read_config(path.parent / profile.config) if profile.config else None
    base = f"config\n{config.text}" if config else profile.defconfig or ARCH_DEFAULTS
    asked = "\n".join(lines)
    digest = hashlib.sha256(f"{base}\n{asked}\n".encode()).hexdigest()[:16]
    fixups = read_fixups(path, profile.fixups)
    return LoadedProfile(path.stem, path, profile, digest, tuple(lines), config, fixups)
