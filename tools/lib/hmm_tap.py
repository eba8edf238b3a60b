# SPDX-License-Identifier: MIT
"""Compares two runs of the kernel's hmm-tests and prints the second as TAP.

usage: hmm_tap.py REFERENCE.tap OURS.tap RESULTS.json [some]

REFERENCE is what they printed on the kernel's own test device. A test passes
here if it passes on ours, and it may be skipped only if it was skipped there.
"some": only a part of the tests was to run on ours.
"""

import json
import os
import re
import sys

RESULT = re.compile(r"(ok|not ok) \d+ (\S+)(?: # SKIP (.*))?")


def read_run(path):
    """Test -> (result, reason of a skip, what it printed)."""
    results, output = {}, []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = RESULT.match(line)
            if not match:
                output.append(line.rstrip())
                continue
            state = "fail" if match[1] == "not ok" else "skip" if match[3] else "pass"
            results[match[2]] = (state, match[3], output)
            output = []
    return results


def count(results):
    """How many passed, failed, were skipped."""
    states = [result[0] for result in results.values()]
    return {state: states.count(state) for state in ("pass", "fail", "skip")}


def print_test(name, reference, ours):
    """One line of TAP, and the output of a test that did not pass."""
    state, reason, output = ours
    there = reference[0] if reference else "not run"
    if state == "pass":
        print(f"ok - {name} (test_hmm: {there})")
    elif state == "skip" and there == "skip":
        print(f"ok - {name} # SKIP {reason}")
    else:
        print(f"not ok - {name}: {state} (test_hmm: {there})")
        for line in output:
            print(f"# {line}")


def main():
    """Entry point."""
    reference, ours = read_run(sys.argv[1]), read_run(sys.argv[2])
    if not reference:
        sys.exit(f"{sys.argv[1]} names no test")
    names = ours if sys.argv[4:] == ["some"] else {**reference, **ours}
    if not names:
        sys.exit(f"{sys.argv[2]} names no test")
    for name in names:
        print_test(name, reference.get(name), ours.get(name, ("did not run", None, [])))
    record = {os.path.basename(path).removesuffix(".tap"):
              {**count(run), "tests": {name: result[0] for name, result in run.items()}}
              for path, run in ((sys.argv[1], reference), (sys.argv[2], ours))}
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)
    for device, counts in record.items():
        print(f"# {device}: {counts['pass']} pass, {counts['fail']} fail, {counts['skip']} skip")


if __name__ == "__main__":
    main()
