"""What the attempts at one spot of a hunt say: by which kind it is judged, what is tried next, and what it is.

A rate belongs to a kind, so a spot is judged by one. That is the kind in which its failure shows, found by the ladder
of the search; where nothing has failed here, the one found at another spot of the same objtree; else the cheapest, and
every kind gets about the same time, so that a failure which only clean builds show is not overlooked. Kinds that were
given up at another spot are spared: the dearer one contains them, so that nothing but seconds can be lost.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from bisectsyms.core.decide import NO_LINK_SCRIPT, fruitless_in, untestable
from bisectsyms.core.hunting import Rules, settled
from bisectsyms.core.ladder import Choice, Try, Unseen, climb
from bisectsyms.core.rated import Rate, rated
from bisectsyms.core.words import count, percent
from bisectsyms.model import Consistency, Draw, Kind, Observation


class State(enum.StrEnum):
    """How far a spot is."""

    OPEN = "open"
    SETTLED = "settled"
    UNTESTABLE = "untestable"
    """It does not build twice in the same way, or never says anything: left."""
    ARTEFACT = "artefact"
    """Only builds on arrival failed, which cannot be repeated: left."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One spot, as far as it is known."""

    state: State
    consistency: Consistency
    """UNKNOWN before it is settled."""
    kind: Kind
    """By which it is judged."""
    rate: Rate
    """In that kind."""
    others: tuple[tuple[Kind, Rate], ...]
    """Of the kinds that were made besides."""
    next_kind: Kind
    next_draw: Draw | None
    """One that failed in another kind and is to be tried in this one; None for the next of the variation."""
    tried: bool
    why: str
    """Why it is left, or how the kind was found."""

    @property
    def failing(self) -> bool:
        """Whether it failed in any kind."""
        return self.rate.failed > 0 or any(rate.failed for _, rate in self.others)

    @property
    def takes_attempts(self) -> bool:
        """Whether it is neither settled nor left."""
        return self.state is State.OPEN


def standing(
    seen: Sequence[Observation],
    kinds: Sequence[Kind],
    rules: Rules,
    found: Kind | None = None,
    fixed: Kind | None = None,
    spared: Kind | None = None,
) -> Standing:
    """What `seen`, all that has ended at a spot in its order, makes of it.

    `kinds` can be repeated, cheapest first. `found` is the kind that shows the failure at another spot of this objtree;
    `fixed` is what the user wants, and nothing else is tried then. `spared` is what showed the failure in another
    objtree: kinds cheaper than that, or than `found`, are not tried here unless they have failed.
    """
    lacking = any(one.signature == NO_LINK_SCRIPT for one in seen)
    kinds = [fixed] if fixed else [kind for kind in kinds if not (lacking and kind is Kind.REPLAY)]
    rates = {kind: _rate(seen, kind) for kind in Kind}
    kinds = _worth_trying(seen, kinds, found or spared)
    rung = climb(seen, kinds, rules.good)
    failing = any(rates[kind].failed for kind in Kind)
    kind = fixed or _judged(rung, kinds, rates, found)
    now = settled(rates[kind].failed, rates[kind].attempts - rates[kind].failed, rules)
    state, why = _state(seen, rung, now, fixed)
    free = not fixed and not (found and not failing) and isinstance(rung, Try)
    return Standing(
        state=state,
        consistency=now or Consistency.UNKNOWN,
        kind=kind,
        rate=rates[kind],
        others=tuple((one, rate) for one, rate in rates.items() if one is not kind and rate.attempts),
        next_kind=rung.kind if free else kind,
        next_draw=rung.draw if free and isinstance(rung, Try) else None,
        tried=bool(seen) and (any(one.outcome.is_evidence for one in seen) or state is not State.OPEN),
        why=why,
    )


def found_kind(
    seen: Sequence[Observation], kinds: Sequence[Kind], rules: Rules, spared: Kind | None = None
) -> Kind | None:
    """The kind that shows the failure at a spot; None where that is not known."""
    rung = climb(seen, _worth_trying(seen, kinds, spared), rules.good)
    return rung.kind if isinstance(rung, Choice) else None


def _worth_trying(seen: Sequence[Observation], kinds: Sequence[Kind], spared: Kind | None) -> list[Kind]:
    """From `spared` on, and what has failed here."""
    failed = {one.kind for one in seen if one.outcome.is_failure}
    cheaper = kinds[: kinds.index(spared)] if spared in kinds else ()
    return [kind for kind in kinds if kind not in cheaper or kind in failed]


def _judged(rung: Try | Choice | Unseen, kinds: Sequence[Kind], rates: dict[Kind, Rate], found: Kind | None) -> Kind:
    if isinstance(rung, Choice):
        return rung.kind
    if failing := [kind for kind in Kind if rates[kind].failed]:  # not good because a cheaper kind stays clean
        return max(failing, key=lambda kind: rates[kind].failed)
    return found if found and found in kinds else kinds[0]


def _state(
    seen: Sequence[Observation], rung: Try | Choice | Unseen, now: Consistency | None, fixed: Kind | None
) -> tuple[State, str]:
    evidence = any(one.outcome.is_evidence for one in seen)
    if not evidence and (ended := untestable(seen)):
        return State.UNTESTABLE, ended.rationale
    if fruitless := fruitless_in(seen):
        return State.UNTESTABLE, fruitless.rationale
    if isinstance(rung, Unseen) and rung.artefact and not fixed:
        return State.ARTEFACT, rung.why
    return (State.SETTLED if now else State.OPEN), rung.why


def _rate(seen: Sequence[Observation], kind: Kind) -> Rate:
    mine = [one.outcome.is_failure for one in seen if one.kind is kind and one.outcome.is_evidence]
    return rated(sum(mine), len(mine) - sum(mine))


def verdict(one: Standing) -> str:
    """The word for a spot, with what it rests on."""
    rate = one.rate
    between = f"{percent(rate.rate)} ({percent(rate.low)} to {percent(rate.high)})"
    match one.state, one.consistency:
        case State.UNTESTABLE | State.ARTEFACT, _:
            return f"{one.state}: {one.why}"
        case State.SETTLED, Consistency.GOOD:
            also = [str(kind) for kind, other in one.others if other.failed]
            but = f", but {' and '.join(also)} failed" if also else ""
            return f"{Consistency.GOOD} (below {percent(rate.high)} with 95 %){but}"
        case State.SETTLED, Consistency.BAD:
            return f"{Consistency.BAD} (above {percent(rate.low)} with 95 %)"
        case State.SETTLED, _:
            return f"flaky at {between}"
    if rate.failed:
        return f"fails, how often is open: {between}"
    if one.failing:
        return "fails, by which kind is open"
    if not rate.attempts:
        return "no failure yet" if one.tried else "not tried"
    return f"no failure in {count(rate.attempts, 'attempt')} (below {percent(rate.high)})"
