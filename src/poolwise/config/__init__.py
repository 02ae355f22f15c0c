"""From yaml to parts: the only room that knows Hydra."""
