# SPDX-License-Identifier: MIT
"""Runs `meson test` and prints its results as TAP, each as it is known.

usage: meson_tap.py BUILD-FOLDER [OPTION OF MESON TEST...]
"""

import json
import os
import re
import subprocess
import sys
import threading
import time

TAIL_LINES = 40
TAP_LINE = re.compile(r"(ok|not ok)\b(?: +\d+)?(?: +-)? *(.*)")


def print_subtests(name, output):
    """The TAP lines of a test's own; returns how many of them failed, or None."""
    lines = [match for match in map(TAP_LINE.match, output.splitlines()) if match]
    for line in lines:
        print(f"{line[1]} - {name}: {line[2]}", flush=True)
    return sum(line[1] == "not ok" for line in lines) if lines else None


def print_result(result):
    """One test, with the end of its output when it failed."""
    name = result["name"].split(" / ")[-1]
    took = f"({result['duration']:.1f} s)"
    output = result.get("stdout", "")
    if result["result"] in ("OK", "EXPECTEDFAIL"):
        if print_subtests(name, output) is None:
            print(f"ok - {name} {took}", flush=True)
    elif result["result"] == "SKIP":
        reason = (output.strip().splitlines() or ["no reason given"])[-1]
        print(f"ok - {name} # SKIP {reason}", flush=True)
    else:
        if not print_subtests(name, output):
            print(f"not ok - {name} {took} {result['result']}", flush=True)
        for line in (output + result.get("stderr", "")).splitlines()[-TAIL_LINES:]:
            print(f"# {line}", flush=True)


def follow(path, done):
    """Prints each line that meson adds to its JSON log; returns how many."""
    count, offset = 0, 0
    while True:
        last = done.is_set()
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                file.seek(offset)
                while (line := file.readline()).endswith("\n"):
                    offset = file.tell()
                    print_result(json.loads(line))
                    count += 1
        if last:
            return count
        time.sleep(0.3)


def main():
    """Entry point."""
    folder, options = sys.argv[1], sys.argv[2:]
    log = os.path.join(folder, "meson-logs/testlog.json")
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        sys.exit(f"{folder} is not built")
    if os.path.exists(log):
        os.remove(log)
    done = threading.Event()
    counts = []
    thread = threading.Thread(target=lambda: counts.append(follow(log, done)))
    thread.start()
    run = subprocess.run(["meson", "test", "-C", folder, "--no-rebuild", "--quiet", *options],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    done.set()
    thread.join()
    if not counts or not counts[0]:
        print(run.stdout, file=sys.stderr)
        sys.exit(f"{folder}: no tests ran")
    sys.exit(run.returncode)


if __name__ == "__main__":
    main()
