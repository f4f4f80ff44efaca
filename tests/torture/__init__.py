"""The product is broken on purpose, for longer than a test may take; what came of it stands in docs/reliability.md."""
