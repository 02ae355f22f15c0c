"""Where work is done: on this machine, several pieces at once."""
