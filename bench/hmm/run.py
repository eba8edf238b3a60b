# SPDX-License-Identifier: MIT
"""Benchmarks hmm_svm beside its peers, and writes build/bench/hmm.json.

One boot alternates between the backends and takes the median of the rounds; a
second one counts instructions. Peers: the kernel's HMM test device (lib/test_hmm.c)
and drm_gpusvm with the same driver and GPU (bench/gpusvm).
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(TOP, "tools/lib"))

import vm_kernel  # noqa: E402

BENCH = "/colibri/build/bench"
VRAM = "512M"
MEMORY = "4G"

# name in hmm.json: (how to compute it, target as text, whether the target holds)
LESS, MORE = "at most", "at least"


def run(*command, **options):
    """Runs a command whose output nobody needs unless it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"{done.stdout}bench-hmm: {' '.join(command)} failed")
    return done.stdout


def build_test_devices(kernel):
    """The kernel's test device, as it is and without its copies."""
    folder = run("python3", "/colibri/tools/lib/hmm_selftests.py").strip().splitlines()[-1]
    if folder.startswith("SKIP"):
        sys.exit(f"bench-hmm: {folder[5:]}")
    for name, flags in (("test_hmm", ""),
                        ("test_hmm_nocopy", "-include /colibri/bench/hmm/nocopy.h")):
        out = f"{BENCH}/{name}"
        os.makedirs(out, exist_ok=True)
        for file in ("test_hmm.c", "test_hmm_uapi.h"):
            shutil.copy2(f"{folder}/test_hmm/{file}", out)
        with open(f"{out}/Kbuild", "w", encoding="utf-8") as kbuild:
            kbuild.write(f"obj-m += test_hmm.o\nccflags-y += {flags}\n")
        run("make", "-C", kernel.build_tree, f"M={out}", "modules")


def build():
    """Everything that the VM needs; runs inside the root."""
    kernel = vm_kernel.packaged(None)
    print("bench-hmm: building the peers", file=sys.stderr, flush=True)
    vm_kernel.build_modules(kernel)
    run("/colibri/bench/gpusvm/build", kernel.build_tree, f"{BENCH}/gpusvm")
    build_test_devices(kernel)
    run("/colibri/tools/lib/build-meson", "bench/hmm")


def boot(mode, rounds, words, *options):
    """Runs bench/hmm/guest in a VM whose kernel gets @words. Returns {(backend, metric): median}."""
    command = [f"{TOP}/tools/vm", "run", "--no-driver", "--vram", VRAM, "--mem", MEMORY,
               "--append", f"transparent_hugepage=always {words}", *options, "--",
               "/colibri/bench/hmm/guest", mode, str(rounds)]
    values = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as guest:
        for line in guest.stdout:
            backend, metric, value = line.split()
            values.setdefault((backend, metric), []).append(float(value))
    if guest.returncode:
        sys.exit(f"bench-hmm: the VM ended with status {guest.returncode}")
    return {key: statistics.median(rounds) for key, rounds in values.items()}


def code_lines(*paths):
    """Lines of C without comments and blank lines."""
    count, comment = 0, False
    for path in paths:
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            for line in map(str.strip, file):
                if comment:
                    comment = "*/" not in line
                elif line.startswith("/*"):
                    comment = "*/" not in line
                elif line and not line.startswith("//"):
                    count += 1
    return count


def per_page(insn, backend):
    """Instructions to move a 4 KiB page there and back, of huge and of small pages."""
    return sum(insn[backend, f"cpu_{way}_{kind}_256m"]
               for way in ("to_vram", "to_ram") for kind in ("2m", "4k")) / 4


def ratios(time, insn, memcpy):
    """The figures that have a target: {name: (value, MORE or LESS, target)}."""
    ours, theirs = "hmm_svm", "gpusvm"

    def time_of(backend, way, kind="2m"):
        return 1 / time[backend, f"migrate_{way}_{kind}_256m"]

    return {
        "thp_to_vram_vs_test_hmm":
            (time_of(ours, "to_vram") / time_of("test_hmm", "to_vram"), LESS, 0.1),
        "thp_to_ram_vs_test_hmm":
            (time_of(ours, "to_ram") / time_of("test_hmm", "to_ram"), LESS, 0.1),
        "thp_to_vram_vs_memcpy":
            (time[ours, "migrate_to_vram_2m_256m"] / memcpy, MORE, 0.25),
        "insn_per_page_vs_test_hmm":
            (per_page(insn, ours) / per_page(insn, "test_hmm_nocopy"), LESS, 1.0),
        "insn_per_page_vs_stock_test_hmm":
            (per_page(insn, ours) / per_page(insn, "test_hmm"), LESS, 1.0),
        "demand_vs_explicit":
            (time[ours, "stream_demand"] / time[ours, "stream_explicit"], MORE, 0.6),
        "prefetch_vs_explicit":
            (time[ours, "stream_prefetch"] / time[ours, "stream_explicit"], MORE, 0.9),
        "oversub2x_vs_fit":
            (time[ours, "stream_2x"] / time[ours, "stream_fit"], MORE, 0.5),
        "oversub4x_vs_fit":
            (time[ours, "stream_4x"] / time[ours, "stream_fit"], MORE, 0.0),
        "fault_latency_vs_gpusvm":
            (time[ours, "fault_latency_migrate_us"] / time[theirs, "fault_latency_migrate_us"],
             LESS, 1.0),
        "map_latency_vs_gpusvm":
            (time[ours, "fault_latency_map_us"] / time[theirs, "fault_latency_map_us"],
             LESS, 1.0),
        "faults_1w_vs_gpusvm":
            (time[ours, "faults_per_s_1w"] / time[theirs, "faults_per_s_1w"], MORE, 1.0),
        "faults_2w_vs_gpusvm":
            (time[ours, "faults_per_s_2w"] / time[theirs, "faults_per_s_2w"], MORE, 1.0),
        "faults_4w_vs_gpusvm":
            (time[ours, "faults_per_s_4w"] / time[theirs, "faults_per_s_4w"], MORE, 1.0),
        "munmap_vs_gpusvm":
            (time[ours, "munmap_1g_ms"] / time[theirs, "munmap_1g_ms"], LESS, 1.0),
        "exit_vs_gpusvm":
            (time[ours, "exit_ms"] / time[theirs, "exit_ms"], LESS, 1.0),
        "thp_to_vram_vs_gpusvm":
            (time_of(ours, "to_vram") / time_of(theirs, "to_vram"), LESS, 1.0),
        "thp_to_ram_vs_gpusvm":
            (time_of(ours, "to_ram") / time_of(theirs, "to_ram"), LESS, 1.0),
        "demand_vs_gpusvm":
            (time[ours, "stream_demand"] / time[theirs, "stream_demand"], MORE, 1.0),
        "prefetch_vs_gpusvm":
            (time[ours, "stream_prefetch"] / time[theirs, "stream_prefetch"], MORE, 1.0),
        "oversub2x_vs_gpusvm":
            (time[ours, "stream_2x"] / time[theirs, "stream_2x"], MORE, 1.0),
        "insn_per_page_vs_gpusvm":
            (per_page(insn, ours) / per_page(insn, theirs), LESS, 1.0),
        "driver_lines_vs_gpusvm":
            (code_lines("drm-driver/colibri_svm.c") /
             code_lines("drm-driver/colibri_svm.c", "bench/gpusvm/gpusvm_main.c",
                        "bench/gpusvm/gpusvm_memory.c", "bench/gpusvm/gpusvm_mirror.c",
                        "bench/gpusvm/gpusvm_fault.c"), LESS, 1.0),
    }


def print_raw(title, values):
    """All that was measured, a line per metric and a column per backend."""
    backends = sorted({backend for backend, _ in values})
    print(f"\n{title}\n{'':28}" + "".join(f"{backend:>18}" for backend in backends))
    for metric in sorted({metric for _, metric in values}):
        cells = [f"{values[backend, metric]:18.4g}" if (backend, metric) in values else " " * 18
                 for backend in backends]
        print(f"{metric:28}" + "".join(cells))


def print_ratios(table):
    """What is compared, with targets."""
    print(f"\n{'ratio (ours over theirs)':36}{'value':>10}  target")
    for name, (value, sense, target) in table.items():
        good = value >= target if sense == MORE else value <= target
        print(f"{name:36}{value:10.3f}  {sense} {target:g}{'' if good else '   MISSED'}")


def main():
    """Entry point, outside the root or, with "build", inside it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round instead of five")
    parser.add_argument("--build-in-root", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.build_in_root:
        build()
        return
    subprocess.run([f"{TOP}/tools/root", "python3", "/colibri/bench/hmm/run.py", "--build-in-root"],
                   check=True)
    memcpy = float(run(f"{TOP}/tools/root", "/colibri/build/bench/hmm/memcpy_bench").split()[2])
    # Clearing what is then overwritten would be measured, not moving; and QEMU's
    # emulation clears much more slowly than any CPU does.
    time = boot("time", 1 if args.quick else 5, "init_on_alloc=0")
    insn = boot("instructions", 1, "init_on_alloc=0", "--icount", "--cpus", "1")
    table = ratios(time, insn, memcpy)
    print_raw("time: GB/s (migrate, fault_back, stream), us, ms, faults/s, ns/page (cpu)", time)
    print_raw("guest instructions per 4 KiB page", insn)
    print(f"\nmemcpy of the host: {memcpy:.1f} GB/s")
    print_ratios(table)
    out = {name: round(value, 4) for name, (value, _, _) in table.items()}
    out |= {f"{backend}.{metric}": value for (backend, metric), value in sorted(time.items())}
    out |= {f"{backend}.insn.{metric}": value for (backend, metric), value in sorted(insn.items())}
    out["memcpy"] = memcpy
    path = os.path.join(TOP, "build/bench/hmm.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(out, file, indent=1)
        file.write("\n")
    print(f"\nwritten: {os.path.relpath(path)}")


if __name__ == "__main__":
    main()
