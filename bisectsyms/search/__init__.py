"""The search for the first bad commit, as a library: no git, no clock, no I/O."""

from bisectsyms.search.costs import Costs
from bisectsyms.search.search import Result, Search

__all__ = ["Costs", "Result", "Search"]
