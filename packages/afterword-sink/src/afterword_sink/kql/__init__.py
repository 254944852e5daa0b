"""KQL: parse, translate to SQL, run.

    ask ─┬─ timespan                  the API's `timespan`
         └─ dialect ─┬─ noted         operators that the translator lacks, as placeholders
                     ├─ operators     the placeholders replaced, with plugins and series
                     ├─ order         functions over other rows need an order
                     └─ functions     functions that it lacks or has otherwise

The translator is loaded by the first query, not by importing this.
"""

from afterword_sink.kql.ask import Answer, Question, ask
from afterword_sink.kql.errors import QueryError

__all__ = ["Answer", "QueryError", "Question", "ask"]
