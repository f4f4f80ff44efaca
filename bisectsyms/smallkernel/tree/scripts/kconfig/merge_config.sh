#!/bin/sh
# merge_config.sh [-m] [-O DIR] BASE FRAGMENT...: the last word on each option wins.
#
# With -m the merged file is left in DIR/.config for a later olddefconfig; without it, that is done here.
set -e

only_merge=
output=.
while getopts mO: option; do
	case "$option" in
	m) only_merge=y ;;
	O) output=$OPTARG ;;
	*) exit 1 ;;
	esac
done
shift $((OPTIND - 1))
if [ $# -lt 1 ]; then
	echo >&2 'usage: merge_config.sh [-m] [-O DIR] BASE FRAGMENT...'
	exit 1
fi
for file in "$@"; do
	if ! [ -r "$file" ]; then
		echo >&2 "The merge file '$file' does not exist.  Exit."
		exit 1
	fi
done
echo "Using $1 as base"

merged=$output/.config.merged
awk '
FNR == 1 && NR > 1 { print "Merging " FILENAME > "/dev/stderr" }
{
	name = ""
	if (match($0, /^CONFIG_[A-Za-z0-9_]+=/))
		name = substr($0, 1, RLENGTH - 1)
	else if ($0 ~ /^# CONFIG_[A-Za-z0-9_]+ is not set/)
		name = $2
	if (name == "")
		next
	if (!(name in text))
		order[++count] = name
	text[name] = $0
}
END { for (i = 1; i <= count; i++) print text[order[i]] }' "$@" > "$merged"
mv -f "$merged" "$output/.config"
if [ -n "$only_merge" ]; then
	printf '#\n# merged configuration written to %s/.config (needs make)\n#\n' "$output"
else
	make O="$output" olddefconfig
fi
