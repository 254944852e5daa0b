"""What is in the larder, on the command line."""

__version__ = "1.0.0"
