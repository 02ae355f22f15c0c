"""Pruning of training samples by components of near-identical pictures, whose labels should be the same. Pure.

The strategies of SeeDoo's work with fastdup, which gives no formulas; the definitions here are ours and exact. Components are
group numbers (N,), -1 for a picture of its own. Labels are (N,) class numbers or (N, C) of 0 and 1; -1 (a row of -1) for
unknown: such samples are never pruned and say nothing.
"""
