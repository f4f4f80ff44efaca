"""200 reports that attack, all the way through `bisectsyms reproduce`: what they made run is looked at from outside."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from bisectsyms.smallkernel.history import Failure
from tests.conftest import MakeHistory, User
from tests.hostile import report

PARTS, REPORTS = 5, 40
"""200; every fourth attacks by its .config: fifty, and each of them is built. Of the others every tenth is."""
PROGRAMS = re.compile(
    r"git(?:-\w+)*|bwrap|make|sh|dash|bash|env|true|sed|grep|[ef]grep|awk|mawk|gawk|cat|cp|mv|rm|mkdir|ln|touch|test|expr|date|tr|cut"
    r"|sort|uniq|head|tail|wc|cmp|diff|find|xargs|dirname|basename|readlink|realpath|printf|echo|seq|sleep|uname|id|hostname"
    r"|mktemp|tee|sha256sum|stat|chmod|pwd|od|kill|ccache|python3?(?:\.\d+)?|collect2|cc1(?:plus)?|as|nproc|getconf"
    r"|(?:\w+-linux-gnu(?:eabi(?:hf)?)?-)?(?:gcc|cpp|ld|nm|ar|as|objcopy|objdump|readelf|strip)(?:\.bfd|\.gold)?(?:-\d+)?"
    r"|(?:clang(?:\+\+)?|ld\.lld|lld|llvm-\w+)(?:-\d+)?|kallsyms|conf|fixdep|modpost|mksysmap|setlocalversion|conf\.sh"
    r"|merge_config\.sh|link-vmlinux\.sh|build-version|fingerprint|ldconfig(?:\.real)?|cc|uuidgen|busybox"
)
"""What git, a build of the small kernel and we ourselves run."""
ALL = """\
import pathlib, sys
from bisectsyms.cli import run
from bisectsyms.errors import BisectsymsError
ended = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.eml")):
    argv = ["reproduce", str(path), "--rev", "HEAD", "--arch", "arm", "--max-attempts", "1", "--slots-dir", sys.argv[2]]
    seed = int(path.stem)
    if seed % 4:  # the others bring a .config of their own
        argv += ["--defconfig", "smallkernel_defconfig"]
    if seed % 4 and seed % 10:
        argv += ["--for", "0s"]
    try:
        status, _ = run(argv)
    except BisectsymsError as error:
        status = type(error).__name__
    ended[status] = ended.get(status, 0) + 1
print(ended, file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_attacks_run_nothing_but_git_and_a_build(
    user: User, make_history: MakeHistory, tmp_path: Path, part: int
) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("apt-get install strace")
    history = make_history(Failure.NONE, unrelated=False)
    canary, mails, trace = tmp_path / "canary", tmp_path / "mails", tmp_path / "trace"
    mails.mkdir()
    for seed in range(part * REPORTS, (part + 1) * REPORTS):
        (mails / f"{seed:03}.eml").write_bytes(report(seed, str(canary)))
    before = set(tmp_path.rglob("*"))
    words = (strace, "-f", "--seccomp-bpf", "-qq", "-e", "trace=execve,connect", "-e", "signal=none", "-o", str(trace))
    done = user.run(*words, sys.executable, "-c", ALL, str(mails), str(user.slots), cwd=history.repo)
    if "Operation not permitted" in done.stderr and not trace.exists():
        pytest.skip("processes may not be traced here")
    assert done.returncode == 0, done.stderr[-2000:]
    assert not canary.exists()
    text = trace.read_text(errors="replace")
    ran = {Path(match[1]).name for match in re.finditer(r'execve\("([^"]*)".*\) = 0', text)}
    assert {name for name in ran if not PROGRAMS.fullmatch(name)} == set()
    assert {"make", "git"} <= ran, "some of them were built"
    assert str(canary) not in "".join(re.findall(r'execve\("[^"]*", \[.*?\]', text))
    assert set(re.findall(r"connect\(\d+, \{sa_family=(\w+)", text)) <= {"AF_UNIX"}
    made = {path for path in tmp_path.rglob("*") if path != trace and path not in before}
    allowed = (history.repo / ".git", user.slots, user.home)
    assert [path for path in made if not any(path == one or one in path.parents for one in allowed)] == []
    assert user.run("git", "status", "--porcelain", cwd=history.repo).stdout == ""
