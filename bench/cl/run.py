# SPDX-License-Identifier: MIT
"""Benchmarks OpenCL on Colibri beside its peers, and writes build/bench/cl.json.

The same programs (programs.c) run on Colibri, on pocl and on rusticl with llvmpipe in one VM, and on
the latter two natively. Rounds in the VM and on the host alternate; of each program's times the
median counts.

copy, saxpy and triad come in two sizes: of arrays that no cache holds, which is what their figures
mean, and of some that a last-level cache may hold, which tells the launch from the loop.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
OURS = "vm-colibri"
VM_PEERS = ("vm-pocl", "vm-llvmpipe")
NATIVE_PEERS = ("native-pocl", "native-llvmpipe")
BACKENDS = (OURS, *VM_PEERS, *NATIVE_PEERS)
STREAMS = ("copy", "saxpy", "triad")
CACHED = tuple(f"{name}-cached" for name in STREAMS)  # shown, but in no mean of all
NOT_PROGRAMS = ("launch", "compile")

# name in cl.json: its target, if it has one, and whether more or less is better
TARGETS = {
    "geomean_vs_vm_peer": (10, "at least"),
    "geomean_vs_native_peer": (1, "at least"),
    "membound_vs_native_peer": (0.8, "at least"),
    "doorbell_vs_mmio": (3, "at most"),
    "launch_vs_vm_peer": (1.5, "at most"),
    "cached_vs_native_peer": (None, ""),
}


class Results:
    """Everything that was printed: {backend: {program: [records]}}."""

    def __init__(self):
        self.records = {}
        self.failed = []

    def add(self, line):
        """A line "BACKEND JSON" or "BACKEND failed"."""
        backend, _, text = line.partition(" ")
        if text == "failed":
            self.failed.append(backend)
            return
        record = json.loads(text)
        if "device" in record:
            print(f"# {backend}: {record['device']}", file=sys.stderr, flush=True)
            return
        programs = self.records.setdefault(backend, {})
        programs.setdefault(record.get("name", ""), []).append(record)

    def seconds(self, backend, program):
        """The median of a program's times, None: it has none."""
        records = self.records.get(backend, {}).get(program)
        return statistics.median(record["seconds"] for record in records) if records else None

    def figure(self, backend, name):
        """The median of a figure that belongs to no program."""
        return statistics.median(record[name] for record in self.records[backend][""])

    def best(self, backends, program):
        """The time of the fastest of these."""
        times = [self.seconds(backend, program) for backend in backends]
        return min((time for time in times if time is not None), default=None)

    def programs(self):
        """Those that Colibri has run, with what a run of them does."""
        return {name: records[0] for name, records in self.records.get(OURS, {}).items()
                if name not in NOT_PROGRAMS}


def collect(results, command):
    """Runs a half of the benchmark; the lines that are its results are taken, all others shown."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=TOP) as half:
        for line in half.stdout:
            line = line.rstrip("\n")
            if line.split(" ", 1)[0] in (*BACKENDS, "doorbell", "limits"):
                results.add(line)
            else:
                print(line, file=sys.stderr)
    if half.returncode:
        sys.exit(f"bench-cl: {' '.join(command[:2])} ended with status {half.returncode}")


def geomean(values):
    """None of nothing."""
    values = [value for value in values if value]
    return math.exp(statistics.fmean(map(math.log, values))) if values else None


def ratio(above, below):
    """None where one of them is missing."""
    return above / below if above and below else None


def summary(results):
    """The figures that say it all."""
    programs = results.programs()
    each = [name for name in programs if name not in CACHED]

    def speedup(peers, names):
        return geomean(ratio(results.best(peers, name), results.seconds(OURS, name))
                       for name in names if name in programs)

    return {
        "geomean_vs_vm_peer": speedup(VM_PEERS, each),
        "geomean_vs_native_peer": speedup(NATIVE_PEERS, each),
        "membound_vs_native_peer": speedup(NATIVE_PEERS, STREAMS),
        "cached_vs_native_peer": speedup(NATIVE_PEERS, CACHED),
        "doorbell_vs_mmio": ratio(results.figure("doorbell", "doorbell_ns"),
                                  results.figure("doorbell", "mmio_ns")),
        "launch_vs_vm_peer": ratio(results.seconds(OURS, "launch"),
                                   results.seconds("vm-llvmpipe", "launch")),
    }


def milliseconds(seconds):
    """A cell of the table."""
    return "-" if seconds is None else f"{seconds * 1e3:.3f}"


def rate(amount, seconds, limit):
    """Billions per second, and which part of the machine's limit that is."""
    if not amount or not seconds:
        return "-"
    value = amount / seconds
    return f"{value / 1e9:.2f} ({100 * value / limit:.0f} %)"


def times(value):
    """A ratio as a cell."""
    return "-" if value is None else f"{value:.2f}"


def print_tables(results, figures):
    """Milliseconds of each backend, ratios, rates; then the summary."""
    memcpy, fma = results.figure("limits", "memcpy_bytes"), results.figure("limits", "fma_flops")
    row = "{:13} " + "{:>12} " * len(BACKENDS) + "{:>8} {:>8} {:>16} {:>16}"
    print(f"memcpy {memcpy / 1e9:.1f} GB/s, FMA {fma / 1e9:.1f} GFLOP/s natively; times in ms")
    print(row.format("", *BACKENDS, "vs vm", "vs host", "GB/s", "GFLOP/s"))
    for name, record in [*results.programs().items(), *((name, {}) for name in NOT_PROGRAMS)]:
        ours = results.seconds(OURS, name)
        print(row.format(
            name, *(milliseconds(results.seconds(backend, name)) for backend in BACKENDS),
            times(ratio(results.best(VM_PEERS, name), ours)),
            times(ratio(results.best(NATIVE_PEERS, name), ours)),
            rate(record.get("bytes"), ours, memcpy), rate(record.get("flops"), ours, fma)))
    for name, (target, direction) in TARGETS.items():
        value = figures[name]
        if target is None:
            print(f"{name:26} {times(value):>8}")
            continue
        met = value is not None and (value >= target) == (direction == "at least")
        print(f"{name:26} {times(value):>8}  {direction} {target}: {'met' if met else 'missed'}")


def flat(results, figures):
    """All figures as one flat object."""
    numbers = dict(figures)
    for name in (*results.programs(), *NOT_PROGRAMS):
        for backend in BACKENDS:
            seconds = results.seconds(backend, name)
            if seconds is not None:
                numbers[f"{backend}.{name}_s"] = seconds
    for source, names in (("limits", ("memcpy_bytes", "fma_flops")),
                          ("doorbell", ("doorbell_ns", "mmio_ns"))):
        for name in names:
            numbers[f"{source}.{name}"] = results.figure(source, name)
    return numbers


def main():
    """See the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round instead of five")
    parser.add_argument("programs", nargs="*", help="these programs only")
    args = parser.parse_args()
    rounds, span = (1, "0.1") if args.quick else (5, "0.5")
    results = Results()

    subprocess.run([f"{TOP}/tools/root", "tools/lib/build-meson", "bench/cl"], cwd=TOP, check=True,
                   stdout=sys.stderr)
    for _ in range(rounds):
        # One VM a round, so that what else the machine does meets all alike.
        collect(results, ["tools/vm", "run", "--mem", "4G", "--append", "iomem=relaxed", "--",
                          "/colibri/bench/cl/guest", span, *args.programs])
        collect(results, ["tools/root", "bench/cl/native", span, *args.programs])
    figures = summary(results)
    print_tables(results, figures)
    path = f"{TOP}/build/bench/cl.json"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(flat(results, figures), file, indent=1)
        file.write("\n")
    print(f"bench-cl: {os.path.relpath(path)}")
    if results.failed:
        sys.exit(f"bench-cl: wrong results or errors on {', '.join(sorted(set(results.failed)))}")


if __name__ == "__main__":
    main()
