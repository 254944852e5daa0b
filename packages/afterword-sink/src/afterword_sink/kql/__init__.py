"""KQL: parse, translate to SQL, run.

ask ─┬─ timespan                          the API's `timespan`
└─ dialect ─┬─ operators ─ series    operators that the translator lacks
└─ functions             functions that it lacks or has otherwise
"""

from afterword_sink.kql.ask import Answer, Question, ask
from afterword_sink.kql.errors import QueryError

__all__ = ["Answer", "QueryError", "Question", "ask"]
