"""How many more labels: families of learning curves, their fit, what they promise and what they do not."""
