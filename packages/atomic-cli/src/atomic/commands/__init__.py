"""The commands of `atomic`, one module each."""
