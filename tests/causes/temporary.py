"""Temporary link and final link are not the same link: sections or flags that the last one alone has."""

from __future__ import annotations

from dataclasses import dataclass, field

from bisectsyms.smallkernel.edits import Edit
from tests.causes.case import Case, variant
from tests.causes.links import LDS, final_link

SECOND_OBJECT = '${CC} ${KBUILD_CFLAGS} -c -o .tmp_final.o "${srctree}/scripts/final.S"'


@dataclass(frozen=True, slots=True)
class Extra:
    """What the final link has more."""

    name: str
    imitates: str
    words: str
    shows: str
    """A name of its own in the final map; empty: only places differ."""
    source: str = ""
    """Assembler text of an object made for the final link."""
    edits: tuple[Edit, ...] = field(default=())


def _section(name: str) -> Edit:
    """The linker script knows the section, in front of the messages: it moves them."""
    return Edit(LDS, "\t\t*(.banner)\n", f"\t\t*({name})\n\t\t*(.banner)\n")


EXTRAS = (
    Extra("mark", "a symbol by --defsym", "--defsym=image_complete=1", "image_complete"),
    Extra(
        "btf",
        "90ceddcb4950: the BTF of the temporary image is linked into vmlinux only",
        ".tmp_final.o",
        "__start_BTF",
        '.section .BTF, "a"\n.globl __start_BTF\n__start_BTF:\n.space 96\n',
        (_section(".BTF"),),
    ),
    Extra(
        "orphan",
        "a section that the linker script does not name goes where ld likes it",
        ".tmp_final.o",
        "",
        '.section .orphan_data, "aw"\n.space 64\n',
    ),
    Extra(
        "build-id",
        "--build-id in the flags of vmlinux only",
        "--build-id=sha1",
        "",
        "",
        (
            Edit(LDS, "*(.note.*)", "*(.note.GNU-stack)"),
            Edit(LDS, "\t. = ALIGN(4096);\n\t.rodata : {", "\t.notes : { *(.note.gnu.build-id) }\n\t.rodata : {"),
        ),
    ),
    Extra("strip", "-x in the final link: local symbols are gone", "-x", "boot_state"),
)


def temporary(extra: Extra, arch: str, shape: str = "6.1") -> Case:
    """One extra in the final link of one kernel."""
    return Case(
        f"temporary-{extra.name}",
        mechanism="temporary-differs",
        imitates=extra.imitates,
        arch=arch,
        shape=shape,
        edits=(*extra.edits, *final_link(shape, extra.words, SECOND_OBJECT if extra.source else "")),
        files=(("scripts/final.S", extra.source),) if extra.source else (),
        shows=extra.shows,
    )


CASES = tuple(temporary(extra, arch) for extra, arch in zip(EXTRAS, ("x86", "arm", "arm64", "x86", "arm"), strict=True))
MORE = (("arm", "6.15"), ("x86", "5.15"), ("arm64", "6.9"), ("x86", "2.6.39"), ("x86", "6.11"))


def variants(case: Case) -> list[Case]:
    """Two of the extras for other kernels and links, turn by turn."""
    places = enumerate(MORE)
    return [variant(temporary(EXTRAS[(n + k) % len(EXTRAS)], *place)) for n, place in places for k in range(2)]
