"""Which single factor makes the difference."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisectsyms.core.exacttest import fisher
from bisectsyms.core.isolating import Sampled, isolate
from bisectsyms.model import Kind


def sampled(failed: int, made: int, kind: Kind = Kind.RELINK, **factors: str) -> Sampled:
    named = {"revision": "v6.1", "toolchain": "gcc-11", "-j": "-j1"} | {
        ("-j" if name == "jobs" else name): value for name, value in factors.items()
    }
    return Sampled(tuple(named.items()), kind, failed, made)


def test_the_factor_that_makes_the_difference_is_named() -> None:
    spots = [
        sampled(0, 60),
        sampled(20, 60, jobs="-j2"),
        sampled(0, 60, toolchain="gcc-12"),
        sampled(22, 60, toolchain="gcc-12", jobs="-j2"),
    ]
    found = isolate(spots)
    assert found.comparisons == 3, "two clean ones cannot differ"
    assert {one.factor for one in found.differences} == {"-j"}
    assert "-j makes the difference (2 of 3 comparisons)" in found.why
    first = found.differences[0]
    assert (first.fails, first.passes) == ("-j2", "-j1")
    assert "-j: -j2 failed 22 of 60 times, -j1 0 of 60" in str(first)


def test_what_differs_in_two_things_says_nothing_of_either() -> None:
    found = isolate([sampled(0, 60), sampled(30, 60, jobs="-j2", toolchain="gcc-12")])
    assert (found.comparisons, found.differences) == (0, ())


def test_rates_of_two_kinds_are_not_compared() -> None:
    assert isolate([sampled(0, 60), sampled(30, 60, Kind.CLEAN, jobs="-j2")]).comparisons == 0


def test_many_comparisons_need_a_surer_difference() -> None:
    pair = [sampled(0, 12), sampled(5, 12, jobs="-j2")]
    assert [one.factor for one in isolate(pair).differences] == ["-j"]
    many = pair + [sampled(5, 12, jobs=f"-j{n}") for n in range(3, 9)]
    assert isolate(many).differences == ()
    assert "none of" in isolate(many).why


def with_options(failed: int, profile: str, beside: str = "", **asked: str) -> Sampled:
    factors = (("revision", "v6.1"), ("kconfig", profile), ("-j", "-j2"))
    return Sampled(factors, Kind.RELINK, failed, 60, tuple(sorted(asked.items())), beside)


def test_of_kconfigs_that_differ_by_options_the_one_that_makes_the_difference_is_named() -> None:
    found = isolate(
        [
            with_options(0, "plain", LOCKDEP="n"),
            with_options(1, "debug", LOCKDEP="n", DEBUG_INFO="y"),
            with_options(20, "lockdep", LOCKDEP="y"),
            with_options(22, "both", LOCKDEP="y", DEBUG_INFO="y"),
        ]
    )
    singles = [one for one in found.differences if one.factor.startswith("CONFIG_")]
    assert {one.factor for one in singles} == {"CONFIG_LOCKDEP"}
    assert "CONFIG_LOCKDEP: y (lockdep) failed 20 of 60 times, n (plain) 0 of 60" in {
        str(one).split(" (p ")[0] for one in singles
    }
    assert {one.factor for one in found.differences} == {"CONFIG_LOCKDEP", "kconfig"}, (
        "both against plain are two options"
    )


def test_an_option_that_one_does_not_ask_for_is_left_to_the_defconfig() -> None:
    found = isolate([with_options(0, "plain"), with_options(20, "lockdep", LOCKDEP="y")])
    assert [(one.factor, one.passes) for one in found.differences] == [("CONFIG_LOCKDEP", "not asked for (plain)")]


def test_an_option_is_not_blamed_where_the_profiles_say_something_else_as_well() -> None:
    found = isolate([with_options(0, "plain"), with_options(20, "llvm", beside="LLVM=1", LOCKDEP="y")])
    assert [(one.factor, one.fails) for one in found.differences] == [("profile", "llvm")]
    assert found.why.startswith("profile makes the difference")


@pytest.mark.parametrize(
    ("failed", "made", "others", "of", "p"),
    [(1, 10, 11, 14, 0.002759), (0, 5, 0, 5, 1.0), (3, 3, 0, 3, 0.1), (5, 10, 5, 10, 1.0)],
)
def test_fisher_is_that_of_the_books(failed: int, made: int, others: int, of: int, p: float) -> None:
    assert fisher(failed, made, others, of) == pytest.approx(p, abs=1e-6)


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.data())
def test_fisher_does_not_mind_the_order(made: int, of: int, data: st.DataObject) -> None:
    failed, others = data.draw(st.integers(0, made)), data.draw(st.integers(0, of))
    p = fisher(failed, made, others, of)
    assert 0.0 < p <= 1.0 + 1e-9
    assert math.isclose(p, fisher(others, of, failed, made))
