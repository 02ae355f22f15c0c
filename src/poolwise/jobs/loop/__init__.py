"""The labelling loop: query, annotate, train, measure, round after round, over an append-only ledger."""
