"""Quality of a model, and the worth of its labels: pure functions on arrays."""
