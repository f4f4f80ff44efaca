"""A small kernel with a real kallsyms link in several passes, and git histories of it.

The real failure needs minutes for every draw; this one is linked by the same gcc, ld and nm in a
fraction of a second, so that tests and the demonstration can judge hundreds of links.
"""

from bisectsyms.smallkernel.history import Failure, History, write_history

__all__ = ["Failure", "History", "write_history"]
