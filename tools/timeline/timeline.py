# SPDX-License-Identifier: MIT
"""
Makes the page of tools/svm-timeline out of a recorded trace.

usage: timeline.py TRACE-FOLDER PAGE

The page contains everything: style, script and data. The data are columns of
numbers, in base64, of events that have been sorted into rows: a row is 2 MiB of
address space of one process, and only those that something happened to exist.
"""
import array
import base64
import json
import os
import sys

import ftrace

BLOCK = 21                  # log2 of a row's bytes
PAGES = 512                 # in a row
CAUSES = ("fault", "prefetch", "promote", "cpu", "evict", "prefetch")

# Kinds of events; page.js has the same list.
FAULT, TO_VRAM, TO_CPU, EVICTED, BROUGHT_BACK, PIN, HOT = range(7)

# More marks than this are merged: events of the same kind in the same row and moment.
MAX_MARKS = 300000
SLOTS = 20000

# A block that came back so often since it first left thrashes.
THRASH_RETURNS = 2


class Timeline:
    """What happened, in the order of time once it is finished."""

    def __init__(self):
        self.events = []        # (time ns, pid, block, kind, pages)
        self.pids = {}          # asid -> pid
        self.busy = []          # (time, asid, queue, ns gained)
        self.submits = []       # (time, asid, queue, packets)
        self.latency = []       # ns of faults, from record to answer
        self.notes = []         # (time, text): reset, lost, errors
        self.fault_asids = []   # (index in events, asid)

    def fault(self, time, asid, addr):
        self.fault_asids.append((len(self.events), asid))
        self.events.append((time, 0, addr >> BLOCK, FAULT, 1))

    def hot(self, time, asid, addr):
        self.fault_asids.append((len(self.events), asid))
        self.events.append((time, 0, addr >> BLOCK, HOT, 16))

    def migrate(self, time, addr, pid, pages, cause):
        kind = (TO_VRAM, TO_VRAM, TO_VRAM, TO_CPU, EVICTED, BROUGHT_BACK)[cause]
        self.events.append((time, pid, addr >> BLOCK, kind, pages))

    def pin(self, time, addr, pid):
        self.events.append((time, pid, addr >> BLOCK, PIN, 0))

    def wanted(self):
        """For ftrace.read_trace()."""
        return {
            "colibri_vm": (("asid", "pid"), lambda t, asid, pid: self.pids.update({asid: pid})),
            "colibri_fault": (("asid", "addr"), self.fault),
            "colibri_hot": (("asid", "addr"), self.hot),
            "colibri_fault_done": (("ns",), lambda t, ns: ns and self.latency.append(ns)),
            "colibri_submit": (("asid", "queue", "count"), lambda *s: self.submits.append(s)),
            "colibri_queue_busy": (("asid", "queue", "gain"), lambda *s: self.busy.append(s)),
            "colibri_queue_error": (("queue", "code"), lambda t, queue, code: self.notes.append(
                (t, f"queue {queue} stopped, error {code}"))),
            "colibri_reset": ((), lambda t: self.notes.append((t, "device reset"))),
            "colibri_lost": ((), lambda t: self.notes.append((t, "device lost"))),
            "hmm_svm_migrate": (("addr", "pid", "pages", "cause"), self.migrate),
            "hmm_svm_thrash_pin": (("addr", "pid"), self.pin),
        }

    def finish(self):
        for index, asid in self.fault_asids:
            time, _, block, kind, pages = self.events[index]
            self.events[index] = (time, self.pids.get(asid, 0), block, kind, pages)
        for rows in (self.events, self.busy, self.submits, self.notes):
            rows.sort()


class Row:
    """2 MiB of a process: what is known of it at the end, and how it got there."""

    def __init__(self, pid, block):
        self.pid, self.block = pid, block
        self.counts = [0] * 7       # events by kind
        self.pages = [0] * 7        # pages by kind
        self.here = 0               # pages in VRAM now
        self.since = None           # when the first of them came
        self.stays = []             # (from, to): times with pages in VRAM
        self.left = False
        self.returns = []           # times that it came back after it had left

    def add(self, time, kind, pages):
        self.counts[kind] += 1
        self.pages[kind] += pages
        if kind == TO_VRAM:
            if self.left:
                self.returns.append(time)
                self.left = False
            if not self.here:
                self.since = time
            self.here = min(PAGES, self.here + pages)
        elif kind in (TO_CPU, EVICTED, BROUGHT_BACK):
            self.left = True
            self.here = max(0, self.here - pages)
            if not self.here and self.since is not None:
                self.stays.append((self.since, time))
                self.since = None

    def finish(self, end):
        if self.since is not None:
            self.stays.append((self.since, end))

    def thrash(self):
        return len(self.returns) >= THRASH_RETURNS


def make_rows(events):
    rows = {}
    for time, pid, block, kind, pages in events:
        row = rows.get((pid, block))
        if row is None:
            row = rows[pid, block] = Row(pid, block)
        row.add(time, kind, pages)
    ordered = [rows[key] for key in sorted(rows)]
    for number, row in enumerate(ordered):
        row.number = number
        row.finish(events[-1][0])
    return rows, ordered


def merge(events, start, end):
    """Events of one kind in a row and moment become one, of their number and pages."""
    slot = max(1, (end - start) // SLOTS)
    merged = {}
    for time, pid, block, kind, pages in events:
        key = ((time - start) // slot, pid, block, kind)
        old = merged.get(key)
        merged[key] = (old[0], old[1] + 1, old[2] + pages) if old else (time, 1, pages)
    return sorted((time, pid, block, kind, n, pages)
                  for (_, pid, block, kind), (time, n, pages) in merged.items())


def column(code, values):
    numbers = array.array(code, values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode("ascii")


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0


def summarize(timeline, rows, start, end, lost):
    pages = [sum(row.pages[kind] for row in rows) for kind in range(7)]
    counts = [sum(row.counts[kind] for row in rows) for kind in range(7)]
    distinct = sum(min(PAGES, row.pages[TO_VRAM]) for row in rows)
    again = pages[TO_VRAM] - distinct
    return {
        "duration": end - start, "lost": lost, "counts": counts, "pages": pages,
        "distinct": distinct, "again": again,
        "thrashing": sum(row.thrash() for row in rows),
        "returns": sum(len(row.returns) for row in rows),
        "busy": sum(gain for _, _, _, gain in timeline.busy),
        "latency": [quantile(timeline.latency, share) for share in (0.5, 0.99)],
        "merged": len(timeline.events) > MAX_MARKS,
    }


def busy_spans(timeline, start):
    """[queue name, [end ns, length ns, ns busy]...] for each queue that did something."""
    queues, last = {}, {}
    for time, asid, queue, gain in timeline.busy:
        name = f"queue {queue}, process {timeline.pids.get(asid, '?')}"
        before = max(last.get(name, 0), time - 20_000_000)
        length = max(time - before, gain, 1) if before else max(gain, 1)
        length = min(length, max(gain * 4, 1))
        queues.setdefault(name, []).append((time - start, length, gain))
        last[name] = time
    return sorted(queues.items())


def page_data(timeline, command, lost):
    events = timeline.events
    start = min([events[0][0]] + [time - gain for time, _, _, gain in timeline.busy[:1]])
    end = max([events[-1][0]] + [time for time, *_ in timeline.busy[-1:]]) + 1
    index, rows = make_rows(events)
    if len(events) > MAX_MARKS:
        marks = merge(events, start, end)
    else:
        marks = [(time, pid, block, kind, 1, pages) for time, pid, block, kind, pages in events]
    return {
        "command": command,
        "summary": summarize(timeline, rows, start, end, lost),
        "rows": [[row.pid, hex(row.block << BLOCK), len(row.returns), row.thrash()] + row.counts
                 for row in rows],
        "stays": [[v for stay in row.stays for v in (stay[0] - start, stay[1] - start)]
                  for row in rows],
        "queues": busy_spans(timeline, start),
        "submits": [[time - start, queue, count] for time, _, queue, count in timeline.submits],
        "notes": [[time - start, text] for time, text in timeline.notes],
        "time": column("d", ((mark[0] - start) for mark in marks)),
        "row": column("I", (index[mark[1], mark[2]].number for mark in marks)),
        "kind": column("B", (mark[3] for mark in marks)),
        "number": column("I", (mark[4] for mark in marks)),
        "moved": column("I", (mark[5] for mark in marks)),
    }


def make_page(data):
    folder = os.path.dirname(os.path.abspath(__file__))
    parts = {}
    for name in ("page.html", "page.css", "page.js", "draw.js"):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            parts[name] = file.read()
    page = parts["page.html"]
    page = page.replace("/* page.css */", parts["page.css"])
    page = page.replace("/* page.js */", parts["draw.js"] + "\n" + parts["page.js"])
    # Nothing in a string may end the script element.
    return page.replace("/* data */ null", json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"))


def main():
    folder, output = sys.argv[1:]
    timeline = Timeline()
    lost = ftrace.read_trace(folder, timeline.wanted())
    timeline.finish()
    if not timeline.events:
        sys.exit("svm-timeline: the command did nothing that could be shown: no fault, no migration")
    with open(os.path.join(folder, "command"), encoding="utf-8") as file:
        command = file.read()
    data = page_data(timeline, command, lost)
    with open(output, "w", encoding="utf-8") as file:
        file.write(make_page(data))
    summary = data["summary"]
    print(f"svm-timeline: {len(timeline.events)} events, {lost} lost; "
          f"{len(data['rows'])} blocks, {summary['thrashing']} of them thrash")


main()
