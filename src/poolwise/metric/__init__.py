"""How good a model is, and how much its labels bought: pure functions on arrays."""
