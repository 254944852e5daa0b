"""OTLP/HTTP for logs: what comes, which row it becomes, and what is answered.

Source of every rule: the specification's "OTLP/HTTP" (opentelemetry.io/docs/specs/otlp).
"""
