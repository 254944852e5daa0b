"""The engine's version; the packages of this repository share one."""

__version__ = "0.1.0"
