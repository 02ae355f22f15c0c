"""poolwise: which pictures to label next, which labels are wrong, how many more are needed."""

__version__ = "0.1.0"
