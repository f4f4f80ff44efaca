#!/bin/sh
# conf.sh defconfig NAME | olddefconfig | syncconfig
#
# Reads Kconfig (bool and string options with a default) and writes .config: each option has the value
# that was asked for, else its default; options that Kconfig does not know vanish.
set -e

complete()
{
	awk -v arch="$SRCARCH" -v release="$KERNELVERSION" '
	FNR == NR {
		if (match($0, /^CONFIG_[A-Za-z0-9_]+=/))
			asked[substr($0, 8, RLENGTH - 8)] = substr($0, RLENGTH + 1)
		else if ($0 ~ /^# CONFIG_[A-Za-z0-9_]+ is not set/)
			asked[substr($2, 8)] = "n"
		next
	}
	FNR == 1 {
		print "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/" arch " " release " Kernel Configuration\n#"
	}
	$1 == "config" { name = $2 }
	$1 == "default" {
		value = (name in asked) ? asked[name] : $2
		print value == "n" ? "# CONFIG_" name " is not set" : "CONFIG_" name "=" value
	}' "$1" "$srctree/Kconfig" > .config.tmp
	mv -f .config.tmp .config
}

case "$1" in
defconfig)
	base="arch/$SRCARCH/configs/$2"
	if ! [ -f "$srctree/$base" ]; then
		printf >&2 '***\n*** Can'\''t find default configuration "%s"!\n***\n\n' "$base"
		exit 1
	fi
	complete "$srctree/$base"
	;;
olddefconfig)
	[ -f .config ] || : > .config
	complete .config
	;;
syncconfig)
	complete .config
	mkdir -p include/config include/generated
	awk '/^CONFIG_[A-Za-z0-9_]+=y$/ { sub(/=y$/, " 1"); print "#define " $0; next }
	/^CONFIG_/ { sub(/=/, " "); print "#define " $0 }' .config > include/generated/autoconf.h.new
	if cmp -s include/generated/autoconf.h include/generated/autoconf.h.new; then
		rm -f include/generated/autoconf.h.new
	else
		mv -f include/generated/autoconf.h.new include/generated/autoconf.h
	fi
	grep '^CONFIG_' .config > include/config/auto.conf || :
	exit 0
	;;
esac
[ -z "${quiet##silent_*}" ] && [ -n "$quiet" ] || printf '#\n# configuration written to .config\n#\n'
