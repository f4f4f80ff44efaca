"""One module per verb: they join inputs, effects and core, and hold no judgement of their own."""
