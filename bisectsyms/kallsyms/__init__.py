"""What the maps and tables of a link say: which symbols moved, and which known cause explains it; pure."""
