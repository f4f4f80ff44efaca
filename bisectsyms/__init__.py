"""bisectsyms: git bisect for kernel builds that fail sometimes with "Inconsistent kallsyms data"."""

__version__ = "0.1.0"
