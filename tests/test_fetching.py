"""A commit is fetched from real servers on this machine: within bounds, from the address that was read, it alone."""

from __future__ import annotations

import io
import os
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bisectsyms.effects.fetching import fetch
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.locating import FETCHED, Clues, locate
from bisectsyms.errors import BisectsymsError, InfraError, UserError
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.usecases.reproduce import understand
from bisectsyms.usecases.trying import prepare
from tests.test_locating import _git, ids
from tests.test_locating import repo as repo

BRANCH = "for-next"
PLENTY = 500.0
"""Seconds for what must not take long; never waited for."""


@pytest.fixture
def served(repo: Repository, tmp_path: Path) -> Path:
    """A folder with `x.git`, a clone of `repo` with one commit more on a branch, and tags that are no releases."""
    folder = tmp_path / "served"
    _git(tmp_path, "clone", "-q", "--bare", str(repo.top), str(folder / "x.git"))
    work = tmp_path / "work"
    _git(tmp_path, "clone", "-q", str(folder / "x.git"), str(work))
    _git(work, "checkout", "-q", "-b", BRANCH)
    (work / "noise").write_bytes(os.urandom(1 << 20))
    _git(work, "add", "noise")
    _git(work, "commit", "-q", "-m", "mm: more")
    _git(work, "tag", "v9.9")
    _git(work, "push", "-q", "origin", BRANCH, "v9.9")
    _git(folder / "x.git", "config", "uploadpack.allowAnySHA1InWant", "true")
    return folder


def tip(served: Path) -> str:
    return _git(served / "x.git", "rev-parse", BRANCH).strip()


class Http(BaseHTTPRequestHandler):
    """git-http-backend behind Python's server."""

    folder: Path
    elsewhere = ""
    protocol_version = "HTTP/1.0"

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        if self.elsewhere and path.startswith("/moved/"):
            self.send_response(301)
            self.send_header("Location", self.elsewhere + self.path.removeprefix("/moved"))
            self.end_headers()
            return
        length = int(self.headers.get("Content-Length") or 0)
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ("git", "http-backend"), input=self.rfile.read(length), env=env, capture_output=True, check=False
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - the server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Daemon(socketserver.BaseRequestHandler):
    """git-daemon, one for each connection as under inetd, so that no port has to be guessed."""

    folder: Path

    def handle(self) -> None:
        end = self.request.fileno()
        words = ("git", "daemon", "--inetd", "--export-all", f"--base-path={self.folder}")
        subprocess.run(words, stdin=end, stdout=end, check=False)


class Mute(socketserver.BaseRequestHandler):
    """Takes what is said, and never answers."""

    def handle(self) -> None:
        while self.request.recv(4096):
            pass


class Threads(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def listening(server: socketserver.TCPServer) -> Iterator[str]:
    """`127.0.0.1:PORT` of a server that runs meanwhile."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def http(served: Path, elsewhere: str = "") -> Iterator[str]:
    handler = type("Handler", (Http,), {"folder": served, "elsewhere": elsewhere})
    with listening(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as at:
        yield f"http://{at}"


@contextmanager
def daemon(served: Path) -> Iterator[str]:
    handler = type("Handler", (Daemon,), {"folder": served})
    with listening(Threads(("127.0.0.1", 0), handler)) as at:
        yield f"git://{at}"


@contextmanager
def mute(protocol: str) -> Iterator[str]:
    with listening(Threads(("127.0.0.1", 0), Mute)) as at:
        yield f"{protocol}://{at}"


def refs(repo: Repository) -> set[str]:
    return set(_git(repo.top, "for-each-ref", "--format=%(refname) %(objectname)").splitlines())


def objects(repo: Repository) -> str:
    return _git(repo.top, "cat-file", "--batch-all-objects", "--batch-check")


def nothing_left(repo: Repository) -> bool:
    return not list(repo.state_dir.glob("fetching-*")) and not (repo.git_dir / "FETCH_HEAD").exists()


@pytest.mark.parametrize("serve", [http, daemon])
@pytest.mark.parametrize("named", ["branch", "id"])
def test_the_commit_comes_and_no_ref_of_the_users_moves(
    repo: Repository, served: Path, serve: object, named: str
) -> None:
    before, commit = refs(repo), tip(served)
    assert callable(serve)
    with serve(served) as at:
        clues = Clues(commit=commit, tree=f"{at}/x.git", branch=BRANCH if named == "branch" else "")
        found = fetch(repo, clues, seconds=PLENTY)
    assert found.revision.commit == commit
    assert found.how == f"by its id {commit}, fetched from {at}/x.git"
    assert refs(repo) - before == {f"{FETCHED}{commit} {commit}"}
    assert before <= refs(repo)
    assert locate(repo, clues).revision.commit == commit
    assert nothing_left(repo)
    _git(repo.top, "fsck", "--strict")


def test_another_commit_than_the_reports_does_not_come_in(repo: Repository, served: Path) -> None:
    before = objects(repo)
    with http(served) as at, pytest.raises(UserError) as raised:
        fetch(repo, Clues(commit="f" * 40, tree=f"{at}/x.git", branch=BRANCH), seconds=PLENTY)
    assert f"gave {tip(served)[:12]}, but {'f' * 40} is not in this repository" in raised.value.message
    assert (objects(repo), nothing_left(repo)) == (before, True)


def test_an_id_that_the_server_has_not_is_an_error_that_names_it(repo: Repository, served: Path) -> None:
    with daemon(served) as at, pytest.raises(InfraError, match="not our ref"):
        fetch(repo, Clues(commit="f" * 40, tree=f"{at}/x.git"), seconds=PLENTY)
    assert nothing_left(repo)


@pytest.mark.parametrize("protocol", ["http", "git"])
def test_a_server_that_hangs_is_left(repo: Repository, protocol: str) -> None:
    with mute(protocol) as at, pytest.raises(InfraError, match=r"took more than 1\.0 s"):
        fetch(repo, Clues(commit="f" * 40, tree=f"{at}/x.git"), seconds=1.0)
    assert nothing_left(repo)


def test_no_redirection_is_followed(repo: Repository, served: Path) -> None:
    with http(served) as there, http(served, elsewhere=there) as at, pytest.raises(InfraError, match="another address"):
        fetch(repo, Clues(commit=tip(served), tree=f"{at}/moved/x.git"), seconds=PLENTY)
    assert nothing_left(repo)


def test_what_is_too_large_does_not_stay(repo: Repository, served: Path) -> None:
    before = objects(repo)
    with http(served) as at, pytest.raises(InfraError, match="more than 65536 bytes"):
        fetch(repo, Clues(commit=tip(served), tree=f"{at}/x.git"), seconds=PLENTY, most=1 << 16)
    assert (objects(repo), nothing_left(repo)) == (before, True)


def test_a_password_is_neither_asked_for_nor_given(repo: Repository, served: Path) -> None:
    seen: list[str] = []

    class Locked(Http):
        def _answer(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()

        do_GET = do_POST = _answer  # noqa: N815 - the server's names

    helper = "!f() { echo username=u; echo password=p; }; f"
    env = dict(os.environ) | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": helper,
    }
    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Locked)) as at, pytest.raises(InfraError, match="Username"):
        fetch(repo, Clues(commit="f" * 40, tree=f"http://{at}/x.git"), env, seconds=PLENTY)
    assert seen == [""]


def test_a_report_is_prepared_with_what_was_fetched(repo: Repository, served: Path, tmp_path: Path) -> None:
    if shutil.which("arm-linux-gnueabi-gcc") is None:
        pytest.skip("apt-get install gcc-arm-linux-gnueabi")
    with http(served) as at:
        said = f"git tree: {at}/x.git\ncommit: {tip(served)}\nInconsistent kallsyms data, s3c6400_defconfig for ARM\n"
        found = understand("-", stdin=io.BytesIO(said.encode()))
        with pytest.raises(UserError, match="is not in this repository"):
            prepare(found, repo, load_toolchains(tmp_path), os.environ)
        bring = partial(fetch, repo, seconds=PLENTY)
        prepared = prepare(found, repo, load_toolchains(tmp_path), os.environ, fetch=bring)
    assert prepared.located.revision.commit == tip(served)
    assert prepared.located.how.endswith(f"fetched from {at}/x.git")


def test_a_report_with_a_day_alone_finds_the_newest_commit_that_was_fetched(repo: Repository, served: Path) -> None:
    bare = _git(served / "x.git", "rev-parse", "master").strip()
    with daemon(served) as at:
        found = fetch(repo, Clues(date="2011-08-02", tree=f"{at}/x.git"), seconds=PLENTY)
    assert (found.revision.commit, found.sure) == (bare, False)


@pytest.mark.parametrize("tree", ["ext::sh -c touch% {canary}", "file://{served}/x.git", "{served}/x.git"])
def test_only_addresses_of_the_network_are_fetched(repo: Repository, served: Path, tmp_path: Path, tree: str) -> None:
    tree = tree.format(canary=tmp_path / "canary", served=served)
    before = objects(repo)
    with pytest.raises(BisectsymsError, match="not allowed"):
        fetch(repo, Clues(tree=tree, branch=BRANCH), seconds=PLENTY)
    assert not (tmp_path / "canary").exists()
    assert objects(repo) == before


def test_a_shallow_clone_fetches_as_well(repo: Repository, served: Path, tmp_path: Path) -> None:
    _git(tmp_path, "clone", "-q", "--depth=1", f"file://{repo.top}", str(tmp_path / "shallow"))
    shallow = Repository.discover(tmp_path / "shallow", {})
    with http(served) as at:
        found = fetch(shallow, Clues(commit=tip(served), tree=f"{at}/x.git"), seconds=PLENTY)
    assert found.revision.commit == tip(served)
    assert len(ids(shallow)) == 1
