"""Every known cause, the one list: docs/causes.md explains them for people.

A cause is a `Cause` in mechanisms.py or triggers.py with its rule beside it; the names that it is known by, and bugs of
the kind in Linux, are in configs/knowledge/causes.yaml.
"""

from __future__ import annotations

from bisectsyms.kallsyms.mechanisms import MECHANISMS
from bisectsyms.kallsyms.triggers import TRIGGERS

CAUSES = (*MECHANISMS, *TRIGGERS)
