"""Query strategies: frozen dataclasses that turn a `PoolView` into a `Query`, given a generator."""
