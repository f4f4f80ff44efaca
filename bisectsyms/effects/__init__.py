"""Everything that touches the world: processes, git, the file system, SQLite."""
