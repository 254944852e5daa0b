"""The `atomic` command: coding agents, set up and run."""

__version__ = "0.1.0"
