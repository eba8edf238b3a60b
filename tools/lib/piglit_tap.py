# SPDX-License-Identifier: MIT
"""Compares piglit's results with what is expected and prints them as TAP.

usage: piglit_tap.py todo LIST RESULTS-FOLDER        the tests of LIST that have no result yet
       piglit_tap.py forget LIST RESULTS-FOLDER      those that were cut off have none any more
       piglit_tap.py report LIST RESULTS-FOLDER EXPECTATIONS-FOLDER ALL-NAMES

Expectations are files of the format that Mesa's CI uses for deqp-runner and piglit-runner:

  colibri-fails.txt    NAME,STATUS of what does not pass, STATUS Fail, Crash, Timeout or Warn
  colibri-skips.txt    regular expressions of tests that the device has no feature for; unlike
                       in Mesa's CI they run, and have to skip
  colibri-flakes.txt   regular expressions of tests whose result says nothing

Each group of lines has its reason in a comment above it. What passes though it is in the first two
is a failure of those files, as is a line that no test matches or that gives no reason.
"""

import bz2
import collections
import glob
import json
import os
import re
import sys

TAIL_LINES = 25
# piglit's names of results, and Mesa CI's
STATUS = {"pass": "Pass", "fail": "Fail", "crash": "Crash", "timeout": "Timeout",
          "warn": "Warn", "skip": "Skip", "incomplete": "Crash", "notrun": "Missing"}
Entry = collections.namedtuple("Entry", "name status reason file line")


def read_lines(path):
    """The lines of a file, without their ends."""
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def read_results(folder):
    """Name of the test -> piglit's record, of all runs in the folder; the last one counts."""
    results = {}
    runs = sorted(glob.glob(f"{folder}/run-*"), key=lambda run: int(run.rpartition("-")[2]))
    for run in runs:
        # A run that ended wrote all into one file, one that was cut off has a file a test.
        for path in glob.glob(f"{run}/results.json.bz2"):
            with bz2.open(path, "rt", encoding="utf-8") as file:
                results.update(json.load(file)["tests"])
        for path in glob.glob(f"{run}/tests/*.json"):
            try:
                with open(path, encoding="utf-8") as file:
                    results.update(json.load(file))
            except ValueError:
                # The machine died while it was written: its test has not run.
                continue
    return results


def forget_cut_off(folder):
    """A run that somebody stopped says nothing about the tests that it was at."""
    for path in glob.glob(f"{folder}/run-*/tests/*.json"):
        try:
            with open(path, encoding="utf-8") as file:
                records = json.load(file).values()
        except ValueError:
            continue
        if any(record["result"] == "incomplete" for record in records):
            os.remove(path)


def parse_expectations(text, path, with_status):
    """The entries of one file, and what is wrong with it."""
    entries, errors, reason = [], [], ""
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line:
            reason = ""
        elif line.startswith("#"):
            reason = f"{reason} {line.lstrip('# ')}".strip()
        else:
            name, _, status = line.rpartition(",") if with_status else (line, "", "")
            entry = Entry(name, status, reason, path, number)
            if not reason:
                errors.append(f"{path}:{number}: no reason above it")
            if with_status and status not in ("Fail", "Crash", "Timeout", "Warn"):
                errors.append(f"{path}:{number}: no status that a failure has")
            entries.append(entry)
    return entries, errors


class Expectations:
    """What the three files say."""

    def __init__(self, folder):
        self.errors = []
        self.fails = {entry.name: entry for entry in self._read(folder, "fails", True)}
        self.skips = self._read(folder, "skips", False)
        self.flakes = self._read(folder, "flakes", False)

    def _read(self, folder, kind, with_status):
        path = f"{folder}/colibri-{kind}.txt"
        with open(path, encoding="utf-8") as file:
            entries, errors = parse_expectations(file.read(), path, with_status)
        self.errors += errors
        return entries

    @staticmethod
    def _find(entries, name):
        return next((entry for entry in entries if re.fullmatch(entry.name, name)), None)

    def unmatched(self, names):
        """Entries that stand for no test at all."""
        names = set(names)
        unknown = [entry for entry in self.fails.values() if entry.name not in names]
        unknown += [entry for entry in self.skips + self.flakes
                    if not any(re.fullmatch(entry.name, name) for name in names)]
        return [f"{entry.file}:{entry.line}: no test '{entry.name}'" for entry in unknown]

    def judge(self, name, status):
        """(ok, what to say of it) of a test that ended with this status."""
        flake = self._find(self.flakes, name)
        fail, skip = self.fails.get(name), self._find(self.skips, name)
        if flake and status != "Missing":
            return True, f"# SKIP flake, {status}: {flake.reason}"
        if status == "Skip":
            return (True, f"# SKIP {skip.reason}") if skip else (False, "Skip, which no file lists")
        if status == "Pass":
            entry = fail or skip
            return (False, f"Pass: take it out of {entry.file}") if entry else (True, "")
        if fail and fail.status == status:
            return True, f"# SKIP {status}, as known: {fail.reason}"
        return False, status


def seconds(record):
    """How long the test took."""
    return record["time"]["end"] - record["time"]["start"]


def print_tail(record):
    """The end of what a failed test printed."""
    text = (record["out"] + "\n" + record["err"]).strip()
    for line in text.splitlines()[-TAIL_LINES:]:
        print(f"#   {line}")


def report(names, folder, expectations):
    """A line for each test; writes results.csv and failures.csv as deqp-runner does."""
    results, rows, failures = read_results(folder), [], []
    for name in names:
        record = results.get(name)
        status = STATUS[record["result"]] if record else "Missing"
        took = seconds(record) if record else 0
        fine, text = expectations.judge(name, status)
        rows.append(f"{name},{status},{took:.2f}")
        if fine:
            print(f"ok - {name} ({took:.1f} s) {text}".rstrip())
            continue
        failures.append(f"{name},{status}")
        if record and record["result"] == "incomplete":
            text = "Crash: the VM ended while it ran"
        print(f"not ok - {name}: {text} ({took:.1f} s)")
        if record:
            print_tail(record)
    for file, lines in (("results.csv", rows), ("failures.csv", failures)):
        with open(f"{folder}/{file}", "w", encoding="utf-8") as out:
            out.writelines(line + "\n" for line in lines)
    counts = collections.Counter(row.split(",")[-2] for row in rows)
    print("# piglit: " + ", ".join(f"{count} {status}" for status, count in counts.most_common()))


def main():
    """See the top of the file."""
    action, tests, folder = sys.argv[1:4]
    names = [name for name in read_lines(tests) if name and not name.startswith("#")]
    if action == "todo":
        results = read_results(folder)
        print("\n".join(name for name in names if name not in results))
        return
    if action == "forget":
        forget_cut_off(folder)
        return
    expectations = Expectations(sys.argv[4])
    every = read_lines(sys.argv[5])
    errors = expectations.errors + expectations.unmatched(every)
    errors += [f"no test '{name}' in piglit" for name in names if name not in every]
    for error in errors:
        print(f"not ok - piglit: {error}")
    os.makedirs(folder, exist_ok=True)
    report(names, folder, expectations)


if __name__ == "__main__":
    main()
