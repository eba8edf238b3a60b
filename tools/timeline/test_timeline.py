# SPDX-License-Identifier: MIT
"""
Tests of the reader and the page of tools/svm-timeline, on rings written here.

Prints a line for each test, as tools/run-tests wants them.
"""
import base64
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import time

import ftrace

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = 4096
HEADER_PAGE = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n" \
              "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n"
COMMON = [("unsigned short common_type", 2, 0), ("unsigned char common_flags", 1, 0),
          ("unsigned char common_preempt_count", 1, 0), ("int common_pid", 4, 1)]

# Event: number, fields as in the kernel's headers
EVENTS = {
    "colibri_vm": (1, [("u32 asid", 4, 0), ("u32 pid", 4, 0), ("u8 alive", 1, 0)]),
    "colibri_fault": (2, [("u64 addr", 8, 0), ("u64 pc", 8, 0), ("u32 asid", 4, 0)]),
    "colibri_fault_done": (3, [("u64 addr", 8, 0), ("u64 ns", 8, 0)]),
    "colibri_hot": (4, [("u64 addr", 8, 0), ("u32 asid", 4, 0)]),
    "colibri_submit": (5, [("u64 index", 8, 0), ("u32 asid", 4, 0), ("u32 queue", 4, 0),
                           ("u32 count", 4, 0)]),
    "colibri_queue_busy": (6, [("u64 gain", 8, 0), ("u32 asid", 4, 0), ("u32 queue", 4, 0)]),
    "colibri_queue_error": (7, [("u32 queue", 4, 0), ("u32 code", 4, 0)]),
    "colibri_reset": (8, [("int ret", 4, 1)]),
    "colibri_lost": (9, [("char why[64]", 64, 0)]),
    "hmm_svm_migrate": (10, [("u64 addr", 8, 0), ("u64 size", 8, 0), ("u32 pid", 4, 0),
                             ("u32 pages", 4, 0), ("u8 cause", 1, 0)]),
    "hmm_svm_thrash_pin": (11, [("u64 addr", 8, 0), ("u32 pid", 4, 0)]),
}
FAULT, CPU, EVICT = 0, 3, 4     # causes
BASE = 0x7f0000000000


def write_formats(folder):
    os.makedirs(folder)
    with open(f"{folder}/header_page", "w", encoding="ascii") as file:
        file.write(HEADER_PAGE)
    for name, (number, fields) in EVENTS.items():
        text, offset = f"name: {name}\nID: {number}\nformat:\n", 0
        for decl, size, signed in COMMON + fields:
            text += f"\tfield:{decl};\toffset:{offset};\tsize:{size};\tsigned:{signed};\n"
            offset += size
        with open(f"{folder}/{name}", "w", encoding="ascii") as file:
            file.write(text)


def record(name, **values):
    number, fields = EVENTS[name]
    data = struct.pack("<HBBi", number, 0, 0, 0)
    for decl, size, _ in fields:
        value = values.get(re.sub(r"\[.*", "", decl.split()[-1]), 0)
        data += value if isinstance(value, bytes) else value.to_bytes(size, "little")
    return data + bytes(-len(data) % 4)


class Ring:
    """Writes a CPU's ring: pages of events with time deltas."""

    def __init__(self):
        self.pages = []
        self.body = b""
        self.first = self.now = None

    def flush(self, flags=0):
        if self.first is not None:
            self.pages.append((struct.pack("<QQ", self.first, len(self.body) | flags) +
                               self.body).ljust(PAGE, b"\0"))
        self.first, self.body = None, b""

    def put(self, when, data):
        if self.first is not None and len(self.body) + len(data) + 20 > PAGE - 16:
            self.flush()
        if self.first is None:
            self.first = self.now = when
        delta, self.now = when - self.now, when
        if delta >= 1 << 27:
            self.body += struct.pack("<II", 30 | (delta & (1 << 27) - 1) << 5, delta >> 27)
            delta = 0
        if len(data) > 28 * 4:
            self.body += struct.pack("<II", delta << 5, len(data) + 4)
        else:
            self.body += struct.pack("<I", len(data) // 4 | delta << 5)
        self.body += data


def make_trace(folder, rings, lost=0, command="a command"):
    write_formats(f"{folder}/events")
    for cpu, ring in enumerate(rings):
        ring.flush()
        with open(f"{folder}/cpu{cpu}.raw", "wb") as file:
            file.write(b"".join(ring.pages))
        with open(f"{folder}/cpu{cpu}.stats", "w", encoding="ascii") as file:
            file.write(f"entries: 0\noverrun: 0\ndropped events: {lost}\n")
    with open(f"{folder}/command", "w", encoding="utf-8") as file:
        file.write(command)


def run(folder):
    return subprocess.run([sys.executable, f"{HERE}/timeline.py", folder, f"{folder}/page.html"],
                          capture_output=True, text=True, check=False)


def page_data(folder):
    result = run(folder)
    assert result.returncode == 0, result.stderr
    with open(f"{folder}/page.html", encoding="utf-8") as file:
        page = file.read()
    found = re.search(r"^const DATA = (\{.*\});$", page, re.M)
    return page, json.loads(found[1])


def move(ring, when, block, cause, pages=512, pid=7):
    ring.put(when, record("hmm_svm_migrate", addr=BASE + (block << 21), size=pages << 12,
                          pid=pid, pages=pages, cause=cause))


# ---- Tests ---------------------------------------------------------------------


def test_ring(folder):
    """All kinds of records of a ring are read, over pages and long pauses."""
    ring, got = Ring(), []
    ring.put(1000, record("colibri_vm", asid=3, pid=7))
    ring.put(1500, record("colibri_fault", addr=BASE, asid=3))
    ring.put(1500 + (1 << 40), record("colibri_fault", addr=BASE + 4096, asid=3))
    ring.body += struct.pack("<II", 29 | 1 << 5, 8) + b"\0\0\0\0"
    for i in range(1000):
        ring.put(ring.now + 10, record("colibri_lost", why=bytes([65 + i % 26]) * 64))
    make_trace(folder, [ring])
    lost = ftrace.read_trace(folder, {
        "colibri_vm": (("pid", "asid"), lambda *v: got.append(v)),
        "colibri_fault": (("asid", "addr"), lambda *v: got.append(v)),
        "colibri_lost": ((), lambda *v: got.append(v)),
    })
    assert not lost
    assert got[:3] == [(1000, 7, 3), (1500, 3, BASE), (1500 + (1 << 40), 3, BASE + 4096)]
    assert got[-1] == (1500 + (1 << 40) + 10000,) and len(got) == 1003


def test_lost(folder):
    """What the kernel lost is said, by its count, or by the mark in a page."""
    ring = Ring()
    move(ring, 100, 0, FAULT)
    make_trace(folder, [ring, Ring()], lost=21)
    _, data = page_data(folder)
    assert data["summary"]["lost"] == 42
    ring = Ring()
    move(ring, 100, 0, FAULT)
    ring.flush(ftrace.MISSED_EVENTS)
    make_trace(f"{folder}/marked", [ring])
    assert page_data(f"{folder}/marked")[1]["summary"]["lost"] == 1


def test_stream(folder):
    """Memory that goes to VRAM once and comes back once does not thrash."""
    ring = Ring()
    for block in range(32):
        move(ring, 1000 * block, block, FAULT)
    for block in range(32):
        move(ring, 100000 + 1000 * block, block, CPU)
    make_trace(folder, [ring])
    summary = page_data(folder)[1]["summary"]
    assert summary["thrashing"] == 0 and summary["returns"] == 0 and summary["again"] == 0
    assert summary["pages"][1] == summary["pages"][2] == 32 * 512


def test_thrash(folder):
    """Blocks that come back again and again are found, and no others."""
    ring = Ring()
    move(ring, 0, 100, FAULT)
    for turn in range(8):
        for block in range(4):
            move(ring, 1000 + 100 * (4 * turn + block), block, FAULT)
            move(ring, 1050 + 100 * (4 * turn + block), block, EVICT if turn % 2 else CPU)
    make_trace(folder, [ring])
    data = page_data(folder)[1]
    assert [row[3] for row in data["rows"]] == [True] * 4 + [False]
    assert [row[2] for row in data["rows"]] == [7] * 4 + [0]
    assert data["summary"]["again"] == 7 * 4 * 512
    assert len(data["stays"][0]) == 16 and len(data["stays"][4]) == 2


def test_processes(folder):
    """The same address in two processes is two rows; faults find theirs by the ASID."""
    rings = [Ring(), Ring()]
    for cpu, ring in enumerate(rings):
        ring.put(10, record("colibri_vm", asid=cpu + 1, pid=70 + cpu))
        ring.put(20, record("colibri_fault", addr=BASE, asid=cpu + 1))
        move(ring, 30, 0, FAULT, pid=70 + cpu)
    make_trace(folder, rings)
    rows = page_data(folder)[1]["rows"]
    assert [row[:2] for row in rows] == [[70, hex(BASE)], [71, hex(BASE)]]
    assert all(row[4] == 1 and row[5] == 1 for row in rows)


def test_many(folder):
    """A million events make a page that a browser can take, and none is forgotten."""
    ring, start = Ring(), time.monotonic()
    for i in range(1000000):
        ring.put(i * 1000, record("colibri_fault", addr=BASE + (i * 7919 % 4096 << 12), asid=1))
    make_trace(folder, [ring])
    written = time.monotonic()
    page, data = page_data(folder)
    took = time.monotonic() - written
    numbers = struct.unpack("<%dI" % (len(base64.b64decode(data["number"])) // 4),
                            base64.b64decode(data["number"]))
    print(f"# 1000000 events: {took:.1f} s, {len(page) >> 10} KiB "
          f"(written in {written - start:.1f} s)")
    assert sum(numbers) == 1000000 and data["summary"]["counts"][0] == 1000000
    assert data["summary"]["merged"] and len(page) < 12 << 20


def test_self_contained(folder):
    """The page names nothing outside of itself, and a command cannot break out of it."""
    ring = Ring()
    move(ring, 100, 0, FAULT)
    make_trace(folder, [ring], command="</script><img src=x onerror=alert(1)>")
    page, data = page_data(folder)
    assert "</script><img" in data["command"] and page.count("</script>") == 1
    assert not re.search(r"(src|href)=|https?:|@import|url\(|fetch\(|XMLHttp", page.replace(
        json.dumps(data["command"]).replace("<", "\\u003c"), ""))


def test_nothing(folder):
    """A trace with nothing to show is an error that says so."""
    make_trace(folder, [Ring()])
    result = run(folder)
    assert result.returncode == 1 and "nothing that could be shown" in result.stderr


def main():
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(f"{folder}/trace")
                verdict = "ok"
            except Exception as error:  # pylint: disable=broad-except
                verdict = "not ok"
                print(f"# {type(error).__name__}: {error}")
        print(f"{verdict} - timeline: {test.__doc__.splitlines()[0]}", flush=True)


main()
