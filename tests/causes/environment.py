"""Environment: the same objects fail on one host and pass on another, by what the link asks its host for.

The other host is a tool in front of PATH that answers as there.
"""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.kallsyms.facts import Tried
from bisectsyms.smallkernel.edits import Edit
from tests.causes.case import Case, variant
from tests.causes.links import LDS, final_link

PAGES = (Edit(LDS, "\t. = ALIGN(64);\n\t__end_rodata", "\t. = ALIGN(CONSTANT(MAXPAGESIZE));\n\t__end_rodata"),)


@dataclass(frozen=True, slots=True)
class Host:
    """What the last link asks, and what the host that fails answers."""

    name: str
    what: str
    tool: str
    words: str
    answer: str
    edits: tuple[Edit, ...] = ()


HOSTS = (
    Host("page", "a host with large pages", "getconf", "-z max-page-size=$(getconf PAGESIZE)", "65536", PAGES),
    Host(
        "cores",
        "a host with many cores",
        "nproc",
        "$([ $(nproc) -lt 64 ] || echo --defsym=image_slots=$(nproc))",
        "128",
    ),
    Host("locale", "a host whose user has a locale", "locale", "$([ $(locale charmap) != UTF-8 ] || echo -x)", "UTF-8"),
)


def elsewhere(host: Host, arch: str, shape: str = "6.1", answer: str = "") -> Case:
    """What the final link takes from the host that fails."""
    return Case(
        f"environment-{host.name}",
        trigger="environment",
        imitates=f"ci2 #665 (2023 to 2025): on one host only; here {host.what}",
        arch=arch,
        shape=shape,
        edits=(*host.edits, *final_link(shape, "${asked}", f'asked="{host.words}"')),
        tools=((host.tool, f"#!/bin/sh\necho {answer or host.answer}\n"),),
        tried=(Tried("same", 10, 0), Tried("host=here", 10, 0), Tried("host=elsewhere", 0, 10)),
    )


CASES = tuple(elsewhere(host, arch) for host, arch in zip(HOSTS, ("x86", "arm", "arm64"), strict=True))
MORE = (
    (0, "arm64", "6.1", "16384"),
    (0, "arm", "6.9", "65536"),
    (0, "x86", "6.11", "16384"),
    (0, "arm64", "6.15", "65536"),
    (1, "x86", "6.1", "96"),
    (1, "arm64", "6.9", "64"),
    (1, "arm", "6.11", "256"),
    (2, "x86", "6.1", ""),
    (2, "arm", "6.9", ""),
    (2, "x86", "5.15", ""),
)


def variants(case: Case) -> list[Case]:
    """Other hosts, kernels and links."""
    return [variant(elsewhere(HOSTS[n], *one), one[2] or HOSTS[n].answer) for n, *one in MORE]
