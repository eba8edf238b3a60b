# SPDX-License-Identifier: MIT
"""Prints igt_runner's results.json as TAP lines and a summary.

usage: report.py results.json

Exit status 0: every test passed or was skipped with a reason.
"""

import json
import re
import sys

PASSED = {"pass"}
SKIPPED = {"skip"}
# What the runner itself adds for its own steps, not tests.
INTERNAL = re.compile(r"^igt@runner@")


def skip_reason(result):
    """The reason that the test gave, on one line."""
    lines = (result.get("out", "") + result.get("err", "")).splitlines()
    for i, line in enumerate(lines):
        if "Test requirement not met" in line:
            # The message that the test printed comes with or after the condition.
            tail = " ".join(text.strip() for text in lines[i + 1:i + 3])
            message = re.sub(r"^Test requirement: \S.*?\)\s*", "", tail)
            message = re.sub(r"Last errno.*|Subtest .*", "", message).strip()
            return message or tail
    return "no reason given"


def duration(result):
    """Seconds that a test took."""
    time = result.get("time", {})
    return time.get("end", 0) - time.get("start", 0)


def print_details(result):
    """What a failed test printed, and the kernel meanwhile."""
    for part, title in (("out", "output"), ("err", "errors"), ("dmesg", "kernel log")):
        lines = result.get(part, "").splitlines()
        if lines:
            print(f"#   {title}:")
        for line in lines[-40:]:
            print(f"#   | {line}")


def main(path):
    """Prints everything, returns the exit status."""
    try:
        with open(path, encoding="utf-8") as file:
            tests = json.load(file)["tests"]
    except (OSError, ValueError, KeyError) as error:
        print(f"not ok - igt: no results: {error}")
        return 1

    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, result in tests.items():
        if INTERNAL.match(name):
            continue
        name = name.removeprefix("igt@")
        verdict = result["result"]
        if verdict in PASSED:
            counts["passed"] += 1
            print(f"ok - {name} # {duration(result):.1f} s")
        elif verdict in SKIPPED:
            counts["skipped"] += 1
            print(f"ok - {name} # SKIP {skip_reason(result)}")
        else:
            counts["failed"] += 1
            print(f"not ok - {name} # {verdict}, {duration(result):.1f} s")
            print_details(result)
    total = sum(duration(result) for result in tests.values())
    print("# igt: " + ", ".join(f"{count} {word}" for word, count in counts.items()) +
          f", {total:.0f} s")
    return 0 if counts["failed"] == 0 and counts["passed"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
