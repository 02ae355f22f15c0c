"""How good the data are: wrong labels, several annotators, duplicates, and what to leave out. Pure."""
