"""A line for each verb, for `--help` and for shells that complete: whole on 80 columns, and together with its like."""

from __future__ import annotations

from collections.abc import Mapping

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Search": {
        "step": "Judge the revision that git checked out (the default verb).",
        "bisect": "Search between GOOD and BAD without git bisect; any flaky test.",
        "suspects": "Print the commits that the last search holds for possible.",
        "calibrate": "Measure the failure: which attempts show it, and how often.",
        "hunt": "Run a matrix of revisions, compilers and -j until a deadline.",
    },
    "Look at what was found": {
        "status": "Where the search stands: answer, rates, verdicts, why, how sure.",
        "report": "What was found as a page, Markdown, mail, JSON, JUnit or CSV.",
        "diagnose": "Name the cause of a failure: what differs, and how sure.",
        "near-miss": "How close a build that passes comes to the failure.",
        "log": "Show what make printed in attempt NUMBER.",
        "again": "Repeat attempt NUMBER: same revision, kind and draw.",
        "shell": "Open a shell where attempt NUMBER was made.",
        "script": "Write an attempt that failed as a script that needs only make.",
    },
    "Words of people, other hosts": {
        "tell": "Say what a revision is, instead of attempts.",
        "exclude": "Take an attempt out of the evidence, with the reason.",
        "ledger": "Carry the ledger to another host and merge it there.",
        "reproduce": "Try somebody's report here, closed off from your files.",
        "reply": "Write the answer to it; nothing is sent.",
    },
    "Set up, try out": {
        "doctor": "Check this machine; what is missing comes as one apt-get line.",
        "demo": "Find a planted flaky commit with a real git bisect run.",
        "init": "Write a commented profile from what is found here.",
        "toolchains": "List the compilers found, and the profiles they serve.",
        "variations": "List what attempts can be varied by.",
        "completion": "Print the script by which a shell completes all this.",
        "clean": "Show the slots of this repository; --yes removes them.",
        "simulate": "How long a search would take, on made histories.",
    },
}
"""Title -> verb -> its line."""
SUMMARIES: Mapping[str, str] = {verb: line for verbs in SECTIONS.values() for verb, line in verbs.items()}
