# SPDX-License-Identifier: MIT
"""What comes out of a VM: relays for its streams, and its kernel log."""

import os
import re
import threading

# A message that means a fault in the kernel. The texts stand at the start of
# a message, which keeps user-space reports ("traps: prog[7] general
# protection fault") and words inside other messages out.
SPLAT = re.compile(
    r"^\[ *\d+\.\d+\](?:\[[^]]*\])? (?:"
    r"-+\[ cut here \]-+"
    r"|(?:watchdog: )?BUG: |kernel BUG at |WARNING: |Oops|Kernel panic"
    r"|INFO: task .* blocked for more than|INFO: possible |INFO: trying to register"
    r"|rcu: INFO: .* stall|UBSAN: |KASAN: |KFENCE: |refcount_t: |list_(?:add|del) corruption"
    r"|DEBUG_LOCKS_WARN_ON|stack segment|Memory manager not clean"
    r")")
SPLAT_LINES = 60


class Relay:
    """Reads a pipe to its end in a thread and hands the data to a sink."""

    def __init__(self, descriptor, sink):
        self.descriptor = descriptor
        self.sink = sink
        self.thread = threading.Thread(target=self.work, daemon=True)

    def start(self):
        """Starts reading."""
        self.thread.start()

    def work(self):
        """The thread."""
        while data := os.read(self.descriptor, 65536):
            self.sink(data)

    def finish(self):
        """Waits until everything written has been handed on."""
        self.thread.join(timeout=10)


class KernelLog:
    """The guest's kernel log: kept in a file, watched for faults."""

    def __init__(self, path, copy, screen):
        self.file = open(path, "w", encoding="utf-8")
        self.outputs = [output for output in (self.file, copy, screen) if output]
        self.lines = []
        self.partial = ""
        self.first_splat = None

    def __call__(self, data):
        """Takes what the console printed."""
        text = data.decode(errors="replace").replace("\r", "")
        for output in self.outputs:
            output.write(text)
            output.flush()
        *lines, self.partial = (self.partial + text).split("\n")
        for line in lines:
            if self.first_splat is None and SPLAT.match(line):
                self.first_splat = len(self.lines)
            self.lines.append(line)

    def splat(self):
        """The first fault and what follows it, or nothing."""
        if self.first_splat is None:
            return ""
        return "\n".join(self.lines[self.first_splat:self.first_splat + SPLAT_LINES])

    def tail(self):
        """The last lines."""
        return "\n".join(self.lines[-25:] + [self.partial])
