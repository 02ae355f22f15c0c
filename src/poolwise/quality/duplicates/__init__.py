"""Pictures that show one thing, and the similarity from which they do. Pure."""
