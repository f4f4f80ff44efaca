#!/bin/sh
# Link vmlinux: twice or three times to find the table of symbols, then once more with it.
#
# Every pass N leaves .tmp_vmlinux.kallsymsN, its map (.syms), and the table made from that map (.S, .o).
# The table is right only if the final link puts every symbol where the last pass had it.
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
	case "${quiet}" in
	silent_*) ;;
	*) printf '  %-7s %s\n' "$1" "$2" ;;
	esac
}

# vmlinux_link OUTPUT [TABLE]
vmlinux_link()
{
	output=$1
	info LD "$output"
	shift
	${LD} ${KBUILD_LDFLAGS} ${LDFLAGS_vmlinux} --script="${KBUILD_LDS}" -o "$output" \
		--whole-archive vmlinux.a init/version-timestamp.o --no-whole-archive "$@"
}

# mksysmap IMAGE MAP
mksysmap()
{
	info NM "$2"
	${CONFIG_SHELL} "${srctree}/scripts/mksysmap" "$1" "$2"
}

kallsyms_step()
{
	kallsymso_prev=${kallsymso}
	kallsyms_vmlinux=.tmp_vmlinux.kallsyms$1
	kallsymso=${kallsyms_vmlinux}.o

	vmlinux_link "${kallsyms_vmlinux}" ${kallsymso_prev}
	mksysmap "${kallsyms_vmlinux}" "${kallsyms_vmlinux}.syms"
	info KSYMS "${kallsyms_vmlinux}.S"
	scripts/kallsyms "${kallsyms_vmlinux}.syms" > "${kallsyms_vmlinux}.S"
	info AS "${kallsymso}"
	${CC} ${KBUILD_CFLAGS} -c -o "${kallsymso}" "${kallsyms_vmlinux}.S"
}

case "${KBUILD_VERBOSE}" in
*1*) set -x ;;
esac

# What an earlier link left says nothing about this one.
rm -f .tmp_vmlinux.kallsyms* System.map

${MAKE} -f "${srctree}/scripts/Makefile.build" obj=init init/version-timestamp.o

kallsymso=
kallsyms_vmlinux=
if is_enabled CONFIG_KALLSYMS; then
	kallsyms_step 1
	kallsyms_step 2
	# A table of another size moves what follows it.
	size1=$(wc -c < "${kallsymso_prev}")
	size2=$(wc -c < "${kallsymso}")
	if [ "$size1" -ne "$size2" ] || [ -n "${KALLSYMS_EXTRA_PASS}" ]; then
		kallsyms_step 3
	fi
fi

vmlinux_link vmlinux ${kallsymso}
mksysmap vmlinux System.map

if is_enabled CONFIG_KALLSYMS; then
	if ! cmp -s System.map ${kallsyms_vmlinux}.syms; then
		echo >&2 Inconsistent kallsyms data
		echo >&2 Try "make KALLSYMS_EXTRA_PASS=1" as a workaround
		exit 1
	fi
fi
