"""What audits, comparisons and sample-size experiments train: each model once, kept in a file."""
