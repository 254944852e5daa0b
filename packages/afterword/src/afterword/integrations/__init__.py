"""Integrations with command-line frameworks; one file for a framework."""
