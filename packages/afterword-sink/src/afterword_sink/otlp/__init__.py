"""OTLP/HTTP for logs: requests, the rows made of them, and replies.

Source of every rule: the specification's "OTLP/HTTP" (opentelemetry.io/docs/specs/otlp).
"""
