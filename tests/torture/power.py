"""Power loss: the state folder as a disk may have it between any two writes, opened with the product's own code.

A command runs under strace; its log is replayed on a model of a disk (`powerdisk`), and after every event several
images of what may be there are taken: all of it, only what was synced, names without content, zeros, torn sectors.
dm-flakey and dm-log-writes would do this below a real file system, but the kernels of most machines that run tests
(this one's too) have no device mapper; FUSE would need a package and root, and see no more than strace does. What the
model leaves out is said in `powerlog`.

Of each image: the ledger opens and is whole, what people or git were told before that moment is in it, the evidence
of each attempt that ended is there, `status` answers and another attempt can be written, with nothing done by hand.
Some images are taken up by the command itself, which has to come to its end.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.question import read_question
from bisectsyms.errors import UserError
from bisectsyms.model import Attempt
from bisectsyms.usecases.status import status
from tests.torture.outcome import Options, Row
from tests.torture.powerdisk import Disk, Image, digest
from tests.torture.powerlog import Event, Told, events, record
from tests.torture.stormcases import Case, Templates
from tests.torture.stormlook import NOT_ENDED, TOLD, Finding

TORN = 3
"""Torn images after each event."""
RESUMED = 4
"""Images of each command that the command itself takes up."""
SHOWN = 10
"""Of so many images one is also shown by `status`, which asks git much."""
TABLES = ("attempts", "told", "exclusions")
JUDGED = (0, 1, 125)
ROOT = Path(__file__).parents[2]
MEMORY = Path("/dev/shm")
ALONE = """
import sys
from pathlib import Path
from bisectsyms.effects.ledger import Ledger
from tests.ledgers import CLEAN, plan
with Ledger.open(Path(sys.argv[1])) as ledger:
    ledger._db.execute(sys.argv[3])
    for turn in range(int(sys.argv[2])):
        number = ledger.begin(plan())
        ledger.finish(number, CLEAN)
        sys.stdout.write(f"attempt {number}  x  CLEAN  (1 s)\\n")
        sys.stdout.flush()
"""


@dataclass(frozen=True, slots=True)
class Workload:
    """Commands that run one after the other, and what their ends told."""

    what: str
    case: Case
    commands: tuple[tuple[str, ...], ...]
    writes: tuple[str, ...] = ()
    """For each command a table that has a row when it has ended."""
    resumes: bool = True
    """Whether images are taken up by the first of the commands, too."""


@dataclass
class Promised:
    """What was told so far, and so must be there."""

    outcomes: dict[int, str] = field(default_factory=dict)
    verdicts: int = 0
    said: str = ""
    tables: list[str] = field(default_factory=list)

    def hear(self, told: Told, *, step: bool) -> None:
        if told.text in TABLES:
            self.tables.append(told.text)
        self.said += told.text
        self.outcomes = {int(number): outcome for number, outcome in TOLD.findall(self.said)}
        self.verdicts += step and told.status in JUDGED


@dataclass
class Tally:
    """What came of the images of one workload."""

    events: int = 0
    seen: int = 0
    """So many of the events were got through."""
    images: int = 0
    same: int = 0
    resumed: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


def run(options: Options) -> list[Row]:
    """Three workloads, with `rounds` torn images after each event in place of 3, or as many as fit into `seconds`."""
    share = math.inf if options.seconds is None else options.seconds / 3
    folder = Path(tempfile.mkdtemp(prefix="power-", dir=MEMORY if MEMORY.is_dir() else None))
    rows = []
    for number, make in enumerate((command, steps, alone)):
        work = make(folder / str(number))
        torn, until = options.rounds or TORN, time.monotonic() + share
        tally = lose_power(work, folder / f"{number}-images", options.seed, torn=torn, until=until)
        rows.append(_row(work, tally, options.seed))
    shutil.rmtree(folder, ignore_errors=True)
    return rows


def command(folder: Path) -> Workload:
    """A whole bisect of a command, and words of people afterwards."""
    case = Templates(folder / "templates").make("bisect -- command", folder / "case")
    words = (case.words, ("bisectsyms", "tell", "c3", "clean"), ("bisectsyms", "exclude", "2", "--why", "a try"))
    return Workload("bisect of a command, tell, exclude", case, words, TABLES)


def steps(folder: Path) -> Workload:
    """Steps of a real git bisect run."""
    case = Templates(folder / "templates").make("step under git bisect run, --no-checkout", folder / "case")
    return Workload("step under git bisect run", case, (case.words,), resumes=False)


def alone(folder: Path, attempts: int = 150, *, first: str = "pragma synchronous") -> Workload:
    """The ledger without builds, for so long that SQLite moves its log into the database; `first` is said to it."""
    case = Templates(folder / "templates").make("bisect -- command", folder / "case")
    words = (sys.executable, "-c", ALONE, str(case.state), str(attempts), first)
    return Workload(f"a ledger of {attempts} attempts", case, (words,), resumes=False)


def lose_power(
    work: Workload,
    folder: Path,
    seed: int,
    *,
    torn: int,
    resumed: int = RESUMED,
    most: int | None = None,
    until: float = math.inf,
    say: Callable[[str], None] = print,
) -> Tally:
    """Run the commands once, and look at what each moment would have left, or so many moments evenly spread.

    At `until` it is enough; which events were looked at is told.
    """
    chance, tally, folder = random.Random(seed), Tally(), folder.resolve()
    folder.mkdir()
    recorded = list(_recorded(work, folder))
    tally.events = len(recorded)
    repo = _bare_copy(work.case, folder)
    moments = [number for number, event in enumerate(recorded) if not isinstance(event, Told)]
    moments = moments[:: max(1, len(moments) // most)] if most else moments
    taken_up = set(chance.sample(moments, min(resumed, len(moments)))) if work.resumes else set[int]()
    for number, kind, image, promised in _distinct(work, recorded, set(moments), chance, torn, tally):
        if time.monotonic() > until:
            break
        tally.seen = number + 1
        tally.images += 1
        tally.kinds[kind] += 1
        _put(repo, image)
        found = list(_looked_at(repo, promised, shown=tally.images % SHOWN == 0))
        if number in taken_up and not found:
            taken_up.discard(number)
            tally.resumed += 1
            _put(repo, image)
            found = list(_resumed(work, repo, promised))
        for finding in found:
            tally.findings.append(finding)
            say(f"!! {work.what}, event {number} ({kind}): {finding.kind}: {finding.detail}")
    return tally


def _recorded(work: Workload, folder: Path) -> Iterator[Event]:
    case = work.case
    for number, words in enumerate(work.commands):
        log, output = folder / f"strace{number}", folder / f"output{number}"
        record(words, cwd=case.repo, env=case.env | {"PYTHONPATH": str(ROOT)}, log=log, output=output)
        yield from events(log, case.state, output)
        yield from (Told(table, None) for table in work.writes[number : number + 1])
        log.unlink()


def _distinct(
    work: Workload, recorded: Iterable[Event], moments: set[int], chance: random.Random, torn: int, tally: Tally
) -> Iterator[tuple[int, str, Image, Promised]]:
    """(event, kind, image, what had been told by then); an image is there once for each thing that was told."""
    disk, promised, seen = Disk(), Promised(), set[bytes]()
    for number, event in enumerate(recorded):
        if isinstance(event, Told):
            promised.hear(event, step=work.case.verb == "step")
            seen.clear()  # the same content now has to keep more promises
        disk.apply(event)
        for kind, image in disk.images(chance, torn) if number in moments else ():
            key = digest(image)
            if key in seen:
                tally.same += 1
            else:
                seen.add(key)
                yield number, kind, image, promised


def _bare_copy(case: Case, folder: Path) -> Path:
    """The user's repository without our state."""
    repo = folder / "linux"
    shutil.copytree(case.repo, repo, symlinks=True, ignore=shutil.ignore_patterns("bisectsyms", "worktrees"))
    return repo


def _put(repo: Path, image: Image) -> None:
    """Make the state folder what the disk has."""
    state = repo / ".git/bisectsyms"
    shutil.rmtree(state, ignore_errors=True)
    for name, data in sorted(image.items()):
        if data is None:
            (state / name).mkdir(parents=True, exist_ok=True)
        else:
            (state / name).parent.mkdir(parents=True, exist_ok=True)
            (state / name).write_bytes(data)


def _looked_at(repo: Path, promised: Promised, *, shown: bool = True) -> Iterator[Finding]:
    """What is wrong with it; `shown` asks for `status`, too."""
    state = repo / ".git/bisectsyms"
    try:
        with Ledger.open(state) as ledger:
            ledger.bury()
            whole = " ".join(row[0] for row in ledger._db.execute("pragma integrity_check"))
            if whole != "ok":
                yield Finding("the ledger is damaged", whole)
            attempts = {attempt.number: attempt for attempt in ledger.attempts()}
            rows = {table: _rows(ledger, table) for table in (*TABLES, "verdicts")}
            yield from _kept(attempts, promised, rows)
            for attempt in attempts.values():
                yield from _evidence(state, attempt)
            if attempts:
                ledger.begin(next(iter(attempts.values())).plan)
        if shown:
            status(Repository.discover(repo, {}), rejudge=False)
        if (state / "search.json").exists():
            read_question(state)
    except UserError as error:
        yield Finding("a manual step is wanted", f"{error}")
    except Exception as error:
        yield Finding("it cannot be opened", repr(error))


def _rows(ledger: Ledger, table: str) -> int:
    return int(ledger._db.execute(f"select count(*) from {table}").fetchone()[0])


def _kept(attempts: dict[int, Attempt], promised: Promised, rows: dict[str, int]) -> Iterator[Finding]:
    for number, outcome in promised.outcomes.items():
        result = attempts[number].result if number in attempts else None
        if result is None or result.outcome.value != outcome:
            yield Finding("an attempt that was told is lost", f"{number} {outcome}: {result}")
    if rows["verdicts"] < promised.verdicts:
        yield Finding("a verdict that git was told is lost", f"{promised.verdicts} told, {rows['verdicts']} there")
    if empty := [table for table in promised.tables if not rows[table]]:
        yield Finding("what people said is lost", str(empty))


def _evidence(state: Path, attempt: Attempt) -> Iterator[Finding]:
    if attempt.result is None or attempt.result.signature in NOT_ENDED:
        return
    for name, key in attempt.result.evidence:
        try:
            content = gzip.decompress((state / "evidence" / key[:2] / f"{key[2:]}.gz").read_bytes())
        except (OSError, EOFError) as error:
            yield Finding("evidence of an attempt is lost", f"{attempt.number} {name}: {error!r}")
            continue
        if hashlib.sha256(content).hexdigest() != key:
            yield Finding("evidence of an attempt is lost", f"{attempt.number} {name}: another content")


def _resumed(work: Workload, repo: Path, promised: Promised) -> Iterator[Finding]:
    """The same command at this state, to its end."""
    words = work.commands[0]
    done = subprocess.run(
        words, cwd=repo, env=work.case.env, capture_output=True, text=True, check=False, timeout=900,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode or f"culprit: {work.case.culprit} " not in done.stdout:
        yield Finding("it does not go on to the right answer", f"{done.returncode}: {done.stderr[-2000:]}")
    yield from _looked_at(repo, promised)


def _row(work: Workload, tally: Tally, seed: int) -> Row:
    kinds = Counter(finding.kind for finding in tally.findings)
    seen = "; ".join(f"{kind} ({times})" for kind, times in kinds.items())
    images = ", ".join(f"{kind} {times}" for kind, times in tally.kinds.items())
    note = f"{tally.seen} of {tally.events} events; {images}; {tally.same} equal ones left out; "
    note += f"{tally.resumed} taken up; seed {seed}"
    lost = sum(finding.lost for finding in tally.findings)
    return Row(
        f"power lost during {work.what}", tally.images, "images", lost, len(kinds), f"{note}. {seen}".rstrip(". ")
    )


if __name__ == "__main__":  # python -m tests.torture.power command [MOST]
    where = Path(tempfile.mkdtemp(prefix="power-", dir=MEMORY))
    asked = {"command": command, "steps": steps, "alone": alone}[sys.argv[1]](where / "work")
    told = lose_power(asked, where / "images", 1, torn=TORN, most=int(sys.argv[2]) if sys.argv[2:] else None)
    print(_row(asked, told, 1))
    shutil.rmtree(where)
