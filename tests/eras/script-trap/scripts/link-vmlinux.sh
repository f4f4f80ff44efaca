#!/bin/sh
# The link in the shape of 3.5 to 4.x: whatever goes wrong, all that it made is deleted.
set -e

info()
{
	if [ "${quiet}" != "silent_" ]; then
		printf '  %-7s %s\n' "$1" "$2"
	fi
}

# vmlinux_link TABLE OUTPUT
vmlinux_link()
{
	${LD} ${KBUILD_LDFLAGS} ${LDFLAGS_vmlinux} -o "$2" -T "${KBUILD_LDS}" \
		--whole-archive vmlinux.a init/version-timestamp.o --no-whole-archive $1
}

# kallsyms IMAGE TABLE; what has no address is not for the table.
kallsyms()
{
	info KSYM "$2"
	${NM} -n "$1" | grep '^[0-9a-f]' | scripts/kallsyms /dev/stdin > "${2%.o}.S"
	${CC} ${KBUILD_CFLAGS} -c -o "$2" "${2%.o}.S"
}

# mksysmap IMAGE MAP
mksysmap()
{
	${CONFIG_SHELL} "${srctree}/scripts/mksysmap" "$1" "$2"
}

cleanup()
{
	rm -f .tmp_System.map
	rm -f .tmp_kallsyms*
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
	kallsymso=.tmp_kallsyms2.o
	kallsyms_vmlinux=.tmp_vmlinux2
	vmlinux_link "" .tmp_vmlinux1
	kallsyms .tmp_vmlinux1 .tmp_kallsyms1.o
	vmlinux_link .tmp_kallsyms1.o .tmp_vmlinux2
	kallsyms .tmp_vmlinux2 .tmp_kallsyms2.o

	size1=$(wc -c < .tmp_kallsyms1.o)
	size2=$(wc -c < .tmp_kallsyms2.o)
	if [ "$size1" -ne "$size2" ] || [ -n "${KALLSYMS_EXTRA_PASS}" ]; then
		kallsymso=.tmp_kallsyms3.o
		kallsyms_vmlinux=.tmp_vmlinux3
		vmlinux_link .tmp_kallsyms2.o .tmp_vmlinux3
		kallsyms .tmp_vmlinux3 .tmp_kallsyms3.o
	fi
fi

info LD vmlinux
vmlinux_link "${kallsymso}" vmlinux
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
