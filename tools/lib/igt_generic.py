# SPDX-License-Identifier: MIT
"""Checks that each test of the packaged IGT is in a list, or is left out for a reason.

usage: igt_generic.py REASONS TESTLIST... <NAMES

NAMES is what igt_runner --list-all prints; REASONS has lines "PATTERN: reason", looked at from the
first on, for names without the "igt@" (testlists/generic.reasons). Prints TAP.
"""

import collections
import fnmatch
import sys


def read_reasons(path):
    """[(pattern, reason)]"""
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip() and line[0] != "#"]
    return [tuple(part.strip() for part in line.split(":", 1)) for line in lines]


def reason_for(name, reasons):
    """The pattern that leaves a test out, or None."""
    program = name.split("@")[0]
    for pattern, reason in reasons:
        if reason and fnmatch.fnmatch(name if "@" in pattern else program, pattern):
            return pattern
    return None


def main():
    """Entry point."""
    reasons, listed = read_reasons(sys.argv[1]), set()
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            listed.update(line.strip() for line in file if line.startswith("igt@"))
    names = [line.strip() for line in sys.stdin if line.startswith("igt@")]
    used = collections.Counter()
    bad = []
    for name in names:
        pattern = reason_for(name.removeprefix("igt@"), reasons)
        if pattern:
            used[pattern] += 1
        if not pattern and name not in listed:
            bad.append(f"{name}: neither in a list nor left out for a reason")
        if pattern and name in listed:
            bad.append(f"{name}: in a list, and left out by {pattern}")
    bad += [f"{name}: in a list, and not in the package" for name in sorted(listed - set(names))]
    bad += [f"{pattern}: leaves nothing out" for pattern, _ in reasons if not used[pattern]]
    print(f"{'not ok' if bad or not names else 'ok'} - igt-generic: {len(names)} packaged tests, "
          f"{len(listed)} in a list, {sum(used.values())} left out for {len(reasons)} reasons")
    for line in bad:
        print(f"# {line}")


if __name__ == "__main__":
    main()
