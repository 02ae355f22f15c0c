"""When it no longer pays to ask. Pure; an exhausted pool always stops a run and needs no rule."""
