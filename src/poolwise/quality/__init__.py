"""Quality of the data: wrong labels, several annotators, duplicates, and pruning. Pure."""
