"""Learning curves: their families, their fit, and the number of labels that a score needs."""
