"""What nm says of each image of a link, caught while the link runs: make deletes vmlinux after a mismatch.

In eras whose link script deletes its maps too, the build gets NM=, a script that runs the real nm and keeps copies.
Such a copy through the filter of the revision, scripts/mksysmap, is the map, as the link itself made it. In all others
the same script is found on PATH, where nm is (effects/toolpath.py), and the copies tell what a map leaves out.
"""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.eras import Era

SUFFIX = ".nm"
IMAGE = re.compile(r"vmlinux(?:\.unstripped)?|\.tmp_vmlinux[\w.]{0,40}", re.ASCII)
"""Names of the images of a link; a build may have put others beside them."""
SECTIONS = ".sections"
"""Beside a copy: the sections of that image, as `readelf -SW` prints them; missing where there is no readelf."""
LAST_PASS = f".tmp_vmlinux*[0-9]{SUFFIX}"
"""Copies of the temporary images that have a number, which is the pass."""
WRAPPER = """\
#!/bin/sh
# nm, and a copy of the symbols of each image of the link; every other call goes straight through.
case "$#$1 $2" in
"2-n vmlinux" | "2-n vmlinux.unstripped" | "2-n .tmp_vmlinux"*) ;;
*) exec {nm} "$@" ;;
esac
[ -w {folder} ] || exec {nm} "$@"
copy={folder}/$2.$$
whole= status=1
{{ {nm} "$@"; echo $? > "$copy.status"; }} | tee "$copy" && whole=yes
read -r status < "$copy.status"
if [ "$whole $status" = "yes 0" ]; then
	LC_ALL=C readelf -SW "$2" > {folder}/"$2"{sections} 2>/dev/null || rm -f {folder}/"$2"{sections}
	mv -f "$copy" {folder}/"$2"{suffix}
fi
exit "${{status:-1}}"
"""
"""A copy gets its name when it is whole, so that calls side by side or cut short do no harm."""
AS_IT_IS = "sed -e p"
"""NM for mksysmap, which calls it as `$NM -n FILE`: then FILE is printed as it is."""


def copies(folder: Path) -> tuple[Path, ...]:
    """What nm said of each image of the link, `IMAGE.nm`, in the order of their names: passes, then vmlinux."""
    return tuple(sorted(path for path in folder.glob(f"*vmlinux*{SUFFIX}") if IMAGE.fullmatch(path.stem)))


def wrapper(nm: str, folder: Path) -> str:
    """The text of a script that is the real `nm`, and keeps copies in `folder` as the build sees it."""
    return WRAPPER.format(nm=shlex.quote(nm), folder=shlex.quote(str(folder)), suffix=SUFFIX, sections=SECTIONS)


@dataclass(frozen=True, slots=True)
class NmTap:
    """The folder of the wrapper and of its copies."""

    folder: Path
    seen: Path
    """The same folder as the build sees it."""

    @property
    def nm(self) -> Path:
        """NM= for the build."""
        return self.seen / "nm"

    def install(self, nm: str) -> None:
        """Write the wrapper for the real `nm`, and forget what was caught before."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(exist_ok=True)
        script = self.folder / "nm"
        script.write_text(wrapper(nm, self.seen))
        script.chmod(0o755)

    def copies(self) -> tuple[Path, ...]:
        """What nm said of each image of the link, `IMAGE.nm`."""
        return copies(self.folder)

    def filter_script(self, src: Path, era: Era) -> str:
        """Shell that makes both maps in the folder by the mksysmap of `src`; empty if an image was not reached."""
        before = max(self.folder.glob(LAST_PASS), default=None)
        if before is None or not (self.folder / f"vmlinux{SUFFIX}").exists():
            return ""
        mksysmap = f"NM={shlex.quote(AS_IT_IS)} sh {shlex.quote(str(src / 'scripts/mksysmap'))}"
        pairs = ((f"vmlinux{SUFFIX}", era.after), (before.name, era.before[0]))
        made = [f"{mksysmap} {shlex.quote(image)} {shlex.quote(name)}" for image, name in pairs]
        return " && ".join([f"cd {shlex.quote(str(self.seen))}", *made])
