"""Policies as people write them, what they draw and in which order, and what a draw makes of a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from bisectsyms.core.factors import Applied, Factor, Needs, Place, applied
from bisectsyms.core.variation import Part, Variation
from bisectsyms.errors import UserError
from bisectsyms.inputs.variations import load_variations
from bisectsyms.model import Draw

FACTORS = load_variations()
HERE = Place(jobs=3, cpu=2, cpus=4, cross="arm-")


@pytest.mark.parametrize(
    ("written", "named", "draws"),
    [
        ("pinned", "pinned", 1),
        ("sweep:32", "sweep:32", 32),
        ("pad", "pad:32", 32),
        ("pad:8+jobs-double", "jobs-double+pad:8", 8),
        ("jobs-double+pad:8", "jobs-double+pad:8", 8),
        ("sweep:4+pad:8", "sweep:4+pad:8", 32),
        ("pad:8+sweep:4", "sweep:4+pad:8", 32),
        ("pad:1", "pad=4", 1),
        ("pad=100", "pad=100", 1),
        ("shuffle=12345", "shuffle=12345", 1),
        ("timezone=Europe/Berlin", "timezone=Europe/Berlin", 1),
        ("align-functions=24", "align-functions=24", 1),
        ("freeze", "freeze", 1),
    ],
)
def test_a_policy_has_one_name(written: str, named: str, draws: int) -> None:
    policy = Variation.parse(written, FACTORS)
    assert (str(policy), policy.draws) == (named, draws)
    assert Variation.parse(named, FACTORS) == policy, "what a cell calls it is read again"


@pytest.mark.parametrize(
    ("written", "layouts"),
    [
        *(("pinned", 1), ("sweep:8", 8), ("pad:8", 8), ("host", 3), ("pad=64", 1), ("ld-bfd", 1)),
        *(("umask", 1), ("shuffle", 1), ("time", 1), ("umask+shuffle", 1)),
        *(("sweep:8+umask", 16), ("pad:2+shuffle:3", 6), ("pad=64+umask", 1)),
    ],
)
def test_draws_count_as_layouts_only_where_something_moves(written: str, layouts: int) -> None:
    assert Variation.parse(written, FACTORS).layouts == layouts


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", "neither"),
        ("sweep", "neither"),
        ("sweep:1", "neither"),
        ("sweep:65", "neither"),
        ("sweep=3", "neither"),
        ("padding", "'padding' is neither"),
        ("pad+pad:8", "pad is there twice"),
        ("sweep:4+sweep:8", "sweep is there twice"),
        ("pinned:3", "pinned has no value"),
        ("pad:33", "pad has 32 to draw from"),
        ("pad=0", "pad takes one of"),
        ("pad=64; rm -rf /", "pad takes one of"),
        ("umask=", "umask takes one of"),
        ("jobs-one=2", "jobs-one takes nothing"),
        ("align-functions", "one value is built at a time, as align-functions=16"),
        ("freeze+pad", "freeze cannot be combined"),
        ("sweep:8+freeze", "freeze cannot be combined"),
        ("sweep:64+pad+shuffle", "more than 4096"),
    ],
)
def test_what_is_no_policy_is_told(written: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Variation.parse(written, FACTORS)


def test_every_draw_of_two_factors_is_taken_once_before_any_twice() -> None:
    policy, drawn = Variation.parse("sweep:2+pad:4", FACTORS), list[Draw]()
    for _ in range(16):
        drawn.append(policy.next_draw("tree", drawn))
    assert len(set(drawn[:8])) == 8
    assert {(draw.length, draw.factors) for draw in drawn} == {
        (length, (("pad", str(size)),)) for length in (1, 2) for size in (4, 8, 12, 16)
    }
    assert drawn[:8] == drawn[8:], "in the same order again"
    assert policy.next_draw("another", ()) in drawn


def test_draws_of_another_policy_do_not_count() -> None:
    policy = Variation.parse("pad:2", FACTORS)
    first = policy.next_draw("tree", [Draw(1), Draw(2)])
    assert policy.next_draw("tree", [first, Draw(1)]) != first


def test_the_order_of_a_sweep_is_that_of_older_ledgers() -> None:
    order, drawn = [7, 1, 3, 8, 2, 4, 5, 6], list[Draw]()
    for _ in order:
        drawn.append(Variation(8).next_draw("c0ffee", drawn))
    assert [draw.length for draw in drawn] == order


def test_a_draw_becomes_words_flags_and_variables() -> None:
    draw = Draw(1, (("jobs-double", ""), ("shuffle", "7"), ("umask", "0077"), ("align-functions", "32"), ("pad", "64")))
    assert applied(draw, FACTORS, HERE) == Applied(
        jobs=6,
        words=("sh", "-c", 'umask "$0" && exec "$@"', "0077"),
        flags=("--shuffle=7",),
        append=(("KCFLAGS", "-falign-functions=32"),),
        pad=64,
    )
    assert applied(Draw(5), FACTORS, HERE) == Applied(jobs=3)
    assert dict(applied(Draw(1, (("ld-bfd", ""),)), FACTORS, HERE).environment) == {"BISECTSYMS_LD": "arm-ld.bfd"}
    assert applied(Draw(1, (("one-core", ""),)), FACTORS, HERE).words == ("taskset", "-c", "2")


@pytest.mark.parametrize(("name", "value"), [("umask", "0; id"), ("locale", "$(id)"), ("pad", "x"), ("gone", "")])
def test_a_draw_of_a_foreign_ledger_is_applied_only_if_its_factor_takes_it(name: str, value: str) -> None:
    with pytest.raises(UserError, match=name):
        applied(Draw(1, ((name, value),)), FACTORS, HERE)


def test_a_draw_without_what_moves_the_layout() -> None:
    policy = Variation.parse("sweep:8+pad+ld-bfd+jobs-double", FACTORS)
    assert policy.moving == ("ld-bfd", "pad")
    drew = policy.next_draw("tree", ())
    assert len(drew.factors) == 3
    assert policy.unaided(drew) == Draw(drew.length, (("jobs-double", ""),))
    assert Variation.parse("sweep:8+jobs-double", FACTORS).moving == ()


def test_every_value_that_is_drawn_can_be_written_and_applied() -> None:
    for factor in FACTORS.values():
        for value in factor.values:
            written = str(Part(factor, (value,)))
            assert str(Variation.parse(written, FACTORS)) == written
            applied(Draw(1, ((factor.name, value),)), FACTORS, HERE)


LEAST = "variations:\n  - name: x\n    why: y\n"


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        (LEAST, "2:5", "x changes nothing"),
        (f"{LEAST}    flags: [k]\n", "4:13", "flags.0"),
        (f"{LEAST}    flags: [-k]\n    jobs: many\n", "5:5", "jobs: "),
        (f"{LEAST}    words: ['{{valeu}}']\n", "4:13", "{valeu} is none of"),
        (f"{LEAST}    flags: [-k]\n    draws: {{one_of: [a+b]}}\n", "5:22", "draws.one_of.0"),
        (
            f"{LEAST}    flags: [-k]\n    draws: {{seeds: 3, one_of: [a]}}\n",
            "5:5",
            "give one of one_of, sizes and seeds",
        ),
        (f"{LEAST}    flags: [-k]\n    draws: {{one_of: [a], others: '('}}\n", "5:26", "is no regular expression"),
        (f"{LEAST}    pad: '{{value}}'\n    draws: {{one_of: [a]}}\n", "2:5", "pad is a number of bytes"),
        (f"{LEAST}    flags: [-k]\n  - name: x\n    why: z\n    flags: [-n]\n", "1:1", "given twice: x"),
        (f"{LEAST}    flags: [-k]\n    colour: red\n", "5:5", "no such key"),
        ("variations:\n  - name: sweep\n    why: y\n    flags: [-k]\n", "2:5", "the length of the version string"),
    ],
)
def test_errors_of_the_file_come_with_their_place(tmp_path: Path, text: str, where: str, says: str) -> None:
    (tmp_path / "variations.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        load_variations(tmp_path)
    assert f"variations.yaml:{where}: " in caught.value.message
    assert says in caught.value.message


def test_a_factor_is_read_with_all_it_says(tmp_path: Path) -> None:
    (tmp_path / "variations.yaml").write_text(
        f"{LEAST}    draws: {{sizes: {{step: 8, count: 2}}}}\n    variables: {{A: '{{value}}'}}\n"
        "    needs: {make: '4.4', runs: ['true'], package: make}\n    recompiles: true\n"
    )
    assert load_variations(tmp_path) == {
        "x": Factor(
            "x",
            "y",
            ("8", "16"),
            "[1-9][0-9]{0,5}",
            variables=(("A", "{value}"),),
            needs=Needs(("true",), "4.4", "make"),
            recompiles=True,
        )
    }


@pytest.mark.parametrize(
    ("policy", "drew", "named"),
    [
        ("sweep:8", Draw(3), "sweep:8"),
        ("sweep:8", Draw(3, (("extra-pass", ""),)), "sweep:8+extra-pass"),
        ("sweep:8+pad:4", Draw(3, (("extra-pass", ""), ("pad", "8"))), "sweep:8+extra-pass+pad:4"),
        ("pinned", Draw(1, (("pad", "8"),)), "pad=8"),
        ("pinned", Draw(5), "sweep:16"),  # as many lengths as are built without an aid
        ("sweep:8", Draw(40), "sweep:40"),
        ("pad:4", Draw(1), "sweep:16"),
    ],
)
def test_a_draw_beyond_a_policy_is_of_one_that_reaches_it(policy: str, drew: Draw, named: str) -> None:
    """Else an attempt with another pass of the link would be counted among those without."""
    assert str(Variation.parse(policy, FACTORS).of(drew, FACTORS)) == named
