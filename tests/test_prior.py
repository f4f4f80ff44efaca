"""Before the first attempt, the pure rules: where a file reaches, what a commit weighs."""

from __future__ import annotations

import pytest

from bisectsyms.core.prior import LIGHTER, Change, Rules, rules, weigh
from bisectsyms.core.reach import KHEADERS, Objects, Reach, reach_of
from bisectsyms.errors import UserError

SEEN = {"kernel/fork.c": 1, "include/linux/sched.h": 8, "tools/include/linux/kconfig.h": 1, "arch/arm/xen/mm.c": 1}
UNSEEN = ("kernel/rcu/tiny.c", "include/linux/rare.h", "drivers/x.tbl", "arch/arm/boot/dts/a.dts")
OBJECTS = Objects(SEEN, frozenset(f"o{number}.o" for number in range(10)), frozenset((*SEEN, *UNSEEN)))


def change(*paths: str, author: str = "A <a@x>", title: str = "t", merge: bool = False) -> Change:
    return Change(author, 0, title, paths, merge)


@pytest.mark.parametrize(
    ("path", "reach"),
    [
        ("Documentation/admin-guide/index.txt", Reach.DOCUMENTATION),
        ("Documentation/Kconfig", Reach.BUILD),
        ("drivers/gpu/README", Reach.DOCUMENTATION),
        ("rust/notes.md", Reach.DOCUMENTATION),
        ("kernel/.gitignore", Reach.DOCUMENTATION),
        ("MAINTAINERS", Reach.DOCUMENTATION),
        ("LICENSES/preferred/GPL-2.0", Reach.DOCUMENTATION),
        ("arch/x86/lib/x86-opcode-map.txt", Reach.ARCH),
        ("lib/table.txt", Reach.BUILD),
        ("arch/x86/Kconfig", Reach.ARCH),
        ("arch/arm/Kconfig", Reach.BUILD),
        ("arch/Kconfig", Reach.BUILD),
        ("include/asm-x86/page.h", Reach.ARCH),
        ("include/asm-generic/page.h", Reach.BUILD),
        ("samples/bpf/x.c", Reach.TOOLS),
        ("samples/Kconfig", Reach.BUILD),
        ("tools/perf/builtin-stat.c", Reach.TOOLS),
        ("tools/testing/selftests/net/Makefile", Reach.TOOLS),
        ("tools/objtool/check.c", Reach.BUILD),
        ("tools/bpf/resolve_btfids/main.c", Reach.BUILD),
        ("tools/bpf/bpftool/main.c", Reach.TOOLS),
        ("tools/include/linux/kconfig.h", Reach.BUILD),
        ("tools/lib/string.c", Reach.BUILD),
        ("tools/Makefile", Reach.BUILD),
        ("scripts/checkpatch.pl", Reach.BUILD),
        ("kernel/rcu/tiny.c", Reach.BUILD),
    ],
)
def test_where_a_path_reaches_in_a_build_for_arm(path: str, reach: Reach) -> None:
    assert reach_of([path], "arm") is reach


@pytest.mark.parametrize(
    ("arch", "path", "reach"),
    [
        ("x86_64", "arch/x86/mm/init.c", Reach.BUILD),
        ("x86_64", "arch/i386/mm/init.c", Reach.BUILD),
        ("um", "arch/x86/um/ldt.c", Reach.BUILD),
        ("arm64", "arch/arm/xen/mm.c", Reach.BUILD),
        ("sparc64", "arch/sparc/mm/init_64.c", Reach.BUILD),
        ("x86", "arch/sparc/mm/init_64.c", Reach.ARCH),
    ],
)
def test_names_of_architectures_and_of_their_folders(arch: str, path: str, reach: Reach) -> None:
    assert reach_of([path], arch) is reach


@pytest.mark.parametrize(
    ("path", "reach"),
    [
        ("kernel/fork.c", Reach.BUILD),
        ("kernel/rcu/tiny.c", Reach.UNREAD),
        ("include/linux/rare.h", Reach.UNREAD),
        ("arch/arm/boot/dts/a.dts", Reach.UNREAD),
        ("drivers/x.tbl", Reach.BUILD),  # what reads it leaves no list
        ("kernel/new.c", Reach.BUILD),  # it was not there
        ("kernel/Makefile", Reach.BUILD),
        ("usr/gen_init_cpio.c", Reach.BUILD),
        ("certs/blacklist.c", Reach.BUILD),
        ("arch/arm/kernel/vmlinux.lds.S", Reach.BUILD),
        ("tools/include/linux/kconfig.h", Reach.BUILD),
    ],
)
def test_what_the_objects_were_made_from_decides(path: str, reach: Reach) -> None:
    assert reach_of([path], "arm", OBJECTS) is reach


def test_kheaders_hold_every_header() -> None:
    packed = Objects(SEEN, OBJECTS.targets | {KHEADERS}, OBJECTS.there)
    assert reach_of(["include/linux/rare.h"], "arm", packed) is Reach.BUILD
    assert reach_of(["kernel/rcu/tiny.c"], "arm", packed) is Reach.UNREAD


def test_one_file_in_reach_is_enough_and_else_the_weakest_reason_counts() -> None:
    assert reach_of(["MAINTAINERS", "kernel/fork.c"], "arm", OBJECTS) is Reach.BUILD
    assert reach_of(["kernel/rcu/tiny.c", "MAINTAINERS"], "arm", OBJECTS) is Reach.UNREAD
    assert reach_of([], "arm", OBJECTS) is Reach.NOTHING


def test_weights_by_default_and_what_is_said_of_them() -> None:
    changes = [None, change("MAINTAINERS"), change("kernel/fork.c"), change(merge=True), change("kernel/rcu/tiny.c")]
    weighed = weigh(changes, Rules(), "arm", OBJECTS)
    assert weighed.weights == (1.0, 0.02, 1.0, 0.25, 0.05)
    assert weighed.said(4) == (
        "3 of 4 commits weigh less: only documentation 1 (at 0.02), "
        "only sources that no object is made from 1 (at 0.05), merges without a file of their own 1 (at 0.25)"
    )
    assert min(LIGHTER.values()) > 0.0, "what a rule says is out of reach can still be the culprit"


def test_of_a_command_only_merges_weigh_less() -> None:
    changes = [change("README.md"), change("arch/x86/Kconfig"), change(merge=True), change("x.c", merge=True)]
    assert weigh(changes, Rules(), None).weights == (1.0, 1.0, 0.25, 1.0)


def test_what_is_taken_back_later_weighs_less() -> None:
    changes = [change("kernel/fork.c"), change("kernel/fork.c", title="Revert"), change("MAINTAINERS")]
    assert weigh(changes, Rules(), "arm", undone={0, 2}).weights == (0.02, 1.0, 0.02)
    assert weigh(changes, rules(["flat"]), None, undone={0}).weights == (1.0, 1.0, 1.0)


def test_rules_multiply_and_flat_switches_the_defaults_off() -> None:
    given = rules(["path:drivers/gpu/=5", "author:@intel=2", "subject:^drm=3"])
    one = change("drivers/gpu/drm/i915/x.c", author="B <b@intel.com>", title="drm/i915: x")
    weighed = weigh([one, change("MAINTAINERS"), change("x.c", title="not drm")], given, "arm")
    assert weighed.weights == (30.0, 0.02, 1.0)
    assert weighed.ruled == 1
    flat = weigh([one, change("MAINTAINERS"), change(merge=True)], rules(["flat", "path:*.c=.5"]), "arm")
    assert flat.weights == (0.5, 1.0, 1.0)
    assert flat.said(3) == "--prior applies to 1 commit"
    assert weigh([one], rules([]), "arm").said(1) == ""
    tiny = weigh([one], rules(["path:*=1e-6", "author:B=1e-6"]), "arm")
    assert tiny.weights[0] > 0.0


@pytest.mark.parametrize(
    "word",
    ["path:x", "path:x=0", "path:x=-1", "path:x=nan", "path:x=inf", "author:(=2", "files:x=2", "path:=2", "x", "=2"],
)
def test_a_rule_that_is_none_is_refused_with_an_example(word: str) -> None:
    with pytest.raises(UserError) as refused:
        rules([word])
    assert "path:" in refused.value.next_step


def test_why_a_rule_is_none() -> None:
    for word, why in (
        ("files:x=2", "--prior files:x=2: no such rule"),
        ("path:x=much", "--prior path:x=much: 'much' is no number"),
        ("author:(=2", "--prior author:(=2: missing ), unterminated subpattern at position 0"),
        ("path:x=0", "--prior path:x=0: a weight is between 1e-06 and 1e+06"),
    ):
        with pytest.raises(UserError) as refused:
            rules([word])
        assert refused.value.message == why
        assert refused.value.next_step == ("--prior 'path:drivers/gpu/*=5', 'author:NAME=.1', 'subject:^mm=2' or flat")


def test_a_rule_is_read_from_its_end_and_a_path_is_all_of_it() -> None:
    assert weigh([change("a=b.c")], rules(["path:a=b.c=3"]), "arm").weights == (3.0,)
    assert weigh([change(title="mm: a: b")], rules(["flat", "subject:mm: a=1e6"]), "arm").weights == (1e6,)
    assert weigh([change("a.c"), change("a.c.h")], rules(["flat", "path:*.c=3"]), "arm").weights == (3.0, 1.0)


def test_how_many_weigh_less() -> None:
    weighed = weigh([change("Documentation/a.rst")] * 3 + [change(merge=True)], Rules(), "arm")
    assert weighed.lighter == {Reach.DOCUMENTATION: 3, Reach.MERGE: 1}
    both = weigh([change("Documentation/a.rst")], rules(["path:*=2"]), "arm").said(9)
    assert both == "1 of 9 commits weigh less: only documentation 1 (at 0.02); --prior applies to 1 commit"
    assert weigh([change("Documentation/a.rst")], Rules(), None).weights == (1.0,), "of a command nobody knows"
