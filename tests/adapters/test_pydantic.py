"""Fields of pydantic models: what they take, what they are written as, and what they refuse."""

import importlib
import json

import pytest
from hypothesis import given

from tlama_core import Constant, Cosine, Function, Linear, Schedule, Step, Warmup, as_schedule, parse, to_dict
from tlama_core.testing.strategies import schedules
from tlama_core.text import ParseError

A = Warmup(1e-3, steps=100) >> Cosine.to(0.0, steps=900)
READ = {
    "a schedule": (A, A),
    "a text": ("Warmup(1e-3, 100) >> Cosine.to(0, 900)", A),
    "a number": (1e-3, Constant(1e-3)),
    "a number as text": ("1e-3", Constant(1e-3)),
    "an integer": (2, Constant(2.0)),
    "a mapping": (to_dict(A), A),
}
LONG = Step(1.0, {k: 1.0 + k for k in range(1, 20_000)})


@pytest.fixture(scope="module")
def Config(pydantic):
    class Config(pydantic.BaseModel):
        lr: Schedule
        weight_decay: Schedule = Constant(0.1)
        decay: Cosine | None = None
        others: list[Schedule] = pydantic.Field(default_factory=list)

    return Config


@pytest.fixture(scope="module")
def adapter(pydantic):
    return pydantic.TypeAdapter(Schedule)


@pytest.fixture
def refused(pydantic, Config):
    """Return a function that gives the one error of a field that is refused, as pydantic reports it."""

    def error(context=None, **fields):
        with pytest.raises(pydantic.ValidationError) as caught:
            Config.model_validate({"lr": A, **fields}, context=context)
        (found,) = caught.value.errors()
        assert found["loc"][0] in fields
        return found

    return error


@pytest.mark.parametrize(("written", "read"), READ.values(), ids=READ)
def test_a_field_takes_whatever_a_config_may_hold(Config, written, read):
    config = Config(lr=written, others=[written, 0.5])
    assert (config.lr, config.others) == (read, [read, Constant(0.5)])
    assert (config.weight_decay, config.decay) == (Constant(0.1), None)
    if not isinstance(written, Schedule):
        assert Config.model_validate_json(json.dumps({"lr": written})).lr == read


def can_be_read_again(a):
    try:
        return parse(repr(a)) == a
    except ValueError:  # a Function, or past the default limits
        return False


@pytest.mark.uncovered
@given(a=schedules())
def test_what_is_written_as_json_is_read_back(adapter, a):
    if can_be_read_again(a):
        assert adapter.validate_json(adapter.dump_json(a)) == a
        assert adapter.dump_python(a, mode="json") == repr(a)
    assert adapter.validate_python(adapter.dump_python(a)) is a


def test_in_python_a_dump_holds_the_schedule_and_in_json_its_text(Config):
    config = Config(lr=A, decay=Cosine(1, 0, 5))
    assert config.model_dump()["lr"] is A
    assert config.model_dump(mode="json") == {
        "lr": "Warmup(0.001, steps=100) >> Cosine(0.001, 0.0, steps=900)",
        "weight_decay": "Constant(0.1)",
        "decay": "Cosine(1.0, 0.0, steps=5)",
        "others": [],
    }


def test_the_json_schema_says_what_is_read_and_what_is_written(Config):
    kinds = [{"type": kind} for kind in ("string", "number", "object")]
    read = Config.model_json_schema()["properties"]
    assert read["lr"]["anyOf"] == kinds
    assert read["weight_decay"]["default"] == "Constant(0.1)"
    assert json.dumps(read["decay"]["anyOf"][-1]) == '{"type": "null"}'
    written = Config.model_json_schema(mode="serialization")["properties"]
    assert written["lr"]["type"] == "string"
    assert written["others"]["items"] == {"type": "string"}


def test_a_dataclass_takes_the_same(pydantic):
    @pydantic.dataclasses.dataclass
    class Config:
        lr: Schedule

    assert Config("Linear(1, 0, 10)").lr == Linear(1.0, 0.0, 10)


def test_a_typing_mistake_is_shown_at_its_place(refused):
    error = refused(lr="Warmup(0.1, 5) >> Cosin.to(0, 5)")
    assert error["msg"] == (
        "Value error, unknown name Cosin.to: did you mean Cosine.to?\n"
        "  Warmup(0.1, 5) >> Cosin.to(0, 5)\n"
        "                    ^^^^^^^^"
    )
    assert isinstance(error["ctx"]["error"], ParseError)


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (
            None,
            "must be a schedule (Function(fn) is one), a number, a text or the mapping of to_dict, got None",
        ),
        (
            True,
            "must be a schedule (Function(fn) is one), a number, a text or the mapping of to_dict, got True",
        ),
        (
            [0.1],
            "must be a schedule (Function(fn) is one), a number, a text or the mapping of to_dict, got [0.1]",
        ),
        (float("nan"), "must be a finite number, got nan"),
        (Cosine.to(0, 5), "Cosine.to(0.0, steps=5) has no start"),
        ({"type": "Cosin"}, "must be a type of schedule (did you mean Cosine?), got 'Cosin'"),
    ],
    ids=str,
)
def test_what_is_no_schedule_is_refused(refused, mistake, said):
    assert said in refused(lr=mistake)["msg"]


def test_a_field_of_one_shape_takes_that_shape_alone(Config, refused):
    assert Config(lr=A, decay="Cosine(1, 0, 5)").decay == Cosine(1.0, 0.0, 5)
    said = "Value error, the schedule must be a Cosine, got Linear(1.0, 0.0, steps=5)"
    assert refused(decay="Linear(1, 0, 5)")["msg"] == said


def test_in_a_union_the_place_of_an_error_has_a_name(pydantic):
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(Schedule | bool).validate_python([1])
    assert caught.value.errors()[0]["loc"] == ("function-wrap[schedule()]",)


def test_names_come_with_the_context(Config, refused):
    context = {"names": {"total": 1_000, "peak": "1e-3"}, "another": object()}
    data = {"lr": "Warmup(peak, 0.1*total) >> Cosine.to(0, 0.9*total)"}
    assert Config.model_validate(data, context=context).lr == A
    assert "unknown name total" in refused(lr="Warmup(0.1, total)")["msg"]
    assert "unknown name total" in refused(lr="Warmup(0.1, total)", context={"total": 5})["msg"]
    assert "unknown name total" in refused(lr="Warmup(0.1, total)", context="another")["msg"]
    said = "Value error, parse.total must be a finite number, got None"
    assert refused(lr="Warmup(0.1, total)", context={"names": {"total": None}})["msg"] == said


def test_names_may_be_fields_of_the_same_model(pydantic):
    class Config(pydantic.BaseModel):
        total: int
        lr: Schedule

        @pydantic.field_validator("lr", mode="before")
        @classmethod
        def in_units(cls, lr, info):
            return as_schedule(lr, **info.data)

    assert Config(total=1_000, lr="Warmup(1e-3, 0.1*total) >> Cosine.to(0, 0.9*total)").lr == A


@pytest.mark.parametrize(
    ("without", "said"),
    [
        (2 * Function(abs), "a Schedule must be free of Functions, which are equal only to themselves"),
        (LONG, "a Schedule must be short enough to be read again as text: a text has at most"),
    ],
    ids=["Function", "long"],
)
def test_what_could_not_be_read_again_is_not_written(Config, without, said):
    error = importlib.import_module("pydantic_core").PydanticSerializationError
    config = Config(lr=without)
    assert config.model_dump()["lr"] is without
    with pytest.raises(error, match="Error calling function `text`: ValueError: ") as caught:
        config.model_dump_json()
    assert said in str(caught.value)


def test_a_deep_copy_of_a_model_holds_an_equal_schedule(Config):
    config = Config(lr=A)
    assert config.model_copy(deep=True) == config
    assert config != Config(lr=0.5 * A)


@pytest.mark.parametrize("names", [None, ["total"]])
def test_names_that_are_no_mapping_are_an_error_of_the_field(pydantic, names):
    adapter = pydantic.TypeAdapter(Schedule)
    with pytest.raises(pydantic.ValidationError, match="names in the context must be a mapping"):
        adapter.validate_python("Constant(1.0)", context={"names": names})
