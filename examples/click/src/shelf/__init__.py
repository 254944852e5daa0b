"""A shelf of books, on the command line."""

__version__ = "1.0.0"
