"""Ready parts for the command-line frameworks; one framework to a file."""
