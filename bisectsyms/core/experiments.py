"""The experiments that settle a cause: what is set against what, and what each outcome would mean.

Causes are named by their ids, as in kallsyms/mechanisms.py and kallsyms/triggers.py.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from bisectsyms.core.comparing import Turn


class Design(enum.StrEnum):
    """What the attempts of the two arms are."""

    FACTOR = "factor"
    """The draw that failed, without and with something else (configs/knowledge/variations.yaml)."""
    LAYOUTS = "layouts"
    """The same over many layouts, each counted once: what is set moves the layout, so one layout would say nothing."""
    LENGTHS = "lengths"
    """The draw that failed, and others of the version string."""
    TREES = "trees"
    """The same link in an objtree that was built incrementally, and in one from scratch."""
    REPEAT = "repeat"
    """One arm: the draw that failed, again and again."""
    RECOMPILE = "recompile"
    """No link at all: one object, compiled again and again."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an outcome says of causes."""

    text: str
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Experiment:
    """One question, and what is done to answer it."""

    name: str
    question: str
    design: Design
    base: str
    """Name of the arm that is known to fail."""
    other: str = ""
    factors: tuple[str, ...] = ()
    """What the other arm adds to the draw; of several the first that this machine has."""
    never: bool = False
    """Whether the cause in question never fails in the other arm: then one failure there answers."""
    needs_make: bool = False
    """Whether an attempt without make, a replay, cannot have it."""
    meanings: Mapping[Turn, Meaning] = field(default_factory=dict)

    def meaning(self, turn: Turn) -> Meaning:
        """What this outcome says of causes; NOTHING where none was foreseen."""
        return self.meanings.get(turn, NOTHING)


NOTHING = Meaning("it settles nothing")
_LATE = ("oscillation", "temporary-differs", "filter", "order")
"""Mechanisms that no further pass ends: what is compared would differ after it as well."""

EXPERIMENTS: Mapping[str, Experiment] = {
    one.name: one
    for one in (
        Experiment(
            name="extra-pass",
            question="does a further pass of the link end it?",
            design=Design.FACTOR,
            base="as built",
            other="KALLSYMS_EXTRA_PASS=1",
            factors=("extra-pass",),
            never=True,
            meanings={
                Turn.FEWER: Meaning(
                    "the tables settle one pass later, and the kernel's script did not run that pass",
                    ("inner-layout", "stubs"),
                    _LATE,
                ),
                Turn.MORE: Meaning("each pass moves what the next one is made from", ("oscillation",)),
                Turn.SAME: Meaning("a further pass does not end it", (), ("inner-layout",)),
            },
        ),
        Experiment(
            name="jobs=1",
            question="does it need two jobs of make side by side?",
            design=Design.FACTOR,
            base="as built",
            other="-j1",
            factors=("jobs-one",),
            never=True,
            needs_make=True,
            meanings={
                Turn.FEWER: Meaning("two targets of make are made at the wrong time to each other", ("race",)),
                Turn.MORE: Meaning("no race is won by doing one thing after the other", (), ("race",)),
                Turn.SAME: Meaning("it happens with one job of make, so no two of them race", (), ("race",)),
            },
        ),
        Experiment(
            name="ld",
            question="does another linker give another verdict on the same objects?",
            design=Design.LAYOUTS,
            base="the toolchain's ld",
            other="another ld",
            factors=("ld-lld", "ld-gold", "ld-bfd"),
            never=True,
            meanings={
                Turn.FEWER: Meaning("the same objects fail with one linker and not with the other", ("toolchain",)),
                Turn.MORE: Meaning("the other linker fails on objects that this one links", ("toolchain",)),
                Turn.SAME: Meaning("both linkers fail on the same objects", (), ("toolchain",)),
            },
        ),
        Experiment(
            name="sweep",
            question="does it hang on the length of the version string?",
            design=Design.LENGTHS,
            base="the length that failed",
            other="other lengths",
            meanings={
                Turn.FEWER: Meaning("it shows at some lengths and not at others", ("version-string",), ("race",)),
                Turn.MORE: Meaning("it shows at some lengths and not at others", ("version-string",), ("race",)),
                Turn.SAME: Meaning("other lengths fail as often, as far as can be seen", (), ("version-string",)),
            },
        ),
        Experiment(
            name="clean-tree",
            question="is something stale in the objtree?",
            design=Design.TREES,
            base="incremental tree",
            other="tree from scratch",
            never=True,
            meanings={
                Turn.FEWER: Meaning(
                    "an object of an older revision was linked, which a clean build makes anew", ("stale",)
                ),
                Turn.MORE: Meaning("it takes a tree from scratch, so nothing stale is needed", (), ("stale",)),
                Turn.SAME: Meaning("a tree from scratch fails as well", (), ("stale",)),
            },
        ),
        Experiment(
            name="repeat",
            question="does the same draw always end in the same way?",
            design=Design.REPEAT,
            base="the draw that failed",
            meanings={
                Turn.ALWAYS: Meaning("the inputs alone decide", (), ("race",)),
                Turn.BOTH: Meaning(
                    "equal inputs, both outcomes: chance decides, not the layout", ("race",), ("version-string",)
                ),
            },
        ),
        Experiment(
            name="recompile",
            question="does the compiler make the same object of the same source?",
            design=Design.RECOMPILE,
            base="compiled again",
            meanings={
                Turn.BOTH: Meaning("one command line, several objects", ("compiler",)),
                Turn.ALWAYS: Meaning("one command line, one object", (), ("compiler",)),
            },
        ),
    )
}
"""By name, the cheapest first."""
