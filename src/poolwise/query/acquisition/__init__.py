"""Acquisition scores: pure functions from model output to one number a sample; higher is queried sooner."""
