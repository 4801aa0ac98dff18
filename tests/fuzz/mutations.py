"""Texts and plain data to begin with, and others made of them: blindly, by the grammar, deep, or very large."""

import json
import random
import re
from itertools import islice
from pathlib import Path

from hostile import HOSTILE
from hypothesis import HealthCheck, Phase, given, seed, settings

import tlama_core
import tlama_core.text.words
from tlama_core.testing.strategies import schedules

GOLDEN = Path(__file__).parents[1] / "golden" / "version_1.json"

PACKAGE = Path(tlama_core.__file__).parent
ROOMS = [
    path.read_text()
    for room in ("text", "algebra", "shapes")
    for path in sorted([*PACKAGE.glob(f"{room}.py"), *PACKAGE.glob(f"{room}/*.py")])
]
WORDS = sorted({word for room in ROOMS for word in re.findall(r"\b[A-Za-z_]\w*", room)})
NUMBERS = re.split(r"\s+", """0 1 2 3 7 10 -1 .1 0.5 2.5 1000 5_000 99999 1.001 1/3 1e3 1e6 5e-324 1e300
1e-300 1e308 1e400 1e-400 inf 2**9 10**300 1e400/3 (1e400*1e400*1e400) peak peak/7 epoch 2*epoch
sqrt(2) sqrt(epoch) exp(-1) log(3) 2**-3 0.999**epoch peak**0.5 (1+1e-300)**1e300 sqrt(4+1e-300) exp(-10**9) 9**9**9""")  # fmt: skip
WRAPS = """{}.repeat(N) | {}.repeat(N, gain=N, growth=N) | {}.repeat(growth=N) | {}.repeat(gain=N, base=N) | {}.repeat(N, growth=1.001) | {}[N:]
{}[:N] | {}[N:N] | {}[::N] | {}[N::N] | {}.stretch(steps=N) | {}.scale(N) | {} / N | {} + {} | {} - N | {} * {} | N * {} | N - {} | -{}
maximum({}, {}) | minimum({}, N) | {}.clamp(N, N) | {}.clamp(low={}) | {}.stretch(steps=N) >> {} | {}[:N] >> {}
{} >> {} | base >> {} | {} >> tail | {} >> Cosine.to(N, N) | {} >> (Constant.hold(N) >> Linear.to(N, N)) | {}.then({})
Piecewise.of([{}, {}, {}]) | Sum([{}, {}]) | Product(({}, {})) | Constant({}) | Linear(N, N, round({})) | max({}, N)
Step(N, {N: N, N: N}, N) | through({0: N, N: N}, shape=Cosine) | through([(0, N), (N, {})]) | Step.every(N, N, interval=N)
Polynomial(N, N, N, power=N) | Exponential(N, N, N, rate=N) | PowerLaw(N, N, timescale=N, exponent=N) | Warmup(N, steps=N)
Polynomial(N, N, N, power=N, of='elapsed') | Rex(N, N, N) | Geometric(N, N, factor=N, interval=N) | Step.values({0: N, N: N})
{} >> Geometric.from_here(factor=N) | {} >> PowerLaw.from_here(N, timescale=N) | {} >> Step.every_from_here(N, N) | 'left'
shared + {} | {} >> shared * N | {}.then(shared) | shared.stretch(steps=N) | maximum({}, shared) | Constant(shared)
{} >> plan | plan * {} | half * {} | Constant(half, N) | plan[N:] >> {}
lambda x={}: {} | [{} for x in {}] | {} if {} else {} | {{}: {}} | f(a={}, b={}) | not {} | ({}, {}) | round({}, N)
{}**N | N**{} | {} # {} | {} # N\\n>> {} | sqrt({}) | exp({}) | log({}) | N**N * {} | sqrt(N) * {} | {} + log(N)**2"""
NESTS = """0.5 * {} | {}.repeat(2) | maximum({}, N) | {} + base | {} >> base | {} * shared | {}.clamp(N) | {}[1:] | -{}
{} + {} | {} >> {} | {}.stretch(steps=N) | {}.repeat(2, growth=1.5) | max({}, N) | Piecewise.of([base, {}])"""
NESTS = [nest.strip() for nest in re.split(r"[|\n]", NESTS)]
WRAPS = [wrap.strip().replace("\\n", "\n") for wrap in re.split(r"[|\n]", WRAPS)]
SUFFIXES = [wrap[2:] for wrap in WRAPS if wrap.startswith("{}") and wrap.count("{}") == 1]
TOKEN = re.compile(r"(?P<number>\d[\w.]*|\.\d\w*)|\w+|\S")
CHARACTERS = [*"()[]{}:=,.*>+-/1e_#'\\\0 \n\u00e9\u0421\uff11\ud800", "**", ":=", "//"]


def beginnings(trees, number):
    """Return the texts of the golden file, of random trees, and the hostile ones."""
    texts = [entry["text"] for entry in json.loads(GOLDEN.read_text())] + HOSTILE
    how = {"deadline": None, "database": None, "phases": [Phase.generate]}

    @seed(number)
    @settings(max_examples=trees, suppress_health_check=list(HealthCheck), **how)
    @given(schedules(max_depth=3, functions=False))  # mutants nest deeper
    def draw(schedule):
        texts.append(repr(schedule))

    draw()
    return texts


class Mutator:
    """Makes new texts; `parsed` are short ones that parse, to take parts from."""

    def __init__(self, seed):
        self.random, self.parsed = random.Random(seed), []

    def __call__(self, text, *, safe):
        """Return a mutant of *text*; where *safe*, of one that parses, and likely to parse itself."""
        if safe or len(text) > 500 or self.random.random() < 0.2:
            text = self.random.choice(self.parsed)
        if self.random.random() < 0.003:
            return self.large(text)
        if self.random.random() < 0.01:
            return self.deep(text)
        for _ in range(1 if safe else self.random.choice([1, 1, 2, 3])):
            text = self.by_grammar(text) if safe or self.random.random() < 0.6 else self.blindly(text)
        return text

    def number(self):
        kind = self.random.random()
        if kind < 0.5:
            return str(self.random.randrange(1, 13))
        return self.random.choice(NUMBERS) if kind < 0.8 else repr(self.random.uniform(-2, 2))

    def wrapped(self, text):
        """Return a random expression around *text*, and around others that parse."""
        texts = iter([text, *self.random.choices(self.parsed, k=3)])
        wrap = re.sub(r"\bN\b", lambda _: self.number(), self.random.choice(WRAPS))
        return re.sub(r"\{\}", lambda _: f"({next(texts)})", wrap)

    def part(self, text):
        """Return where a random part of *text* begins and ends: a word, a number, a call, brackets."""
        tokens = list(TOKEN.finditer(text)) or [re.match("", text)]
        at, depth = self.random.randrange(len(tokens)), 0
        for token, following in zip(tokens[at:], [*tokens[at + 1 :], None], strict=True):
            depth += (token[0] in "([{") - (token[0] in ")]}") if token[0] else 0
            if depth <= 0 and token[0] != "." and (following is None or following[0] not in "([."):
                break
        return tokens[at].start(), token.end()

    def by_grammar(self, text):
        kind, (i, j) = self.random.random(), self.part(text)
        if kind < 0.2:
            return self.wrapped(text)
        if kind < 0.4:
            new = self.wrapped(text[i:j])
        elif kind < 0.55:
            other = self.random.choice(self.parsed)
            new = other[slice(*self.part(other))]
        elif kind < 0.65:
            word = self.random.choice(WORDS)
            new = word if kind < 0.6 else f"{word}={text[i:j]}"
        else:
            numbers = [token.span() for token in TOKEN.finditer(text) if token["number"]]
            (i, j), new = self.random.choice(numbers or [(i, j)]), self.number()
        return text[:i] + new + text[j:]

    def blindly(self, text):
        i = self.random.randrange(len(text) + 1)
        j = i + self.random.choice([0, 1, 1, 5, 100])
        return text[:i] + self.random.choice([*CHARACTERS, "", text[i:j] * 2]) + text[j:]

    def deep(self, text):
        """Return *text* within other expressions, each within the next, as deep as trees and calls go."""
        for _ in range(self.random.choice([5, 20, 60, 70, 200])):
            nest = re.sub(r"\bN\b", lambda _: self.number(), self.random.choice(NESTS))
            text = nest.replace("{}", f"({text})") if len(text) < 20_000 else text
        return text

    def large(self, text):
        """Return *text* many times over, or a table of many numbers."""
        n, kind = int(10 ** self.random.uniform(0.5, 3.7)), self.random.randrange(5)
        if kind == 0:
            suffix = re.sub(r"\bN\b", lambda _: self.number(), self.random.choice(SUFFIXES))
            return f"({text})" + suffix * min(n, 190)
        if kind == 1:
            head, _, tail = self.wrapped("\0").partition("\0")
            return head * min(n, 190) + text + tail * min(n, 190)
        if kind == 2:
            return self.random.choice(["Sum([{}])", "Piecewise.of([{}])", "max({})"]).format(f"{text}, " * n)
        if kind == 3:
            return self.random.choice([" >> ", " + ", " * ", " - ", ", "]).join([f"({text})"] * n)
        table = ",".join(f"{time}: {self.number()}" for time in range(1, n))
        many = self.random.choice([f"Step(1, {{{table}}}, {n + 1})", f"through({{0: 1, {table}}})"])
        return many + self.random.choice(SUFFIXES).replace("N", str(n)) * self.random.choice([0, 1, 2, 50])


TYPES = tlama_core.text.words.TYPES
KEYS = sorted(
    {field.name for node in TYPES.values() for field in node.__attrs_attrs__ if field.init}
    | {"type", "version", "stepz"}
)
ODD = [None, True, -1, 0, 1, 2.5, 7, 2e3, 10**400, 10**301, float("nan"), float("inf"), 1e300, "10", "Linear", "Cosin", "", [], {}, (), [[0, 1.0]], {"type": "Sum"}, {3: 4}, "x" * 10**5]  # fmt: skip


class DataMutator:
    """Makes new plain data; `read` are some that `from_dict` reads, to take parts from.

    A part is moved and not copied, so that it stands in several places, as an alias in YAML does, or in itself.
    """

    def __init__(self, seed):
        self.random, self.read = (
            random.Random(seed),
            [{"type": "Linear", "start": 1.0, "end": 0.0, "steps": 10}],
        )

    def __call__(self, *, safe):
        """Return a mutant of some that were read; where *safe*, one that is likely to be read itself."""
        data = self.copied(self.random.choice(self.read))
        if safe:
            return self.renumbered(data) if self.random.random() < 0.7 else self.around(data)
        data = {**data, "version": 1} if self.random.random() < 0.5 else data
        kind = self.random.random()
        if kind < 0.2:
            data = self.deep(data)
        elif kind < 0.3:
            data = self.wide(data)
        for _ in range(
            self.random.choice([0, 1, 1, 2, 5]) if kind < 0.3 else self.random.choice([1, 1, 2, 5])
        ):
            self.mutate(data)
        return data

    def copied(self, data, known=None):
        """Return a copy of *data* in which what was shared is shared."""
        known = {} if known is None else known
        if id(data) not in known and isinstance(data, (dict, list)):
            pairs = data.items() if isinstance(data, dict) else enumerate(data)
            copies = [(key, self.copied(one, known)) for key, one in pairs]
            known[id(data)] = dict(copies) if isinstance(data, dict) else [one for _, one in copies]
        return known.get(id(data), data)

    def spots(self, data):
        """Return some places in *data*, as what holds it and the key of it there; a part is looked into once."""
        found, left, seen = [], [data], set()
        while left and len(found) < 300:
            one = left.pop(self.random.randrange(len(left)))
            if isinstance(one, (dict, list)) and id(one) not in seen:
                seen.add(id(one))
                keys = list(islice(one, 30)) if isinstance(one, dict) else list(range(min(len(one), 30)))
                found += [(one, key) for key in keys]
                left += [one[key] for key in keys]
        return found

    def number(self):
        return self.random.choice(
            [self.random.randrange(1, 13), self.random.uniform(-2, 2), 1.001, 0.5, 2, 10**9]
        )

    def renumbered(self, data):
        """Return *data* with another number in one place."""
        numbers = [(holder, key) for holder, key in self.spots(data) if isinstance(holder[key], (int, float))]
        if numbers:
            holder, key = self.random.choice(numbers)
            holder[key] = self.random.randrange(1, 13) if self.random.random() < 0.7 else self.number()
        return data

    def mutate(self, data):
        """Change *data* in one place."""
        spots = self.spots(data)
        holder, key = self.random.choice(spots or [(data, "type")])
        kind = self.random.random()
        if kind < 0.35:
            holder[key] = self.number()
        elif kind < 0.55:
            other, at = self.random.choice(spots or [(data, "type")])
            holder[key] = other.get(at) if isinstance(other, dict) else other[at]
        elif kind < 0.65:
            holder[key] = self.copied(self.random.choice(self.read))
        elif kind < 0.75:
            holder[key] = self.random.choice([*ODD, *TYPES])
        elif kind < 0.8 and isinstance(holder, dict):
            holder.pop(key, None)
        elif isinstance(holder, dict):
            holder[self.random.choice(KEYS)] = self.random.choice([self.number(), holder.get(key)])
        elif self.random.random() < 0.5:
            holder[key : key + 1] = [holder[key]] * self.random.choice([0, 2, 3, 50])
        else:
            holder[key] = tuple(holder) if self.random.random() < 0.5 else holder

    def around(self, data):
        """Return a node whose parts are *data*, often in more than one place."""
        kind, choice = self.random.choice(sorted(TYPES)), self.random.choice
        few = {"type": "Linear", "start": 1.0, "end": self.number(), "steps": self.random.randrange(1, 99)}
        many = choice([[data] * choice([2, 2, 3, 10]), [data, few], [few, data], [few, data, data]])
        match kind:
            case "Sum" | "Product" | "Maximum" | "Minimum":
                fields = {"terms": many}
            case "Piecewise":
                fields = {"phases": many}
            case "Repeated":
                growth = choice([{}, {"growth": choice([2, 1.01, 0.9])}, {"gain": 0.5}])
                fields = {"schedule": data, "times": choice([1, 2, 3, 100]), **growth}
            case "Quantized":
                fields = {"schedule": data, "multiple": choice([1, 32, 0.1]), "how": choice(["up", "down"])}
            case "Stretched":
                fields = {"schedule": data, "steps": choice([0, 1, 9, 1_000, 10**6])}
            case "Sliced":
                fields = {
                    "schedule": data,
                    "start": self.random.randrange(3),
                    "stop": self.random.randrange(9),
                }
            case _:
                kind, fields = "Scaled", {"factor": self.number(), "schedule": data}
        return {"type": kind, **fields}

    def deep(self, data):
        """Return *data* within other nodes, each within the next; or in lists within lists."""
        if self.random.random() < 0.2:
            rows = [data]
            for _ in range(self.random.choice([3, 30, 150, 250])):
                rows = [rows] * self.random.choice([1, 2, 10])
            return {"type": self.random.choice(sorted(TYPES)), self.random.choice(KEYS): rows}
        data.pop("version", None)
        for _ in range(self.random.choice([3, 10, 30, 60, 70])):
            data = self.around(data)
        return data

    def wide(self, data):
        """Return a row of many, all alike or each with a part that is alike."""
        data.pop("version", None)
        many = int(10 ** self.random.uniform(1, 4))
        row = [data] * many
        if self.random.random() < 0.5:
            row = [self.around(data) for _ in row]
        elif self.random.random() < 0.5:
            times = [[time, self.number()] for time in range(1, many)]
            row = [
                {"type": "Step", "start": 1.0, "drops": times, "steps": many + i}
                for i in range(many // 10 + 2)
            ]
        return {
            "type": self.random.choice(["Sum", "Product", "Piecewise"]),
            self.random.choice(["terms", "phases"]): row,
        }
