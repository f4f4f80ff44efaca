#!/bin/sh
# A fragment in the shape of this generation's link script.
set -e

VMLINUX="$4"
cleanup()
{
	rm -f .btf.*
	rm -f System.map
	rm -f ${VMLINUX}
	rm -f vmlinux.map
}
sysmap_and_kallsyms()
{
	mksysmap "${1}" "${1}.syms"
	kallsyms "${1}.syms" "${1}.kallsyms"
	kallsyms_sysmap=${1}.syms
}
kallsyms /dev/null .tmp_vmlinux0.kallsyms
vmlinux_link .tmp_vmlinux1
sysmap_and_kallsyms .tmp_vmlinux1
vmlinux_link .tmp_vmlinux2
sysmap_and_kallsyms .tmp_vmlinux2

mksysmap vmlinux System.map
if [ -n "${CONFIG_KALLSYMS}" ]; then
	if ! cmp -s System.map "${kallsyms_sysmap}"; then
		echo >&2 Inconsistent kallsyms data
		echo >&2 'Try "make KALLSYMS_EXTRA_PASS=1" as a workaround'
		exit 1
	fi
fi
