"""`make fuzz`: the readers of foreign text, driven by what they have not done yet; the corpus is also run by pytest."""
