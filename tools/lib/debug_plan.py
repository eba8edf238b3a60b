# SPDX-License-Identifier: MIT
"""Who runs what: deals the tests of tools/suites.list out to shards.

A unit is what can go to a shard by itself: a suite, or a test of a suite that
can be split. The longest unit goes first, to the shard that has the least to do, so the
same tests and durations give the same plan everywhere.
"""

import json
import re
import statistics
import subprocess

SUITES = "tools/suites.list"
DURATIONS = "tools/debug-durations.json"
# JSON has no comments, so the file's licence is a member, too.
LICENCE = "SPDX-License-Identifier"
# A unit that nobody has timed yet.
UNKNOWN_SUITE_SECONDS = 300
UNKNOWN_TEST_SECONDS = 10
# What a shard pays once for a suite that is split: boot and shutdown.
BOOT_SECONDS = 40


class Unit:
    """A suite, or one test of a suite."""

    def __init__(self, suite, test, seconds):
        self.suite = suite
        self.test = test
        self.seconds = seconds

    @property
    def name(self):
        """As in tools/debug-durations.json."""
        return f"{self.suite}/{self.test}" if self.test else self.suite


def suites_of(mark):
    """Name -> marks, of the suites with this mark, in the order of the list."""
    found = {}
    with open(SUITES, encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split()
            if mark in words[1:]:
                found[words[0]] = words[1:]
    return found


def read_durations():
    """Unit -> seconds, as they were measured."""
    try:
        with open(DURATIONS, encoding="utf-8") as file:
            durations = json.load(file)
    except FileNotFoundError:
        return {}
    durations.pop(LICENCE, None)
    return durations


def write_durations(durations):
    """Sorted, so that changes can be read."""
    with open(DURATIONS, "w", encoding="utf-8") as file:
        json.dump({LICENCE: "MIT"} | durations, file, indent=0, sort_keys=True)
        file.write("\n")


def tests_of(suite):
    """The names of the tests of a suite that can be split."""
    done = subprocess.run([f"tools/suites/{suite}", "--list"], check=True, text=True,
                          stdout=subprocess.PIPE)
    names = done.stdout.split()
    if not names:
        raise SystemExit(f"test-debug: tools/suites/{suite} --list names no test")
    return names


def units(only_suites, only_tests):
    """All there is to run."""
    known = read_durations()
    typical = statistics.median([value for name, value in known.items() if "/" in name]
                                or [UNKNOWN_TEST_SECONDS])
    found = []
    for suite, marks in suites_of("debug").items():
        if only_suites and suite not in only_suites:
            continue
        if "split" not in marks:
            found.append(Unit(suite, None, known.get(suite, UNKNOWN_SUITE_SECONDS)))
            continue
        for test in tests_of(suite):
            if re.search(only_tests, test):
                found.append(Unit(suite, test, known.get(f"{suite}/{test}", typical)))
    if not found:
        raise SystemExit("test-debug: that leaves nothing to run")
    return found


def deal(all_units, count):
    """A list of units for each of so many shards, each in the order of the list."""
    shards = [[] for _ in range(count)]
    loads = [0.0] * count
    for unit in sorted(all_units, key=lambda unit: (-unit.seconds, unit.name)):
        def cost(index, unit=unit):
            first = unit.test and all(other.suite != unit.suite for other in shards[index])
            return loads[index] + unit.seconds + (BOOT_SECONDS if first else 0)
        best = min(range(count), key=lambda index: (cost(index), index))
        loads[best] = cost(best)
        shards[best].append(unit)
    order = {id(unit): index for index, unit in enumerate(all_units)}
    for shard in shards:
        shard.sort(key=lambda unit: order[id(unit)])
    return shards, loads


def by_suite(shard):
    """Suite -> its units, in order."""
    grouped = {}
    for unit in shard:
        grouped.setdefault(unit.suite, []).append(unit)
    return grouped
