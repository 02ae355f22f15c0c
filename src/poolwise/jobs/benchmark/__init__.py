"""Strategies compared: the job of `poolwise benchmark`."""
