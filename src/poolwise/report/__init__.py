"""One page, one picture and one file of numbers about a run."""
