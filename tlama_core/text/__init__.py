"""Schedules as text and as plain data, read back from outside without ever running it.

`words` is the closed table of all that a text or data may say, `limits` knows what saying it costs,
`arithmetic` computes with its numbers, `names` are what its caller bound, `reading` turns text into
schedules, `errors` says what is wrong with a text, and `data` turns schedules into plain data and back, and
takes whatever a config may hold.
"""

from tlama_core.text.data import (
    Config,
    accepted,
    as_schedule,
    fingerprint,
    from_dict,
    has_text,
    readable_text,
    require_names,
    to_dict,
)
from tlama_core.text.errors import ParseError
from tlama_core.text.limits import Limits
from tlama_core.text.names import Name
from tlama_core.text.reading import parse

__all__ = [
    "Config",
    "Limits",
    "Name",
    "ParseError",
    "accepted",
    "as_schedule",
    "fingerprint",
    "from_dict",
    "has_text",
    "parse",
    "readable_text",
    "require_names",
    "to_dict",
]
