"""The maps of eras whose link script deletes them after a mismatch, caught from nm while the link runs.

Such a build gets NM=, a script that runs the real nm and keeps a copy of what it says of each image. A
map is that through the filter of the revision, scripts/mksysmap, as the link itself made it.
"""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.eras import Era

SUFFIX = ".nm"
LAST_PASS = f".tmp_vmlinux*[0-9]{SUFFIX}"
"""Copies of the temporary images that have a number, which is the pass."""
WRAPPER = """\
#!/bin/sh
# nm, and a copy of the symbols of each image of the link; every other call goes straight through.
case "$#$1 $2" in
"2-n vmlinux" | "2-n .tmp_vmlinux"*) ;;
*) exec {nm} "$@" ;;
esac
copy={folder}/$2.$$
whole= status=1
{{ {nm} "$@"; echo $? > "$copy.status"; }} | tee "$copy" && whole=yes
read -r status < "$copy.status"
[ "$whole $status" = "yes 0" ] && mv -f "$copy" {folder}/"$2"{suffix}
exit "${{status:-1}}"
"""
"""A copy gets its name when it is whole, so that calls side by side or cut short do no harm."""
AS_IT_IS = "sed -e p"
"""NM for mksysmap, which calls it as `$NM -n FILE`: then FILE is printed as it is."""


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
        wrapper = self.folder / "nm"
        wrapper.write_text(WRAPPER.format(nm=shlex.quote(nm), folder=shlex.quote(str(self.seen)), suffix=SUFFIX))
        wrapper.chmod(0o755)

    def copies(self) -> tuple[Path, ...]:
        """What nm said of each image of the link, `IMAGE.nm`."""
        return tuple(sorted(self.folder.glob(f"*vmlinux*{SUFFIX}")))

    def filter_script(self, src: Path, era: Era) -> str:
        """Shell that makes both maps in the folder by the mksysmap of `src`; empty if an image was not reached."""
        before = max(self.folder.glob(LAST_PASS), default=None)
        if before is None or not (self.folder / f"vmlinux{SUFFIX}").exists():
            return ""
        mksysmap = f"NM={shlex.quote(AS_IT_IS)} sh {shlex.quote(str(src / 'scripts/mksysmap'))}"
        pairs = ((f"vmlinux{SUFFIX}", era.after), (before.name, era.before[0]))
        made = [f"{mksysmap} {shlex.quote(image)} {shlex.quote(name)}" for image, name in pairs]
        return " && ".join([f"cd {shlex.quote(str(self.seen))}", *made])
