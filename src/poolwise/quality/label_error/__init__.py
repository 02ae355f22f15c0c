"""Label errors: measures of label quality from out-of-sample probabilities and from neighbours. Pure.

A quality lies in [0, 1]; lower is worse. Nothing here trains or predicts: the probabilities of a sample must come from a
model that has not learnt its label.
"""
