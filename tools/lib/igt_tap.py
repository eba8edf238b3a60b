# SPDX-License-Identifier: MIT
"""Prints the results of igt_runner as TAP.

usage: igt_tap.py TESTLIST RESULTS-FOLDER

Every test of the list appears: one that igt_runner did not get to has failed.
"""

import json
import os
import re
import subprocess
import sys

TAIL_LINES = 30

# What the kernel prints about a kill for want of memory, whole.
OOM_REPORT = re.compile(r"^[^\n]* invoked oom-killer: .*?"
                        r"(?:: Killed process [^\n]*|and no killable processes\.\.\.)$",
                        re.MULTILINE | re.DOTALL)


def read_list(path):
    """The tests that should have run, in order."""
    with open(path, encoding="utf-8") as file:
        return [line.strip() for line in file if line.startswith("igt@")]


def read_results(folder):
    """Name of the test -> its record, by igt_results."""
    if not os.path.exists(os.path.join(folder, "metadata.txt")):
        return {}
    subprocess.run(["igt_results", folder], check=False, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    try:
        with open(os.path.join(folder, "results.json"), encoding="utf-8") as file:
            return json.load(file)["tests"]
    except FileNotFoundError:
        return {}


def skip_reason(record):
    """What the test required in vain."""
    lines = (record.get("out", "") + record.get("err", "")).splitlines()
    for index, line in enumerate(lines):
        if "Test requirement not met" in line:
            return " ".join(part.strip() for part in lines[index + 1:index + 3])
    return "no reason given"


def only_an_oom_kill(name, record):
    """Whether all that the kernel warned of is the out-of-memory kill that the test is about."""
    if record["result"] != "dmesg-warn" or "oom" not in name:
        return False
    text = OOM_REPORT.sub("", record.get("dmesg-warnings", ""))
    return not text.strip()


def outcome(name, record):
    """What counts: igt_runner's word, but for what the test is about."""
    if not record:
        return "did not run"
    return "pass" if only_an_oom_kill(name, record) else record["result"]


def print_details(record):
    """The end of each of the outputs of a failed test."""
    for stream in ("out", "err", "dmesg"):
        for line in record.get(stream, "").splitlines()[-TAIL_LINES:]:
            print(f"# {stream}: {line}")


def main():
    """Entry point."""
    names, results = read_list(sys.argv[1]), read_results(sys.argv[2])
    for name in names:
        record = results.get(name)
        result = outcome(name, record)
        if result == "pass":
            took = record.get("time", {})
            seconds = took.get("end", 0) - took.get("start", 0)
            print(f"ok - {name} ({seconds:.1f} s)")
        elif result == "skip":
            print(f"ok - {name} # SKIP {skip_reason(record)}")
        else:
            print(f"not ok - {name}: {result}")
            if record:
                print_details(record)
    unlisted = [name for name in results if name not in names and not re.search("@.*@.*@", name)]
    for name in unlisted:
        print(f"not ok - {name}: not in the list")
    if not names:
        sys.exit(f"{sys.argv[1]} names no test")


if __name__ == "__main__":
    main()
