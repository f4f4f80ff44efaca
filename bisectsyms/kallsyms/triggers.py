"""What made this build one that fails: one rule for each trigger, told from its link, its log and other attempts.

The order is from the special to the general: of two causes that are equally sure, the first is named.
"""

from __future__ import annotations

from collections.abc import Sequence

from bisectsyms.core.exacttest import SURE, fisher
from bisectsyms.core.nature import Nature
from bisectsyms.core.words import listed
from bisectsyms.kallsyms.evidence import Axis, Cause, Evidence, Names, among, few
from bisectsyms.kallsyms.facts import Facts, Tried
from bisectsyms.model import Outcome

SAME = "same"
CHANGED = " changed between "
"""How effects.inputs says that the content of an input was another in a later pass."""
FEWEST_CUT = 5
"""Symbols that have to be missing at the end of a map before it is called cut."""


def infrastructure(facts: Facts, names: Names) -> Evidence:
    """The machine failed, so that nothing was learned of the revision."""
    if facts.outcome is Outcome.INFRA:
        return Evidence(proofs=[facts.outcome_why or "the attempt ended as INFRA"])
    final = facts.final
    if final and final.ends_early and len(final.vanished) >= FEWEST_CUT and not (final.moved or final.appeared):
        text = f"System.map ends early, and is the same up to there: {len(final.vanished)} symbols are missing"
        return Evidence(signs=[f"{text}. What wrote it was cut short"])
    return Evidence()


def race(facts: Facts, names: Names) -> Evidence:
    """Two targets of make write what one of them reads."""
    changed = [text for text in facts.moved if CHANGED in text]
    written = [text for text in facts.moved if CHANGED not in text]
    signs = [f"an input of the link was written while it ran: {few(written)}"] if written else []
    signs += [f"made twice in one build: {few(facts.log.twice)}"] if facts.log.twice else []
    signs += [f"made while the link went on: {few(facts.log.late)}"] if facts.log.late else []
    signs += [f"read while it was written: {listed(facts.log.damaged, 2)}"] if facts.log.damaged else []
    signs += [f"targets of make that write it: {few(facts.writers)}"] if facts.writers and facts.moved else []
    hints, against = list[str](), list[str]()
    if (alone := _tried(facts, "jobs=1")) and (beside := _tried(facts, SAME)):
        shown = f"with -j1 {_of(alone)} failed, otherwise {_of(beside)}"
        if alone.failed:
            against.append(f"it fails with one job, too: {_of(alone)}")
        elif _differ(alone, beside):
            signs.append(shown)
        else:
            hints.append(shown)
    if facts.nature is Nature.SCHEDULE:
        hints += facts.nature_why
    if (others := _objects(facts, names)) and not facts.moved:
        hints.append(f"objects are not those of the last attempt that passed: {few(others)}")
    if facts.watched and not facts.moved:
        against.append("no input of the link changed while it ran")
    if changed:
        proof = f"two passes of one link were given different files: {few(changed)}"
        return Evidence(proofs=[proof], signs=signs, hints=hints, against=against)
    return Evidence(signs=signs, hints=hints, against=against)


def version_string(facts: Facts, names: Names) -> Evidence:
    """Nothing differs from a build that passes but the version string, and with it where things lie."""
    signs, hints, against = list[str](), list[str](), list[str]()
    if facts.nature is Nature.LAYOUT:
        signs += facts.nature_why
    versions = [name for name in facts.unlike if among([name], names.version)]
    if versions and len(versions) == len(facts.unlike):
        signs.append(f"of the inputs only {few(versions)} differs from the last attempt that passed")
    lengths = [one for one in facts.tried if one.condition.startswith("length=")]
    always = [one for one in lengths if one.failed > 1 and not one.clean]
    never = [one for one in lengths if one.clean > 1 and not one.failed]
    mixed = [one for one in lengths if one.failed and one.clean]
    if always and never and not mixed:
        text = f"with {always[0].condition} it failed {_of(always[0])} times, with {never[0].condition} {_of(never[0])}"
        both = (sum(one.failed for one in always), sum(one.clean for one in never))
        (signs if fisher(both[0], both[0], 0, both[1]) < SURE else hints).append(text)
    if mixed:
        against.append(f"{mixed[0].condition} failed {_of(mixed[0])} times: one string does both")
    if facts.moved:
        against.append(f"an input of the link changed while it ran: {facts.moved[0]}")
    if facts.nature is Nature.SCHEDULE:
        against += facts.nature_why
    return Evidence(signs=signs, hints=hints, against=against)


def stale(facts: Facts, names: Names) -> Evidence:
    """Something of an older build is in the objtree and should have been made anew."""
    found = _compared(facts, "incremental", "clean", "in objtrees that held an older build", "from scratch")
    against = list(found.against)
    if facts.incremental is False:
        against.append("this build began with an empty objtree")
    clean = _tried(facts, "clean")
    if clean and clean.failed:
        against.append(f"clean builds fail, too: {_of(clean)}")
    return Evidence(signs=found.signs, hints=found.hints, against=against)


def toolchain(facts: Facts, names: Names) -> Evidence:
    """The same objects, and another ld or nm passes."""
    signs, hints = list[str](), list[str]()
    for one in facts.tried:
        if one.condition.startswith(("ld=", "nm=", "toolchain=")):
            found = _compared(facts, SAME, one.condition, "with the tools of this build", f"with {one.condition}")
            signs += found.signs
            hints += found.hints
    against = [f"other layouts pass with the same tools: {why}" for why in facts.nature_why[:1]]
    return Evidence(signs=signs, hints=hints, against=against if facts.nature is Nature.LAYOUT else [])


def compiler(facts: Facts, names: Names) -> Evidence:
    """One command line, two objects."""
    again = _tried(facts, "recompile")
    if again and again.failed:
        return Evidence(proofs=[f"compiled again by the same command, {_of(again)} objects came out otherwise"])
    against = [f"compiled again, {again.clean} of {again.clean} objects were the same"] if again else []
    others = _objects(facts, names)
    if not others:
        return Evidence(against=against)
    text = f"at the same revision and by the same commands these objects differ: {few(others)}"
    if facts.moved:
        return Evidence(hints=[text], against=[*against, f"an input changed while the link ran: {facts.moved[0]}"])
    return Evidence(hints=[text], against=against)


def environment(facts: Facts, names: Names) -> Evidence:
    """One host, and not another, with everything else the same."""
    hosts = [one for one in facts.tried if one.condition.startswith("host=")]
    signs, hints = list[str](), list[str]()
    for number, one in enumerate(hosts):
        for other in hosts[number + 1 :]:
            pair = f"{one.condition} {_of(one)} failed, {other.condition} {_of(other)}"
            if _differ(one, other):
                signs.append(f"the same commit, kconfig and tools: {pair}")
            elif one.failed + other.failed and not (one.failed and other.failed):
                hints.append(pair)
    against = ["both hosts fail"] if sum(one.failed > 0 for one in hosts) > 1 and not signs else []
    return Evidence(signs=signs, hints=hints, against=against)


TRIGGERS = (
    Cause(
        "infrastructure",
        Axis.TRIGGER,
        "the machine failed, not the kernel",
        "out of memory, a full disk, a signal, a time-out",
        "repeat",
        "it passes on a machine at rest",
        "free memory or disk, and try again; this says nothing about the commit",
        infrastructure,
    ),
    Cause(
        "race",
        Axis.TRIGGER,
        "two targets of make write one file, or one reads what another writes",
        "inputs of the link differ between its passes; a target made twice; 'file truncated'; never with -j1",
        "jobs=1",
        "it never fails with -j1",
        "give the file one writer, and let who reads it depend on that",
        race,
    ),
    Cause(
        "version-string",
        Axis.TRIGGER,
        "the length of the version string decides",
        "the inputs are those of a build that passes but for init/version*.o; some lengths always fail, others never",
        "sweep",
        "each length always fails or always passes",
        "it only wakes another cause: mend the mechanism; for now, any other LOCALVERSION",
        version_string,
    ),
    Cause(
        "stale",
        Axis.TRIGGER,
        "something of an older build was not made anew",
        "it fails in objtrees that held an older build, and passes from scratch",
        "clean-tree",
        "clean builds pass",
        "find the missing dependency: the file that a clean build makes otherwise",
        stale,
    ),
    Cause(
        "toolchain",
        Axis.TRIGGER,
        "the linker or nm decides",
        "the same objects pass with another ld or nm",
        "ld",
        "another linker passes, again and again, at the same layouts",
        "report it to binutils or LLVM with both maps; for now, another version",
        toolchain,
    ),
    Cause(
        "compiler",
        Axis.TRIGGER,
        "the compiler gives another object for the same command",
        "an object differs when its own command is run again",
        "recompile",
        "the object differs when it is compiled again",
        "find what it takes from outside: __TIME__, a random seed, a path, a plugin",
        compiler,
    ),
    Cause(
        "environment",
        Axis.TRIGGER,
        "the host decides",
        "the same commit, kconfig, tools and objects pass on one host and fail on another",
        "repeat",
        "it fails on the one host and passes on the other, again and again",
        "compare the hosts: shell, awk, sort, locale, file system, limits, number of cores",
        environment,
    ),
)


def _tried(facts: Facts, condition: str) -> Tried | None:
    return next((one for one in facts.tried if one.condition == condition), None)


def _of(one: Tried) -> str:
    return f"{one.failed} of {one.failed + one.clean}"


def _differ(one: Tried, other: Tried) -> bool:
    """Whether the rates differ by Fisher's exact test."""
    return fisher(one.failed, one.failed + one.clean, other.failed, other.failed + other.clean) < SURE


def _compared(facts: Facts, failing: str, passing: str, where: str, elsewhere: str) -> Evidence:
    """Two conditions of which the first should fail more often."""
    one, other = _tried(facts, failing), _tried(facts, passing)
    if one is None or other is None or not one.failed:
        return Evidence()
    text = f"{_of(one)} failed {where}, {_of(other)} {elsewhere}"
    if one.failed * (other.failed + other.clean) <= other.failed * (one.failed + one.clean):
        return Evidence(against=[text])
    if _differ(one, other):
        return Evidence(signs=[text])
    return Evidence(hints=[f"{text}: too few to tell"] if not other.failed else [])


def _objects(facts: Facts, names: Names) -> Sequence[str]:
    """Inputs that are not those of the last attempt that passed, without what holds the version string."""
    return [name for name in facts.unlike if not among([name], names.version)]
