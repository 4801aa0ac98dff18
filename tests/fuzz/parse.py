"""Feed `parse` and `from_dict` random and mutated input: each gives a schedule or an error, soon and in little memory.

    pip install atheris && python tests/fuzz/parse.py --runs 1_000_000

With atheris (for Linux), what reaches new branches is mutated on; without it, the same mutations run unguided.
It begins with random trees, the golden file and the hostile texts. Of four inputs one is plain data, whose parts
may stand in many places, as aliases in YAML do; the others are texts. Findings are printed with their texts (data
pickled): an exception other than `ParseError`, or for data `ValueError`, a schedule that its own text does not give back, code that runs, an import, a file that is
opened (or any other event that Python audits), over 1 s (of this process, as the machine may be busy), over
200 MB in all, a worker that dies or is stuck.
Exits with 1 for any, and where less than 30 % of the texts parse, or of the data are read.
"""

import argparse
import base64
import difflib  # noqa: F401 - imported by `parse` for its messages, which would be a finding
import importlib
import mmap
import os
import pickle
import resource
import shutil
import signal
import sys
import tempfile
import time
from functools import reduce
from pathlib import Path
from types import SimpleNamespace

import attrs
from mutations import DataMutator, Mutator, beginnings

import tlama_core
from tlama_core.testing.laws import WIDE

try:
    import atheris
except ImportError:
    atheris = None

MOST_SECONDS, MOST_MEGABYTES, LEAST_SHARE, STUCK = 1.0, 200, 0.3, 60
MOST_WORDS, MOST_PLACES = 5_000, 5_000  # of an error, and of what is written and read once more
UNGUIDED = 3  # mutants for each text that guides, which takes four times as long


def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def complete(library):
    """Return all that the door of *library* hands on: what it would import later would be the other copy's."""
    names = {name: getattr(library, name) for name in library.__all__}
    limits = importlib.import_module("tlama_core.text.limits")  # of this copy, whose classes it knows
    return SimpleNamespace(**names, places=limits.places)


TIMED = complete(tlama_core)


class Worker:
    """Tries texts, one after the other, and counts."""

    def __init__(self, runs, number, shown):
        self.runs, self.shown, self.mutator, self.data = runs, shown, Mutator(number), DataMutator(number)
        self.tried = self.parsed = self.findings = self.data_tried = self.data_read = 0
        self.slowest, self.slowest_text, self.events = 0.0, "", None
        self.guided = TIMED
        if atheris:  # one copy of the library guides, the other is timed
            for name in [name for name in sys.modules if name.partition(".")[0] == "tlama_core"]:
                del sys.modules[name]
            with atheris.instrument_imports(include=["tlama_core"]):
                self.guided = complete(importlib.import_module("tlama_core"))
        sys.addaudithook(self.audit)
        self.baseline = megabytes()

    def audit(self, event, arguments):
        """Note what Python audits while a text is read, but for its own parser and for telling nodes apart."""
        parses = event == "compile" and arguments[1] == "<unknown>"
        if self.events is not None and not parses and event != "builtins.id":
            self.events.append(event)

    def find(self, what, text):
        self.findings += 1
        print(f"FINDING: {what}\n  {text[:200_000]!a} ({len(text):,} characters)", flush=True)

    def read(self, library, text, *limits):
        """Return what *library* makes of *text*, and the seconds of computing that it took."""
        base = library.Warmup(0.1, 5) >> library.Linear(0.1, 0.0, 20)
        names = {"peak": 0.1, "epoch": 1252, "base": base, "tail": library.Cosine.to(0.0, 9)}
        names["shared"] = reduce(lambda a, _: (a + 0.5) * a, range(25), base)
        names |= {"half": "1/3", "plan": "Warmup(1e-3, 9) >> Linear.to(0, 90)"}
        shown = text
        # A name may stand for a text, which is read without names.
        if not limits and self.mutator.random.random() < 0.05:
            names["said"], text = text, "0.5 * said"
        return self.timed(shown, lambda: library.parse(text, *limits, **names))

    def timed(self, shown, build):
        """Return what *build* makes, and the seconds that it took, its error in words included."""
        self.events, begin = [], time.process_time()
        try:
            found = build()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is judged
            found, words = error, str(error)
            if len(words) > MOST_WORDS:
                self.find(f"an error of {len(words)} characters", shown)
        seconds = time.process_time() - begin
        if self.events:
            self.find(f"it makes Python audit {self.events[:5]}", shown)
        self.events = None
        return found, seconds

    def check_data(self):
        """Try one mutant of plain data."""
        data = self.data(safe=self.data_read < 0.4 * self.data_tried)
        shown = base64.b64encode(pickle.dumps(data)).decode()
        self.shown[:] = shown.encode()[: len(self.shown)].ljust(len(self.shown))
        found, seconds = self.timed(shown, lambda: TIMED.from_dict(data))
        self.judge(seconds, shown)
        self.data_tried += 1
        if isinstance(found, TIMED.Schedule):
            self.data_read += 1
            if seconds < 0.02 and TIMED.places(found) < MOST_PLACES:
                written = TIMED.to_dict(found)
                if TIMED.from_dict(written, WIDE) != found:
                    self.find(f"{found} is written as {written}", shown)
                if len(repr(found)) < 1_000:
                    kept, place = self.data.read, self.data.random.randrange(10_000)
                    kept[place : place + 1] = [written]
        elif not (isinstance(found, ValueError) and "from_dict" in str(found)):
            self.find(repr(found), shown)

    def judge(self, seconds, shown):
        """Count one input, and note how long it took."""
        if seconds > MOST_SECONDS:
            self.find(f"it takes {seconds:.1f} s", shown)
        if seconds > self.slowest:
            self.slowest, self.slowest_text = seconds, shown
        self.tried += 1
        if self.tried % 100_000 == 0:
            print(
                f"{self.tried:,} texts, {self.parsed:,} parse, {self.findings} findings",
                file=sys.stderr,
                flush=True,
            )

    def check(self, text, library=TIMED):
        """Try one text."""
        self.shown[:] = text.encode("utf-8", "surrogatepass")[: len(self.shown)].ljust(len(self.shown))
        found, seconds = self.read(library, text)
        if seconds > MOST_SECONDS / 4:  # the copy that guides takes longer
            library = TIMED
            found, seconds = self.read(library, text)
        self.judge(seconds, text)
        if isinstance(found, library.Schedule):
            self.parsed += 1
            if seconds < 0.02:
                self.keep(library, found, text)
        elif not (isinstance(found, library.ParseError) and str(found)):
            self.find(repr(found), text)

    def keep(self, library, found, text):
        """Check that *found*, in its own words, reads back; and keep its text for mutants."""
        if library.places(found) > MOST_PLACES:
            return
        wide = library.Limits(**attrs.asdict(WIDE))
        if len(words := repr(found)) < 1_000 and (again := self.read(library, words, wide)[0]) != found:
            self.find(f"its own words {words} give back {again!r}", text)
        if len(text) < 400:
            texts, place = self.mutator.parsed, self.mutator.random.randrange(10_000)
            texts[place : place + 1] = [text]

    def mutant(self, text):
        return self.mutator(text, safe=self.parsed < 0.45 * (self.tried - self.data_tried))

    def work(self, seeds):
        """Try the seeds, and then mutants until all runs are done."""
        for text in seeds:
            self.check(text)
        if atheris:
            self.guide(seeds)
        print("atheris is not installed: nothing guides the mutations")
        while self.tried < self.runs:
            self.one_of_each(self.mutator.random.choice(seeds))
        self.finish()

    def one_of_each(self, text):
        """Try mutants of *text*, and one of plain data."""
        for _ in range(UNGUIDED):
            self.check(self.mutant(text))
        self.check_data()

    def guide(self, seeds):
        """Mutate what reaches new branches; this never returns."""
        folder = Path(tempfile.mkdtemp())
        for i, text in enumerate(seeds):
            if len(text) < 3_000:
                (folder / str(i)).write_bytes(text.encode("utf-8", "surrogatepass"))

        def one(data):
            text = data.decode("utf-8", "surrogateescape")
            self.check(text, self.guided)
            self.one_of_each(text)
            if self.tried >= self.runs:
                shutil.rmtree(folder)
                self.finish()

        def mutate(data, most, _):
            text = data.decode("utf-8", "surrogateescape")
            return self.mutant(text).encode("utf-8", "surrogatepass")[:most]

        options = f"-artifact_prefix={folder}/ -max_len=150000 -len_control=0 -timeout=3600 -verbosity=0"
        atheris.Setup([sys.argv[0], str(folder), *options.split()], one, custom_mutator=mutate)
        atheris.Fuzz()

    def finish(self):
        share, grown = self.parsed / (self.tried - self.data_tried), megabytes() - self.baseline
        data_share = self.data_read / max(1, self.data_tried)
        for name, value in {
            "tried": f"{self.tried:,}" + " (guided by atheris)" * bool(atheris),
            "of texts parse": f"{share:.1%}",
            "of data are read": f"{data_share:.1%} of {self.data_tried:,}",
            "slowest": f"{self.slowest:.2f} s: {self.slowest_text[:60]!a} ({len(self.slowest_text):,} characters)",
            "memory grew by": f"{grown:.0f} MB in all",
            "findings": f"{self.findings}",
        }.items():
            print(f"{name:16} {value}", flush=True)
        os._exit(self.findings > 0 or min(share, data_share) < LEAST_SHARE or grown > MOST_MEGABYTES)


def watch(worker, shown):
    """Return the exit status of the *worker*; where it dies or is stuck, print the text that it was at."""
    moved, before = time.monotonic(), b""
    while True:
        done, status = os.waitpid(worker, os.WNOHANG)
        if done and os.WIFEXITED(status):
            return os.WEXITSTATUS(status)
        if (now := shown[:]) != before:
            moved, before = time.monotonic(), now
        if done or time.monotonic() > moved + STUCK:
            print(f"FINDING: the worker {'died' if done else 'is stuck'}\n  {before.rstrip()}")
            if not done:
                os.kill(worker, signal.SIGKILL)
            return 1
        time.sleep(1)


def main():
    """Fuzz in a process of its own, which a text may kill."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    reader.add_argument("--runs", type=int, default=1_000_000)
    reader.add_argument("--seed", type=int, default=0, help="of the trees and the mutations")
    options = reader.parse_args()
    seeds = beginnings(2_000, options.seed)
    shown = mmap.mmap(-1, 2**18)
    if worker := os.fork():
        sys.exit(watch(worker, shown))
    resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
    Worker(options.runs, options.seed, shown).work(seeds)


if __name__ == "__main__":
    main()
