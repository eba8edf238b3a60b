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

# What it prints when the host does not run an emulated CPU for a while.
HOST_IS_BUSY = re.compile(r"hrtimer: interrupt took \d+ ns")

# What the test says of messages that it makes the kernel print (igt-tests/lib/kernel_log.h).
DECLARED = re.compile(r"colibri-test: (expects|allows): (.*)")


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
    """What the test required in vain; None: it was never asked, or did not run at all."""
    lines = (record.get("out", "") + record.get("err", "")).splitlines()
    for index, line in enumerate(lines):
        if "Test requirement not met" in line:
            return " ".join(part.strip() for part in lines[index + 1:index + 3])
    return None


def judge_log(name, record):
    """The kernel's warnings that the test is not about, and the messages that it lacks."""
    text = record.get("dmesg-warnings", "")
    if "oom" in name:
        text = OOM_REPORT.sub("", text)
    left = [line for line in text.splitlines() if line.strip() and not HOST_IS_BUSY.search(line)]
    missing = []
    # Each declaration is for one message.
    for verb, message in DECLARED.findall(record.get("dmesg", "")):
        found = next((line for line in left if message in line), None)
        if found:
            left.remove(found)
        elif verb == "expects":
            missing.append(message)
    return left, missing


def outcome(name, record):
    """What counts: igt_runner's word, but for what the test is about."""
    if not record:
        return "did not run"
    result = record["result"]
    if result == "skip" and not skip_reason(record):
        return "skip without a reason"
    if result not in ("pass", "dmesg-warn", "dmesg-fail"):
        return result
    left, missing = judge_log(name, record)
    if result != "pass" and not left:
        result = {"dmesg-warn": "pass", "dmesg-fail": "fail"}[result]
    if result == "pass" and missing:
        return f"the kernel did not say '{missing[0]}'"
    return result


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
