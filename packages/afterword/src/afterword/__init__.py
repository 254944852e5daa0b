"""Anonymous usage telemetry for command-line tools that users do not resent."""
