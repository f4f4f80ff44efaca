#!/bin/sh
# The link in the shape of 6.11: pass 0 is a table of nothing, so that the first image has the section.
set -e

LD="$1"
KBUILD_LDFLAGS="$2"
LDFLAGS_vmlinux="$3"

is_enabled()
{
	grep -q "^$1=y" include/config/auto.conf
}

info()
{
	printf '  %-7s %s\n' "$1" "$2"
}

# vmlinux_link OUTPUT
vmlinux_link()
{
	info LD "$1"
	${LD} ${KBUILD_LDFLAGS} ${LDFLAGS_vmlinux} --script="${KBUILD_LDS}" -o "$1" \
		--whole-archive vmlinux.a init/version-timestamp.o --no-whole-archive ${kallsymso}
}

# kallsyms MAP TABLE
kallsyms()
{
	info KSYMS "$2.S"
	scripts/kallsyms "$1" > "$2.S"
	info AS "$2.o"
	${CC} ${KBUILD_CFLAGS} -c -o "$2.o" "$2.S"
	kallsymso=$2.o
}

# mksysmap IMAGE MAP
mksysmap()
{
	info NM "$2"
	${CONFIG_SHELL} "${srctree}/scripts/mksysmap" "$1" "$2"
}

sysmap_and_kallsyms()
{
	mksysmap "$1" "$1.syms"
	kallsyms "$1.syms" "$1.kallsyms"
	kallsyms_sysmap=$1.syms
}

${MAKE} -f "${srctree}/scripts/Makefile.build" obj=init init/version-timestamp.o

kallsymso=
if is_enabled CONFIG_KALLSYMS; then
	true > .tmp_vmlinux0.syms
	kallsyms .tmp_vmlinux0.syms .tmp_vmlinux0.kallsyms
	vmlinux_link .tmp_vmlinux1
	sysmap_and_kallsyms .tmp_vmlinux1
	size1=$(wc -c < ${kallsymso})
	vmlinux_link .tmp_vmlinux2
	sysmap_and_kallsyms .tmp_vmlinux2
	size2=$(wc -c < ${kallsymso})
	if [ "$size1" -ne "$size2" ] || [ -n "${KALLSYMS_EXTRA_PASS}" ]; then
		vmlinux_link .tmp_vmlinux3
		sysmap_and_kallsyms .tmp_vmlinux3
	fi
fi

vmlinux_link vmlinux
mksysmap vmlinux System.map

if is_enabled CONFIG_KALLSYMS; then
	if ! cmp -s System.map "${kallsyms_sysmap}"; then
		echo >&2 Inconsistent kallsyms data
		echo >&2 'Try "make KALLSYMS_EXTRA_PASS=1" as a workaround'
		exit 1
	fi
fi
