"""Schedules as fields of pydantic models, without anything to import: pydantic asks the type itself.

A field `lr: Schedule` takes what `as_schedule` takes: a schedule, a number, a text, the mapping of `to_dict`.
What the names of a text stand for comes with the validation, as "names" in its context.

>>> from pydantic import BaseModel
>>> from tlama_core import Schedule
>>> class Config(BaseModel):
...     lr: Schedule
>>> config = Config.model_validate({"lr": "Linear(1, 0, total)"}, context={"names": {"total": 10}})
>>> config
Config(lr=Linear(1.0, 0.0, steps=10))
>>> config.model_dump_json()
'{"lr":"Linear(1.0, 0.0, steps=10)"}'

Source: https://docs.pydantic.dev/latest/concepts/types/#customizing-validation-with-__get_pydantic_core_schema__
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, ValidationInfo, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from tlama_core._fields import refuse
from tlama_core.algebra import Schedule
from tlama_core.text import as_schedule, readable_text, require_names

__all__ = ["field_schema"]

SHOWN = Annotated[Any, WithJsonSchema({"anyOf": [{"type": kind} for kind in ("string", "number", "object")]})]
"""What a JSON schema says of a field: a text, a number or a mapping."""


def field_schema(kind: type[Schedule], handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return how pydantic reads and writes a field of *kind*: any `Schedule`, or one shape such as `Cosine`.

    It is written as its text in JSON, and stays the schedule that it is in Python, as pydantic has it for
    dates and paths. A schedule that has no text is an error when it is written.
    """

    # Functions with names: a partial would show its address in errors.
    def text(schedule: object) -> str:
        return readable_text(f"a {kind.__name__}", schedule)

    def schedule(given: Any, _: object, info: ValidationInfo) -> Schedule:
        return _validated(kind, given, info.context)

    written = core_schema.plain_serializer_function_ser_schema(
        text, return_schema=core_schema.str_schema(), when_used="json"
    )
    shown = handler.generate_schema(SHOWN)  # says what a JSON schema shows, and validates nothing
    return core_schema.with_info_wrap_validator_function(schedule, shown, serialization=written)


def _validated(kind: type[Schedule], given: Any, context: object) -> Schedule:
    """Return *given* as a schedule of *kind*; refuse it by a `ValueError`, which pydantic reports."""
    names = context.get("names", {}) if isinstance(context, Mapping) else {}
    try:
        require_names("names in the context", names)
        schedule = as_schedule(given, **names)
    except TypeError as error:
        raise ValueError(str(error)) from None
    if not isinstance(schedule, kind):
        refuse("the schedule", f"a {kind.__name__}", schedule)
    return schedule
