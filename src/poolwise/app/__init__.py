"""The command line, Hydra, and the commands: the only room that knows Hydra and the terminal."""
