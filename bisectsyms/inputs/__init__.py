"""What the user asked: command line, profiles."""
