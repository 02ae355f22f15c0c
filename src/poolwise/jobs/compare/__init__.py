"""Cleaned against raw, fairly: the same model on several versions of the training labels, over seeds, on fixed test sets."""
