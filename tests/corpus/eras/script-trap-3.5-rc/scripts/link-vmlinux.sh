#!/bin/sh
# A fragment in the shape of this generation's link script.
set -e

trap cleanup SIGHUP SIGINT SIGQUIT SIGTERM ERR
cleanup()
{
	rm -f .tmp_System.map
	rm -f .tmp_kallsyms*
	rm -f .tmp_vmlinux*
	rm -f System.map
	rm -f vmlinux
	rm -f vmlinux.o
}

vmlinux_link "" .tmp_vmlinux1
kallsyms .tmp_vmlinux1 .tmp_kallsyms1.o
vmlinux_link .tmp_kallsyms1.o .tmp_vmlinux2
kallsyms .tmp_vmlinux2 .tmp_kallsyms2.o
kallsyms_vmlinux=.tmp_vmlinux2
mksysmap ${kallsyms_vmlinux} .tmp_System.map

mksysmap vmlinux System.map
if [ -n "${CONFIG_KALLSYMS}" ]; then
	if ! cmp -s System.map .tmp_System.map; then
		echo Inconsistent kallsyms data
		echo Try "make KALLSYMS_EXTRA_PASS=1" as a workaround
		cleanup
		exit 1
	fi
fi
