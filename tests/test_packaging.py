"""The wheel and the sdist bring everything along: configs and the small kernel's tree."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from bisectsyms import __version__

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = {path.relative_to(ROOT).as_posix() for path in (ROOT / "configs").rglob("*.yaml")}
TREE = {
    path.relative_to(ROOT).as_posix() for path in (ROOT / "bisectsyms/smallkernel/tree").rglob("*") if path.is_file()
}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist of this checkout, and a wheel built from that sdist alone."""
    folder = tmp_path_factory.mktemp("dist")
    hatchling = (sys.executable, "-m", "hatchling", "build", "-d", folder)
    subprocess.run([*hatchling, "-t", "sdist"], cwd=ROOT, check=True, capture_output=True)
    (folder / "sdist").mkdir()
    subprocess.run(["tar", "-xzf", next(folder.glob("*.tar.gz"))], cwd=folder / "sdist", check=True)
    unpacked = next((folder / "sdist").iterdir())
    subprocess.run([*hatchling, "-t", "wheel"], cwd=unpacked, check=True, capture_output=True)
    return folder


def test_the_sdist_holds_all_sources(dist: Path) -> None:
    unpacked = next((dist / "sdist").iterdir())
    missing = [name for name in SHIPPED | TREE | {"LICENSE", "Makefile", "README.md"} if not (unpacked / name).exists()]
    assert not missing


def test_the_wheel_works_alone(dist: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        wheel.extractall(site)
        names = set(wheel.namelist())
    assert {f"bisectsyms/{name}" for name in SHIPPED} <= names
    assert names >= TREE
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import bisectsyms, sys, pathlib\n"
        "assert bisectsyms.__file__.startswith(sys.path[0]), bisectsyms.__file__\n"
        "from bisectsyms.inputs.profile import available\n"
        "here = pathlib.Path.cwd()\n"
        "print(*(path for _, path in available(state_dir=here, xdg_config_home=here, cwd=here)), sep='\\n')\n"
    )
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert all(line.startswith(str(site / "bisectsyms/configs")) for line in done.stdout.splitlines())
    assert "s3c6400.yaml" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("form", ["*.whl", "*.tar.gz"])
def test_it_installs_into_an_empty_environment(dist: Path, tmp_path: Path, form: str) -> None:
    """The dependencies are those of this environment; everything of ours has to come with the package."""
    home = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    site = next(home.glob("lib/python3*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    alone = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed")
    pip = (home / "bin/python", "-m", "pip", "install", *alone)
    subprocess.run([*pip, next(dist.glob(form))], check=True, cwd=tmp_path)
    env = {"PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}

    def run(*argv: str) -> str:
        done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 3), done.stderr
        return done.stdout

    assert run("bisectsyms", "--version") == f"bisectsyms, version {__version__}\n"
    where = "import bisectsyms; print(bisectsyms.__file__)"
    assert run(str(home / "bin/python"), "-c", where).startswith(str(site))
    assert "s3c6400" in run("bisectsyms", "doctor", "--json") + run("bisectsyms", "toolchains")
    facts = "import importlib.metadata as m; d = m.distribution('bisectsyms'); print(d.version, *d.requires or [])"
    told = run(str(home / "bin/python"), "-c", facts)
    assert told.startswith(f"{__version__} ")
    assert "matplotlib" in told and 'extra == "report"' in told.replace("'", '"')
    assert (site / "bisectsyms/py.typed").exists(), "types of ours are for others too"
    assert (home / "share/man/man1/bisectsyms.1").exists()
    assert list(site.glob("bisectsyms-*.dist-info/licenses/LICENSE"))
