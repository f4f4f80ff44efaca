"""How two maps of one kernel come to differ: one rule for each mechanism, told from what one failing link left.

The order is from the special to the general: of two causes that are equally sure, the first is named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bisectsyms.kallsyms.difference import Difference
from bisectsyms.kallsyms.evidence import Axis, Cause, Evidence, Names, among, few
from bisectsyms.kallsyms.facts import Facts
from bisectsyms.kallsyms.passes import laid_out_alike, part_changes, room, same_size, section_changes, sizes


def filter_lists(facts: Facts, names: Names) -> Evidence:
    """Both images have the name, one map has it: what differs is what was left out."""
    if facts.unlisted:
        only = f"both images have {few(facts.unlisted)}, and only one of the two maps lists it"
        return Evidence(proofs=[only])
    if not facts.in_table:
        return Evidence()
    inside = f"the table lists labels of its own: {few(facts.in_table)}, which the first pass has not"
    return Evidence(signs=[inside])


def stubs(facts: Facts, names: Names) -> Evidence:
    """What the linker adds by itself is in one of the two images only."""
    return _odd_names(facts, names.stub, "are what a linker puts between a call and a target that it cannot reach")


def generated(facts: Facts, names: Names) -> Evidence:
    """Names of the compiler, the assembler or objcopy come, go or move by themselves."""
    found = _odd_names(facts, names.generated, "are made by the tools, not written by anybody")
    difference = facts.final
    if difference is None or found.speaks_for:
        return found
    if retyped := among(difference.retyped, names.generated):
        return Evidence(signs=[f"{few(retyped)}: another type in the other map"], against=found.against)
    moved = among((shift.first for shift in difference.shifts if shift.symbols == 1), names.generated)
    if not moved:
        return found
    alone = len(moved) == sum(shift.delta != 0 for shift in difference.shifts)
    text = f"{few(moved)} moved, and {'nothing else did' if alone else 'not with its neighbours'}"
    return Evidence(proofs=[text] if alone and difference.same_names else [], signs=[text], against=found.against)


def tie(facts: Facts, names: Names) -> Evidence:
    """Symbols of one address stand in another order: nm orders ties by name, and the table follows the order.

    What is tied in one image and parted by padding in the other changes places (9973290ce20a has it in pictures).
    """
    difference = facts.final
    if difference is None:
        return Evidence()
    swaps = [one for one in difference.swaps if one.tied and _kernels(one.before, names)]
    if not swaps:
        flipped = [name for one in facts.passes for swap in one.swaps if swap.tied for name in swap.before]
        hint = f"between two passes the order of {few(flipped)} changed" if flipped else ""
        return Evidence(hints=[hint] if hint else [])
    against = _other_names(difference, names)
    shown = next((one for one in swaps if among(one.before, names.boundary)), swaps[0])
    more = f" and {len(swaps) - 1} more" if len(swaps) > 1 else ""
    text = f"at 0x{shown.address:x} it is {few(shown.before)}, and then {few(shown.after)}{more}"
    if difference.same_names and not difference.moved:
        return Evidence(proofs=[f"only the order differs, at one address each: {text}"])
    labels = among((name for one in swaps for name in one.before), names.boundary)
    if not labels:
        return Evidence(hints=[text], against=[*against, "none of them is a label of the linker script"])
    return Evidence(signs=[text, f"{few(labels)} have no size: labels of the linker script"], against=against)


def order(facts: Facts, names: Names) -> Evidence:
    """Symbols pass one another from link to link, although a table only moves what lies behind it."""
    difference = facts.final
    out = _out_of_order(difference, names) if difference else ()
    if difference is None or not out:
        return Evidence()
    against = _other_names(difference, names)
    last = f"the final link has in another order, each at an address of its own: {few(out)}"
    earlier = next((found for one in facts.passes if (found := _out_of_order(one, names))), ())
    if not earlier:
        return Evidence(hints=[last], against=against)
    between = f"so had a pass before it: {few(earlier)}"
    if facts.watched and not facts.moved and not against:
        return Evidence(proofs=[f"{last}; {between}; and no input of the link changed meanwhile"])
    return Evidence(signs=[last, between], against=against)


def inner_layout(facts: Facts, names: Names) -> Evidence:
    """The object of the table kept its size while the parts in it moved, so nobody asked for a third pass."""
    difference, tables = facts.final, facts.tables
    if difference is None:
        return Evidence()
    first = difference.first
    at = first.before if first and among([first.before], names.table) else ""
    if len(tables) < 2 or room(tables[-2]) != room(tables[-1]):
        hints = [f"the first symbol that moved is {at}, by {_bytes(first.delta)}"] if at and first else []
        same = same_size(tables)
        return Evidence(hints=hints, against=[] if same else [sizes(tables)] if tables else [])
    parts = part_changes(tables[-2], tables[-1])
    against = _other_names(difference, names)
    if _kernels([name for one in difference.swaps for name in one.before], names):
        against = [*against, "symbols of one address also changed their order"]
    if not parts:
        return Evidence(against=["the parts of the last two tables have the same sizes"])
    text = f"{tables[-1].name} is as large as {tables[-2].name} ({room(tables[-1])} bytes), but in it {few(parts)}"
    if at and first:
        began = f"the first symbol that moved is {at}, by {_bytes(first.delta)}"
        return Evidence(proofs=[text] if not against else [], signs=[text, began], against=against)
    return Evidence(hints=[text], against=[*against, "the first symbol that differs is none of the table"])


def oscillation(facts: Facts, names: Names) -> Evidence:
    """The size of the table depends on the addresses, which depend on the size of the table."""
    difference, tables = facts.final, facts.tables
    if difference is None or len(tables) < 2:
        return Evidence()
    last = sizes(tables)
    if room(tables[-2]) == room(tables[-1]):
        return Evidence(against=[f"the last two tables are of one size, {room(tables[-1])} bytes"])
    against = _other_names(difference, names)
    if labels := among((name for one in difference.swaps for name in one.before), names.boundary):
        against = [*against, f"the order of {few(labels)} changed, which also changes the size"]
    if len(tables) < 3:
        hint = f"{last}, and no third pass was made"
        return Evidence(signs=[hint], against=[*against, "a third pass might have settled it"])
    new = _kernels([name for one in facts.passes[1:] for name in (*one.appeared, *one.vanished)], names)
    if new:
        return Evidence(hints=[last], against=[*against, f"names came and went between the passes: {few(new)}"])
    text = f"{last}: they do not settle, while the names of the passes are the same"
    return Evidence(proofs=[] if against else [text], signs=[text], against=against)


def temporary_differs(facts: Facts, names: Names) -> Evidence:
    """The final link makes another image than the temporary one, whatever the table."""
    one, two, difference = facts.temporary, facts.image, facts.final
    if difference is None:
        return Evidence()
    families = (*names.stub, *names.generated, *names.table)
    known = {*facts.unlisted, *among((*difference.appeared, *difference.vanished), families)}
    odd = [name for name in (*difference.appeared, *difference.vanished) if name not in known]
    steady = facts.watched and not facts.moved
    signs = section_changes(one, two) if one and two else []
    if facts.stripped:
        signs.append(f"the final link left out every local symbol: {few(facts.stripped)}")
    elif one and (only := [name for name in odd if (name in one.symbols) is (name in difference.vanished)]) and steady:
        signs.append(f"in one of the two images only, and of no family that the tools make: {few(only)}")
    if signs:
        proof = [f"{signs[0]}, and no input of the link changed meanwhile"] if steady else []
        return Evidence(proofs=proof, signs=signs[len(proof) :])
    if steady and not known and not difference.swaps and laid_out_alike(facts.tables):
        text = "the inputs did not change, the last two tables are laid out alike, and yet the final link put things "
        return Evidence(signs=[f"{text}elsewhere: what is left is how it was called"])
    return Evidence(hints=[f"of no known family of names, and in one map only: {few(odd)}"] if odd else [])


MECHANISMS = (
    Cause(
        "filter",
        Axis.MECHANISM,
        "the lists of what is left out disagree",
        "nm of both images has the name, and only one of the two maps; or the table lists its own labels",
        "",
        "",
        "leave the name out in scripts/mksysmap and scripts/kallsyms.c alike",
        filter_lists,
    ),
    Cause(
        "stubs",
        Axis.MECHANISM,
        "stubs of the linker come and go between the passes",
        "names such as *_veneer, *_from_arm, __*Thunk_*, *.long_branch.* in one of the two maps only",
        "extra-pass",
        "with a further pass the stubs are in both images, and it passes",
        "let scripts/kallsyms.c and mksysmap ignore names of this family; or make .text smaller than the branch range",
        stubs,
    ),
    Cause(
        "generated",
        Axis.MECHANISM,
        "names made by the tools come, go or move",
        "_SDA_BASE_, *.c.<hash>, .L*, $a $d $x, L0, __efistub_*, __pi_*, __kcfi_typeid_* in one map only, or elsewhere",
        "extra-pass",
        "a further pass does not help: the names are new in every link",
        "let scripts/kallsyms.c and mksysmap ignore names of this family",
        generated,
    ),
    Cause(
        "tie",
        Axis.MECHANISM,
        "symbols of one address change their order",
        "the same names, and another order only among symbols with one address, which are labels of the linker script",
        "ld",
        "another linker orders them alike in all passes",
        "keep the labels apart in the linker script: a byte between them, or no label where the section is empty",
        tie,
    ),
    Cause(
        "order",
        Axis.MECHANISM,
        "every link puts the parts of the image in another order",
        "the same names and inputs, and from pass to pass symbols pass one another that have addresses of their own",
        "",
        "",
        "give the linker one order: a sorted list of objects, a seed for what it draws, LTO once and before the passes",
        order,
    ),
    Cause(
        "inner-layout",
        Axis.MECHANISM,
        "the table kept its size, and its parts moved",
        "the kallsyms objects of the last two passes have one size, but other parts; the first symbol that moved is "
        "kallsyms_*; no third pass was made",
        "extra-pass",
        "with a further pass it passes",
        "KALLSYMS_EXTRA_PASS=1 for now; 14b8b4bf2d7b compares what is in the objects, not their sizes alone",
        inner_layout,
    ),
    Cause(
        "oscillation",
        Axis.MECHANISM,
        "the size of the table never settles",
        "the same names, and the tables of the last two passes differ in size after a third pass",
        "extra-pass",
        "with a third pass it fails as well",
        "make the size of the table independent of addresses; an alignment behind it often hides it",
        oscillation,
    ),
    Cause(
        "temporary-differs",
        Axis.MECHANISM,
        "the final link is not the temporary one",
        "sections or symbols in one of the two images only, with the same inputs",
        "extra-pass",
        "with a third pass it fails as well, in the same way",
        "give every pass of scripts/link-vmlinux.sh the same objects, flags and script",
        temporary_differs,
    ),
)


def _odd_names(facts: Facts, family: Sequence[re.Pattern[str]], what: str) -> Evidence:
    """Names of one family that only one of the two maps or images has."""
    difference = facts.final
    if difference is None:
        return Evidence()
    odd = [*difference.appeared, *difference.vanished]
    mine = among((name for name in odd if name not in facts.unlisted), family)
    if mine:
        rest = [name for name in odd if name not in mine and name not in facts.unlisted]
        text = f"in one of the two maps only: {few(mine)}; they {what}"
        if rest:
            return Evidence(signs=[text], against=[f"so are others: {few(rest)}"])
        return Evidence(proofs=[text])
    one, two = facts.temporary, facts.image
    if one and two and (hidden := among(sorted(one.symbols ^ two.symbols), family)):
        return Evidence(signs=[f"in one of the two images only: {few(hidden)}; they {what}"])
    last = facts.passes[-1:]
    new = among((name for each in last for name in (*each.appeared, *each.vanished)), family)
    if new and len(facts.tables) > 1 and room(facts.tables[-2]) != room(facts.tables[-1]):
        text = f"the last pass still brought or took {few(new)}, so that the table of vmlinux has another size"
        return Evidence(signs=[f"{text}; they {what}"])
    before = among((name for each in facts.passes for name in (*each.appeared, *each.vanished)), family)
    return Evidence(hints=[f"between two passes came or went {few(before)}"] if before else [])


def _other_names(difference: Difference, names: Names) -> list[str]:
    """That the kernel's own names differ; labels of the table come and go with its parts."""
    odd = _kernels((*difference.appeared, *difference.vanished), names)
    return [f"names are in one map only: {few(odd)}"] if odd else []


def _kernels(odd: Sequence[str], names: Names) -> list[str]:
    """Names but for labels of the table."""
    labels = among(odd, names.table)
    return [name for name in odd if name not in labels]


def _out_of_order(difference: Difference, names: Names) -> tuple[str, ...]:
    """Symbols that passed others, without labels and what the tools make; a single one that jumped does not count."""
    families = (*names.boundary, *names.stub, *names.generated, *names.table)

    def plain(names: Sequence[str]) -> list[str]:
        known = frozenset(among(names, families))
        return [name for name in names if name not in known]

    found = plain(difference.strayed)
    for swap in difference.swaps:
        before, after = plain(swap.before), plain(swap.after)
        one_jumped = before[1:] == after[:-1] or before[:-1] == after[1:]
        if not swap.tied and before != after and not one_jumped:
            found += before
    return tuple(found)


def _bytes(delta: int | None) -> str:
    return f"{delta:+d} bytes" if delta is not None else "so much that its place in the order changed"
