#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a submission costs: by the doorbell, by QUEUE_SUBMIT, and as a job with a fence (EXEC).

usage: run.py [--runs N]

Runs colibri_usermode@rate, which takes the three ways in turn, prints medians and ratios, and
writes build/bench/submit.json:

"thread"  the instructions of the submitting thread, its calls' too, while the queue is busy: in
          a VM whose clock counts them, so it hardly varies
"done"    the ns until all of a batch is complete, when the queue has nothing else to do
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WAYS = ("doorbell", "call", "job")
FIGURES = " ".join(rf"{way} (\d+)" for way in WAYS)
LINES = {
    "thread": re.compile(r"^CPU ns of the thread a submission: " + FIGURES, re.MULTILINE),
    "done": re.compile(r"^ns a submission: " + FIGURES, re.MULTILINE),
}


UNITS = {"thread": "instructions", "done": "ns"}
VMS = {"thread": ["--icount", "--cpus", "1"], "done": []}


def measure(name, runs):
    """A list of (doorbell, call, job)."""
    test = "/colibri/build/igt-tests/colibri_usermode --run-subtest rate"
    command = f"for i in $(seq {runs}); do {test} || exit 1; done"
    done = subprocess.run([f"{TOP}/tools/vm", "run", *VMS[name], "--", "sh", "-c", command], cwd=TOP,
                          check=True, stdout=subprocess.PIPE, text=True)
    samples = [tuple(map(int, found)) for found in LINES[name].findall(done.stdout)]
    if len(samples) != runs:
        sys.exit(f"{len(samples)} of {runs} runs told what they measured:\n{done.stdout}")
    return samples


def summary(samples):
    """Medians of the ways, and of the ratios to the doorbell in each run."""
    return {
        "medians": dict(zip(WAYS, map(statistics.median, zip(*samples)))),
        "ratios": {f"{way}/doorbell": round(statistics.median(s[i] / s[0] for s in samples), 2)
                   for i, way in enumerate(WAYS) if i},
        "samples": samples,
    }


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    results = {name: summary(measure(name, runs)) for name in LINES}
    os.makedirs(f"{TOP}/build/bench", exist_ok=True)
    with open(f"{TOP}/build/bench/submit.json", "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    for name, result in results.items():
        for way, value in result["medians"].items():
            print(f"{name:8} {way:10} {value:10.0f} {UNITS[name]} a submission")
        for ratio, value in result["ratios"].items():
            print(f"{name:8} {ratio:14} {value:6.2f}")


if __name__ == "__main__":
    main()
