"""How a fact can be worded otherwise: English by rules and short lists, no model and no tokens."""
