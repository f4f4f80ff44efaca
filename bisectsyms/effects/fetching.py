"""The commit of a report that is not here, fetched because of --fetch from a server that nobody vouches for.

It goes into a repository of its own beside ours, which sees our objects and is removed again. Only the commit that the
report means comes over from there, under a ref of ours: no branch and no tag of the user's moves or is added.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bisectsyms.core.words import duration, plain
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.locating import FETCHED, Clues, Located, fetch_words, locate
from bisectsyms.effects.runner import Command, run
from bisectsyms.errors import InfraError, UserError

SECONDS = 3600.0
BYTES = 6 * 1024**3
"""Of the pack: all of linux-stable is smaller, and what is missing of it smaller still."""
PROTOCOLS = ("https", "http", "git")
STALLED = 60
"""Seconds in which a server over http has to send some thousand bytes."""
SETTINGS = (
    "protocol.allow=never",
    *(f"protocol.{name}.allow=always" for name in PROTOCOLS),
    "http.followRedirects=false",  # the address that was read is the one that is asked
    "http.lowSpeedLimit=1000",
    f"http.lowSpeedTime={STALLED}",
    "credential.helper=",
    "fetch.fsckObjects=true",
    "fetch.unpackLimit=1",  # one pack, whose size is bounded
    "gc.auto=0",
    "maintenance.auto=false",
)
_OURS = re.compile(
    r"(?:https?|all|no)_proxy|(?:HTTPS?|ALL|NO)_PROXY|PATH|HOME|XDG_CONFIG_HOME|SSL_CERT_\w+|GIT_CONFIG_\w+"
)
"""Of the environment, what says how the network is reached."""
_REDIRECTED = re.compile(r"returned error: 30[1278]\b")


def fetch(
    repository: Repository,
    clues: Clues,
    environ: Mapping[str, str] = os.environ,
    *,
    seconds: float = SECONDS,
    most: int = BYTES,
) -> Located:
    """Fetch what is missing and say what it is; in `repository` it is there afterwards, and nothing else of it.

    Raises:
        UserError: the server has no such commit.
        InfraError: git could not, or not within `seconds` and `most` bytes.
    """
    words = fetch_words(clues)
    repository.state_dir.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="fetching-", dir=repository.state_dir))
    try:
        aside = _beside(repository, place)
        ref = _refspec(words)
        _run(aside, words, ref, environ, seconds, most)
        try:
            found = locate(aside, clues)
        except UserError as error:
            at = aside.git("for-each-ref", "--format=%(objectname:short=12)")
            raise UserError(
                f"{words[0]} was asked for {words[-1]} and gave {at or 'nothing'}, but {error.message}",
                next_step="--rev REV, or look whether the report names another tree",
            ) from error
        name = words[2] if words[1] == "tag" else found.revision.commit
        aside.git("update-ref", "refs/heads/found", found.revision.commit)
        words_of_ours = ("fetch", "--no-tags", "--no-auto-gc", "--no-write-fetch-head", "--quiet", str(place))
        repository.git(*words_of_ours, f"+refs/heads/found:{FETCHED}{name}")
    finally:
        shutil.rmtree(place, ignore_errors=True)
    here = repository.resolve(found.revision.commit)
    return Located(here, f"{found.how}, fetched from {words[0]}", found.sure)


def _beside(repository: Repository, place: Path) -> Repository:
    """An empty repository that sees the objects of ours, so that little has to come."""
    repository.git("init", "--quiet", "--bare", "--initial-branch=master", "--template=", str(place))
    (place / "objects/info").mkdir(parents=True, exist_ok=True)
    (place / "objects/info/alternates").write_text(f"{repository.common_dir / 'objects'}\n")
    if (shallow := repository.common_dir / "shallow").exists():
        shutil.copy(shallow, place / "shallow")
    return Repository(place, place, place)


def _refspec(words: tuple[str, ...]) -> str:
    """What git is to fetch, and under which name; all but a tag is the main branch of the place aside."""
    _, *what = words
    if what[0] == "tag":
        return f"+refs/tags/{what[1]}:refs/tags/{what[1]}"
    named = what[0] == "HEAD" or re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", what[0])
    return f"+{what[0] if named else 'refs/heads/' + what[0]}:refs/heads/master"


def _run(
    aside: Repository, words: tuple[str, ...], ref: str, environ: Mapping[str, str], seconds: float, most: int
) -> None:
    settings = [word for one in SETTINGS for word in ("-c", one)]
    fetching = ("fetch", "--no-tags", "--no-auto-gc", "--no-recurse-submodules", "--no-write-fetch-head", "--quiet")
    argv = ("prlimit", f"--fsize={most}", "git", *settings, *fetching, "--", words[0], ref)
    env = {name: value for name, value in environ.items() if _OURS.fullmatch(name)}
    env |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_DIR": str(aside.git_dir)}
    log = aside.top / "log"
    ended = run(Command(argv, aside.top, env), log=log, timeout=seconds)
    if ended.exit_status == 0:
        return
    with log.open("rb") as file:
        said = plain(file.read(1 << 16).decode(errors="replace"))
    line = f"{shlex.join(('git', 'fetch', *words))}"
    if ended.timed_out:
        raise InfraError(f"{line} took more than {duration(seconds)}", next_step="run it by hand, or --rev REV")
    if any(one.stat().st_size >= most for one in aside.top.rglob("*") if one.is_file()):  # git names no reason
        raise InfraError(f"{line} would bring more than {most} bytes", next_step="run it by hand, or --rev REV")
    if _REDIRECTED.search(said):
        raise InfraError(
            f"{words[0]} sends to another address, which is not followed",
            next_step="look where it leads; then git fetch from there by hand",
        )
    reasons = [one.strip() for one in said.splitlines() if one.startswith(("fatal: ", "error: "))]
    raise InfraError(f"{line} failed: {(reasons or ['no reason was given'])[0][:300]}", next_step="--rev REV")
