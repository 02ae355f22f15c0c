"""Which pictures show one thing, and from which similarity on. Pure."""
