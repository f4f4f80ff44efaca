"""What a commit of the small kernel changes in its build system: the form of it, noise, plain work.

An edit replaces one text of one file by another. All of them apply to the base tree in any order, so
that a history may draw their places freely and a merge is the union of both sides.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement; `old` stands in the file exactly once."""

    path: str
    old: str
    new: str

    def apply(self, files: dict[str, str]) -> None:
        """Change `files` in place.

        Raises:
            ValueError: `old` is not there exactly once: tree and edit do not fit each other.
        """
        text = files[self.path]
        if text.count(self.old) != 1:
            raise ValueError(f"{self.path} has {self.old!r} {text.count(self.old)} times, not once")
        files[self.path] = text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Change:
    """The build system's part of a commit; `{n}` in the title is the commit's number."""

    title: str
    edits: tuple[Edit, ...]


# One compilation in 32 loses its cc1 to a real SIGKILL; gcc itself reports it.
DYING_COMPILER = Change(
    "kbuild: {n} let the machine breathe while the banner is compiled",
    (
        Edit(
            "scripts/Makefile.build",
            "\t$(call cmd,cc_o_c)\n",
            r"""	@sh $(srctree)/scripts/gentle-compiler $(CC)
	$(call cmd,cc_o_c)
CFLAGS_version-timestamp.o := -Bscripts/compiler/
""",
        ),
    ),
)
GENTLE_COMPILER = (
    "scripts/gentle-compiler",
    """#!/bin/sh
# gentle-compiler CC: make scripts/compiler/cc1, the compiler proper of CC at a lower priority.
#
# Under pressure the kernel ends the process that is least missed, and that may be this one.
set -e

mkdir -p scripts/compiler
cat > scripts/compiler/cc1.new <<END
#!/bin/sh
if [ \\$(od -An -N1 -tu1 /dev/urandom) -lt 8 ]; then kill -KILL \\$\\$; fi
exec nice -n 1 $("$@" -print-prog-name=cc1) "\\$@"
END
chmod +x scripts/compiler/cc1.new
mv -f scripts/compiler/cc1.new scripts/compiler/cc1
""",
)

# Plain work on the build system, so that the culprit is one of several such commits.
PLAIN = (
    Change(
        "kbuild: {n} leave checksums of exports out of the map",
        (Edit("scripts/mksysmap", "-e ' \\.L'", "-e ' \\.L' -e ' __crc_'"),),
    ),
    Change(
        "kbuild: {n} refuse a map that cannot be read in kallsyms",
        (
            Edit(
                "scripts/kallsyms.c",
                "\tfclose(in);\n",
                "\tif (ferror(in)) {\n\t\tperror(path);\n\t\texit(1);\n\t}\n\tfclose(in);\n",
            ),
        ),
    ),
    Change(
        "kbuild: {n} say which step of the link goes on",
        (
            Edit(
                "scripts/link-vmlinux.sh",
                "\tkallsymso_prev=${kallsymso}\n",
                "\t# One more table, from the addresses of the one before.\n\tkallsymso_prev=${kallsymso}\n",
            ),
        ),
    ),
    Change(
        "kbuild: {n} compile without strict aliasing",
        (Edit("Makefile", "-fno-common \\\n", "-fno-common -fno-strict-aliasing \\\n"),),
    ),
    Change(
        "kbuild: {n} make the banner of a release one line",
        (Edit("scripts/Makefile.build", "| head -n 1)", "| sed 1q)"),),
    ),
    Change(
        "kbuild: {n} align the image to pages",
        (Edit("include/linux/vmlinux.lds.h", "\t. = KERNEL_BASE;\n", "\t. = KERNEL_BASE;\n\t. = ALIGN(4096);\n"),),
    ),
)
