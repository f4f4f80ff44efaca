"""The commits that make the kallsyms link of the small kernel fail, each by a mechanism of its own.

Titles and comments inside the edits are what their author would have written in good faith: a search must
not find the culprit by reading. What they really do is said here.
"""

from __future__ import annotations

from bisectsyms.smallkernel.edits import Change, Edit

# Beside the link a second target exchanges the object of the banner by one whose banner is longer. The
# exchange is a rename, so a link reads the one or the other; it hurts if it falls between the second
# pass and the final link. It waits for a file of the link rather than for a time, so that the machine's
# load matters little, and under -j1 make runs it when the link is over.
RACE = Change(
    "kbuild: {n} put a fingerprint of the objects into the banner",
    (
        Edit("scripts/Makefile.vmlinux", "__default: vmlinux\n", "__default: vmlinux fingerprint\n"),
        Edit(
            "scripts/Makefile.vmlinux",
            "PHONY += FORCE\n",
            r"""# Two images of one version differ by the fingerprint in their banner. Do not stand in the way
# of the link: wait until it has come to a place where the disk is idle.
quiet_cmd_fingerprint = FPRINT  init/version-timestamp.o
      cmd_fingerprint = \
	after() { n=0; while [ ! -e $$1 ] && [ ! -e System.map ] && [ $$n -lt 150 ]; do \
		sleep 0.01; n=$$((n + 1)); done; }; \
	after init/version-timestamp.o; \
	if [ ! -e init/version-timestamp.o ]; then exit 0; fi; \
	printf '$(pound)define UTS_FINGERPRINT " [%08x]"\n' \
		$$(cat $(KBUILD_LDS) vmlinux.a | cksum | cut -d' ' -f1) > .fingerprint.h; \
	$(CC) $(c_flags) -include .fingerprint.h -c -o .fingerprint.o $(srctree)/init/version-timestamp.c; \
	case $$(($$(od -An -N1 -tu1 /dev/urandom) % 4)) in \
	0) after .tmp_vmlinux.kallsyms1.syms ;; \
	1 | 2) after .tmp_vmlinux.kallsyms2.syms ;; \
	3) after System.map ;; \
	esac; \
	mv -f .fingerprint.o init/version-timestamp.o

PHONY += fingerprint
fingerprint: vmlinux.a FORCE
	$(call cmd,fingerprint)

PHONY += FORCE
""",
        ),
        Edit(
            "init/version-timestamp.c",
            "#include <generated/utsversion.h>\n",
            '#include <generated/utsversion.h>\n\n#ifndef UTS_FINGERPRINT\n#define UTS_FINGERPRINT ""\n#endif\n',
        ),
        Edit("init/version-timestamp.c", '\tUTS_VERSION "\\n";', '\tUTS_VERSION UTS_FINGERPRINT "\\n";'),
    ),
)

# The table stores each distance between neighbours once, so its size follows from the addresses. The
# last message ends before an aligned label: where that gap is a new distance the table grows by eight
# bytes, and where the gap less eight is an old one the next pass shrinks it again, without end.
LAYOUT = Change(
    "kbuild: {n} store the distances between symbols once",
    (
        Edit(
            "scripts/kallsyms.c",
            """\
 * The size of the table follows from the number and the names of the symbols alone, never from their
 * addresses: only so the second pass has the size of the first.
""",
            """\
 * Functions are aligned, so few distances between neighbours occur and most occur often: the table has
 * each of them once, and one byte for each symbol that says which it is.
""",
        ),
        Edit(
            "scripts/kallsyms.c",
            """\tunsigned int i;

\tlabel("kallsyms_offsets");
\tfor (i = 0; i < count; i++) {
""",
            """\tstatic unsigned long long steps[256];
\tstatic unsigned char index[1 << 16];
\tunsigned long long before = base;
\tunsigned int i, k, n = 0;

\tif (count > sizeof(index)) {
\t\tfprintf(stderr, "kallsyms failure: too many symbols\\n");
\t\texit(1);
\t}
\tfor (i = 0; i < count; i++) {
""",
        ),
        Edit(
            "scripts/kallsyms.c",
            """\t\tprintf("\\t.long %llu\\n", offset);
\t}
""",
            """\t\toffset = table[i].address - before;
\t\tbefore = table[i].address;
\t\tfor (k = 0; k < n && steps[k] != offset; k++)
\t\t\t;
\t\tif (k == 256) {
\t\t\tfprintf(stderr, "kallsyms failure: too many distances\\n");
\t\t\texit(1);
\t\t}
\t\tif (k == n)
\t\t\tsteps[n++] = offset;
\t\tindex[i] = k;
\t}
\tprintf("\\t.balign 8\\n");
\tlabel("kallsyms_steps");
\tfor (k = 0; k < n; k++)
\t\tprintf("\\t.quad %llu\\n", steps[k]);
\tlabel("kallsyms_index");
\tfor (i = 0; i < count; i++)
\t\tprintf("\\t.byte %u\\n", index[i]);
""",
        ),
        Edit(
            "kernel/kallsyms.c",
            "extern const u32 kallsyms_offsets[] __weak;\n",
            "extern const unsigned long long kallsyms_steps[] __weak;\nextern const u8 kallsyms_index[] __weak;\n",
        ),
        Edit(
            "kernel/kallsyms.c",
            "\treturn kallsyms_offsets[index];\n",
            """\tu32 i, offset = 0;

\tfor (i = 0; i <= index; i++)
\t\toffset += kallsyms_steps[kallsyms_index[i]];
\treturn offset;
""",
        ),
    ),
)

# The banner's object and its salted twin race for a header that is made once in the life of an objtree: the
# twin takes the other's place as soon as the header is there, which in a build from scratch is mostly between
# the second pass and the final link. Whoever links again finds the header, and has one banner from the start.
HEADER = Change(
    "kbuild: {n} salt the banner",
    (
        Edit("scripts/Makefile.vmlinux", "__default: vmlinux\n", "__default: vmlinux salt\n"),
        Edit(
            "scripts/Makefile.vmlinux",
            "PHONY += FORCE\n",
            r"""# The salt of an objtree is drawn once, and the banner has it from then on. It is made of the link's
# files: wait until they have come to rest.
salt-h := include/generated/build-salt.h
quiet_cmd_salt = SALT    $(salt-h)
      cmd_salt = \
	if [ -e $(salt-h) ]; then exit 0; fi; \
	after() { n=0; while [ ! -e $$1 ] && [ ! -e System.map ] && [ $$n -lt 150 ]; do \
		sleep 0.01; n=$$((n + 1)); done; }; \
	after init/version-timestamp.o; \
	case $$(($$(od -An -N1 -tu1 /dev/urandom) % 4)) in \
	0) after .tmp_vmlinux.kallsyms1.syms ;; \
	*) after .tmp_vmlinux.kallsyms2.syms ;; \
	esac; \
	printf '$(pound)define BUILD_SALT " salt %s"\n' $$(cat $(KBUILD_LDS) vmlinux.a | sha256sum | cut -c1-64) \
		> $(salt-h).new; \
	mv -f $(salt-h).new $(salt-h); \
	$(CC) $(c_flags) -c -o .salted.o $(srctree)/init/version-timestamp.c; \
	mv -f .salted.o init/version-timestamp.o

PHONY += salt
salt: vmlinux.a FORCE
	$(call cmd,salt)

PHONY += FORCE
""",
        ),
        Edit(
            "init/version-timestamp.c",
            "#include <generated/utsversion.h>\n",
            "#include <generated/utsversion.h>\n\n#if __has_include(<generated/build-salt.h>)\n"
            '#include <generated/build-salt.h>\n#else\n#define BUILD_SALT ""\n#endif\n',
        ),
        Edit("init/version-timestamp.c", '\tUTS_VERSION "\\n";', '\tUTS_VERSION BUILD_SALT "\\n";'),
    ),
)

# The final link has a symbol that no pass before it had.
ALWAYS = Change(
    "kbuild: {n} mark the complete image",
    (
        Edit(
            "scripts/link-vmlinux.sh",
            "vmlinux_link vmlinux ${kallsymso}\n",
            "vmlinux_link vmlinux ${kallsymso} --defsym=image_complete=1\n",
        ),
    ),
)


def spot(residue: int) -> Edit:
    """The final link has a symbol too many where the last message ends at `residue` modulo 8: one length of eight."""
    digits = f"{residue % 8:x}{residue % 8 + 8:x}"
    last = "vmlinux_link vmlinux ${kallsymso}\n"
    odd = f"""\
more=
if grep -q '[{digits}] . error_end$' "${{kallsyms_vmlinux}}.syms"; then more=--defsym=odd=1; fi
vmlinux_link vmlinux ${{kallsymso}} $more
"""
    return Edit("scripts/link-vmlinux.sh", last, odd)
