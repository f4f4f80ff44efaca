"""The documentation; what of it is made of the code is made by `generate`."""
