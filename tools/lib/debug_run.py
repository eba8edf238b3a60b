# SPDX-License-Identifier: MIT
"""Runs one shard of tools/test-debug and writes down what came of it."""

import argparse
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time

import debug_merge
import debug_plan

KERNEL = "build/debug-kernel"
RESULTS = "build/test-debug"
# Nothing printed for so long: the guest hangs. Each VM and each IGT test has a
# shorter limit of its own, so this ends what these miss. LOAD=N is for a busy
# machine: everything may take N times as long.
SILENCE_SECONDS = 1500
SUITE_SECONDS = 7200
# VMs that a split suite may use up on tests that end the VM.
VM_TRIES = 8

TAP = re.compile(r"(not ok|ok)\b(?: +\d+)?(?: +-)? *(.*?)(?: # SKIP *(.*)| # .*)?$")
STARTED = re.compile(r"#? *(?:\[ *\d+\.\d+\] *)?\[\d+/\d+\] .*|# running (.*)")
SPLAT = "the guest kernel reported a fault"
SPLAT_LINES = 62


def listed_name(test):
    """The name as --list of the suite has it: the first word."""
    return test["name"].split(" ")[0].rstrip(":")


class SuiteRun:
    """One suite, running: its output, what it says about tests, whether it hangs."""

    def __init__(self, name, log, progress, env):
        self.name = name
        self.log = log
        self.progress = progress
        self.tests, self.splats = [], []
        self.last_started, self.splat_left = "", 0
        self.hung = None
        self.start = time.monotonic()
        # Read-only, unlike subprocess.DEVNULL: QEMU takes it as that or not at all.
        with open(os.devnull, "rb") as nothing:
            self.process = subprocess.Popen(
                [f"tools/suites/{name}"], stdin=nothing, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, env={**os.environ, **env}, start_new_session=True)

    def take(self, line):
        """One line of output."""
        self.log.write(line + "\n")
        self.log.flush()
        text = line.removeprefix("# ")
        match = TAP.match(line)
        if self.splat_left and not match:
            self.splats[-1] += text + "\n"
            self.splat_left -= 1
            return
        self.splat_left = 0
        if SPLAT in text:
            self.splats.append(text + "\n")
            self.splat_left = SPLAT_LINES
            return
        if match:
            result = "fail" if match[1] == "not ok" else "skip" if match[3] is not None else "pass"
            self.tests.append({"name": match[2], "result": result, "text": match[3] or "",
                               "details": ""})
            self.progress(self.name, result, match[2])
        elif STARTED.match(line):
            self.last_started = text.strip()
            self.progress(self.name, "....", self.last_started)
        elif line.startswith("#") and self.tests and self.tests[-1]["result"] == "fail":
            self.tests[-1]["details"] += text + "\n"

    def end(self, why):
        """Ends everything that the suite has started: tools/root's VM dies with its parent."""
        self.hung = why
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def watch(self, load):
        """Reads the output to its end, or until there has been none for too long."""
        selector = selectors.DefaultSelector()
        selector.register(self.process.stdout, selectors.EVENT_READ)
        rest, last = b"", time.monotonic()
        while True:
            now = time.monotonic()
            if self.hung and now - last > 60:
                break
            if not self.hung and now - last > SILENCE_SECONDS * load:
                self.end(f"silent for {now - last:.0f} s")
            elif not self.hung and now - self.start > SUITE_SECONDS * load:
                self.end(f"not done after {now - self.start:.0f} s")
            if not selector.select(5):
                continue
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                break
            last = now
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self.take(line.decode(errors="replace").rstrip("\r"))
        if rest:
            self.take(rest.decode(errors="replace"))
        return self.process.wait()

    def finish(self, status):
        """What the exit status adds to the tests' own results."""
        after = self.last_started or (self.tests[-1]["name"] if self.tests else "the start")
        if self.hung:
            self.fail("watchdog", f"{self.hung}, ended; last seen: {after}")
        elif status and not any(test["result"] == "fail" for test in self.tests):
            self.fail("status", f"the suite ended with status {status}; last seen: {after}")

    def fail(self, name, text):
        """A failure of the suite as such."""
        self.tests.append({"name": name, "result": "fail", "text": text, "details": ""})
        self.progress(self.name, "fail", f"{name}: {text}")


class Shard:
    """What one call runs."""

    def __init__(self, args, index, count):
        self.args, self.index, self.count = args, index, count
        self.load = float(os.environ.get("LOAD", "1"))
        self.folder = os.path.join(RESULTS, f"shard-{index}-of-{count}")
        os.makedirs(self.folder, exist_ok=True)
        all_units = debug_plan.units(args.suite, args.tests)
        shards, loads = debug_plan.deal(all_units, count)
        self.units, self.expected = shards[index - 1], loads[index - 1]
        self.done, self.start = 0, time.monotonic()

    def progress(self, suite, result, name):
        """A line that says how far it is."""
        if result != "....":
            self.done += 1
        seconds = int(time.monotonic() - self.start)
        print(f"[{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}] {result} {suite}: {name}",
              flush=True)

    def environment(self, suite, tests):
        """What the suite is told."""
        env = {"KERNEL": KERNEL, "TIMEOUT": str(int(SUITE_SECONDS * self.load) - 300),
               "IGT_LIST": "fast long", "COLIBRI_SLOW": str(max(4, int(4 * self.load)))}
        if tests is not None:
            path = os.path.join(self.folder, f"{suite}.tests")
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(tests) + "\n")
            env["TESTS"] = path
        return env

    def run_once(self, suite, tests, log):
        """Runs a suite, or some tests of it, once."""
        run = SuiteRun(suite, log, self.progress, self.environment(suite, tests))
        try:
            run.finish(run.watch(self.load))
        finally:
            # It is in a session of its own: what ends this process has not reached it.
            if run.process.poll() is None:
                run.end("interrupted")
        return run

    def run_suite(self, suite, units):
        """Runs a suite; tests that a dying VM took along get another VM."""
        tests = [unit.test for unit in units] if units[0].test else None
        record = {"name": suite, "planned": tests, "tests": [], "splats": []}
        start = time.monotonic()
        with open(os.path.join(self.folder, f"{suite}.log"), "w", encoding="utf-8") as log:
            for _ in range(VM_TRIES):
                run = self.run_once(suite, tests, log)
                record["splats"] += run.splats
                left = self.left_over(tests, run)
                record["tests"] += [test for test in run.tests if listed_name(test) not in left]
                if not left or len(left) == len(tests):
                    break
                tests = left
            record["tests"] += [{"name": test, "result": "fail", "text": "did not run", "details": ""}
                                for test in left]
        if not any(test["result"] == "pass" for test in record["tests"]):
            record["tests"].append({"name": suite, "result": "fail", "text": "no test of it has passed",
                                    "details": ""})
        record["seconds"] = round(time.monotonic() - start, 1)
        return record

    @staticmethod
    def left_over(tests, run):
        """Those of the tests that have no result of their own."""
        have = {listed_name(test) for test in run.tests if not test["name"].endswith(": did not run")}
        return [test for test in tests or [] if test not in have]

    def run(self):
        """Runs all of the shard; returns the exit status."""
        print(f"test-debug: shard {self.index} of {self.count}: {len(self.units)} units, about "
              f"{self.expected / 60:.0f} min on two idle CPUs", flush=True)
        suites = [self.run_suite(suite, units)
                  for suite, units in debug_plan.by_suite(self.units).items()]
        result = {"shard": self.index, "of": self.count, "suites": suites,
                  "restricted": bool(self.args.suite or self.args.tests != "."),
                  "units": [unit.name for unit in self.units],
                  "commit": debug_merge.commit(), "load": os.getloadavg()[2], "cpus": os.cpu_count(),
                  "kernel": debug_merge.kernel_release(KERNEL),
                  "seconds": round(time.monotonic() - self.start, 1)}
        with open(os.path.join(RESULTS, f"shard-{self.index}-of-{self.count}.json"), "w",
                  encoding="utf-8") as file:
            json.dump(result, file, indent=1)
        return debug_merge.merge(RESULTS, [result])


def shard_numbers(text):
    """I/N."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"'{text}' is not I/N with 1 <= I <= N")
    return int(match[1]), int(match[2])


def print_plan(count):
    """Who would run what."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    shards, loads = debug_plan.deal(debug_plan.units([], "."), count)
    for index, (shard, seconds) in enumerate(zip(shards, loads), 1):
        print(f"shard {index}/{count}: about {seconds / 60:.1f} min")
        for suite, units in debug_plan.by_suite(shard).items():
            print(f"  {suite}" + (f": {len(units)} tests" if units[0].test else ""))


def leave(number, _frame):
    """Ends as by the signal, but not before what has been started."""
    sys.exit(128 + number)


def main(doc, argv):
    """Entry point; returns the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:     # nohup
            signal.signal(number, leave)
    os.chdir(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
    parser = argparse.ArgumentParser(prog="tools/test-debug", description=doc,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shard", type=shard_numbers, default=(1, 1), metavar="I/N")
    parser.add_argument("--suite", action="append", default=[], metavar="NAME")
    parser.add_argument("--tests", default=".", metavar="REGEX")
    parser.add_argument("--plan", type=int, metavar="N")
    parser.add_argument("--merge", action="store_true")
    parser.add_argument("--record", action="store_true")
    args = parser.parse_args(argv)
    if unknown := [name for name in args.suite if name not in debug_plan.suites_of("debug")]:
        parser.error(f"no suite '{unknown[0]}' is marked debug in {debug_plan.SUITES}")
    if args.plan:
        print_plan(args.plan)
        return 0
    if args.merge:
        return debug_merge.merge(RESULTS, None)
    if args.record:
        return debug_merge.record(RESULTS)
    if not os.path.exists(KERNEL + "/arch/x86/boot/bzImage"):
        sys.exit("test-debug: no debug kernel: run tools/debug-kernel")
    return Shard(args, *args.shard).run()
