"""Texts to begin with, and texts made of texts: blindly, by the grammar, or very large."""

import json
import random
import re
from pathlib import Path

from hostile import HOSTILE
from hypothesis import HealthCheck, Phase, given, seed, settings

import tlama_core
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
1e-300 1e308 1e400 1e-400 inf 2**9 10**300 1e400/3 (1e400*1e400*1e400) peak peak/7 epoch 2*epoch""")  # fmt: skip
WRAPS = """{}.repeat(N) | {}.repeat(N, gain=N, growth=N) | {}.repeat(growth=N) | {}.repeat(N, growth=1.001) | {}[N:]
{}[:N] | {}[N:N] | {}.stretch(steps=N) | {}.scale(N) | {} / N | {} + {} | {} - N | {} * {} | N * {} | N - {} | -{}
maximum({}, {}) | minimum({}, N) | {}.clamp(N, N) | {}.clamp(low={}) | {}.stretch(steps=N) >> {} | {}[:N] >> {}
{} >> {} | base >> {} | {} >> tail | {} >> Cosine.to(N, N) | {} >> (Constant.hold(N) >> Linear.to(N, N)) | {}.then({})
Piecewise.of([{}, {}, {}]) | Sum([{}, {}]) | Product(({}, {})) | Constant({}) | Linear(N, N, round({})) | max({}, N)
Step(N, {N: N, N: N}, N) | through({0: N, N: N}, shape=Cosine) | through([(0, N), (N, {})]) | Step.every(N, N, interval=N)
Polynomial(N, N, N, power=N) | Exponential(N, N, N, rate=N) | PowerLaw(N, N, timescale=N, exponent=N) | Warmup(N, steps=N)
lambda x={}: {} | [{} for x in {}] | {} if {} else {} | {{}: {}} | f(a={}, b={}) | not {} | ({}, {}) | round({}, N)"""
WRAPS = [wrap.strip() for wrap in re.split(r"[|\n]", WRAPS)]
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
