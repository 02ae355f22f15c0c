"""How many more labels: the same model trained on subsets of several sizes, and what its curve promises."""
