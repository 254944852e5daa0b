"""Exporters: how records reach a service, and what it says of each. One service to a file."""
