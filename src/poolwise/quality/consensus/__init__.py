"""Several annotators: how far they agree, what they say together, whom to believe, and what to ask again. Pure."""
