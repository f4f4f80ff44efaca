#!/bin/sh
# The link in the shape of 5.x to 5.12: the temporary images have other names, and still all is deleted.
set -e

info()
{
	if [ "${quiet}" != "silent_" ]; then
		printf '  %-7s %s\n' "$1" "$2"
	fi
}

# vmlinux_link OUTPUT [TABLE]
vmlinux_link()
{
	output=$1
	info LD "$output"
	shift
	${LD} ${KBUILD_LDFLAGS} ${LDFLAGS_vmlinux} -o "$output" -T "${KBUILD_LDS}" \
		--whole-archive vmlinux.a init/version-timestamp.o --no-whole-archive "$@"
}

# kallsyms IMAGE TABLE; what has no address is not for the table.
kallsyms()
{
	info KSYM "$2"
	${NM} -n "$1" | grep '^[0-9a-f]' | scripts/kallsyms /dev/stdin > "${2%.o}.S"
	${CC} ${KBUILD_CFLAGS} -c -o "$2" "${2%.o}.S"
}

kallsyms_step()
{
	kallsymso_prev=${kallsymso}
	kallsyms_vmlinux=.tmp_vmlinux.kallsyms$1
	kallsymso=${kallsyms_vmlinux}.o
	vmlinux_link ${kallsyms_vmlinux} ${kallsymso_prev}
	kallsyms ${kallsyms_vmlinux} ${kallsymso}
}

# mksysmap IMAGE MAP
mksysmap()
{
	${CONFIG_SHELL} "${srctree}/scripts/mksysmap" "$1" "$2"
}

cleanup()
{
	rm -f .btf.*
	rm -f .tmp_System.map
	rm -f .tmp_vmlinux*
	rm -f System.map
	rm -f vmlinux
	rm -f vmlinux.o
}

on_exit()
{
	if [ $? -ne 0 ]; then
		cleanup
	fi
}
trap on_exit EXIT

on_signals()
{
	exit 1
}
trap on_signals HUP INT QUIT TERM

. include/config/auto.conf

${MAKE} -f "${srctree}/scripts/Makefile.build" obj=init init/version-timestamp.o
info LD vmlinux.o
${LD} ${KBUILD_LDFLAGS} -r -o vmlinux.o --whole-archive vmlinux.a

kallsymso=
kallsyms_vmlinux=
if [ -n "${CONFIG_KALLSYMS}" ]; then
	kallsyms_step 1
	kallsyms_step 2
	size1=$(wc -c < ${kallsymso_prev})
	size2=$(wc -c < ${kallsymso})
	if [ "$size1" -ne "$size2" ] || [ -n "${KALLSYMS_EXTRA_PASS}" ]; then
		kallsyms_step 3
	fi
fi

vmlinux_link vmlinux ${kallsymso}
info SYSMAP System.map
mksysmap vmlinux System.map

if [ -n "${CONFIG_KALLSYMS}" ]; then
	mksysmap ${kallsyms_vmlinux} .tmp_System.map
	if ! cmp -s System.map .tmp_System.map; then
		echo >&2 Inconsistent kallsyms data
		echo >&2 Try "make KALLSYMS_EXTRA_PASS=1" as a workaround
		exit 1
	fi
fi
