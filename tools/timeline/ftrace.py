# SPDX-License-Identifier: MIT
"""
Reads what tools/timeline/record wrote: each CPU's ring buffer, page by page, as
the kernel keeps it (include/linux/ring_buffer.h), and the formats of the events.
"""
import os
import re
import struct

FIELD = re.compile(r"field:(?P<decl>[^;]+);\s*offset:(?P<offset>\d+);\s*size:(?P<size>\d+);"
                   r"\s*signed:(?P<signed>\d)")

# The low 27 bits of commit are a length; above are notes of lost events.
COMMIT_MASK = (1 << 20) - 1
MISSED_EVENTS = 1 << 31

TYPE_PADDING, TYPE_TIME_EXTEND, TYPE_TIME_STAMP = 29, 30, 31


class Format:
    """One event: its number, and a struct that unpacks the fields that are wanted."""

    def __init__(self, text):
        self.name = re.search(r"^name: (\S+)$", text, re.M).group(1)
        self.number = int(re.search(r"^ID: (\d+)$", text, re.M).group(1))
        self.fields = {}
        for match in FIELD.finditer(text):
            name = re.sub(r"\[.*", "", match["decl"].split()[-1])
            self.fields[name] = (int(match["offset"]), int(match["size"]), match["signed"] == "1")

    def reader(self, names):
        """A function (bytes, offset of the record) -> tuple of the values of these fields."""
        layout, at = "<", 0
        for name in sorted(names, key=lambda n: self.fields[n][0]):
            offset, size, signed = self.fields[name]
            code = {1: "b", 2: "h", 4: "i", 8: "q"}[size]
            layout += f"{offset - at}x" + (code if signed else code.upper())
            at = offset + size
        unpack = struct.Struct(layout).unpack_from
        order = sorted(names, key=lambda n: self.fields[n][0])
        places = [order.index(name) for name in names]
        if places == sorted(places):
            return unpack

        def reordered(data, at):
            values = unpack(data, at)
            return tuple(values[place] for place in places)
        return reordered


def read_formats(folder):
    formats = {}
    for name in sorted(os.listdir(folder)):
        if name != "header_page":
            with open(os.path.join(folder, name), encoding="ascii") as file:
                fmt = Format(file.read())
            formats[fmt.name] = fmt
    return formats


def events_of_page(page, start, end):
    """Yields (time, offset of the record) of each event of a page of the ring."""
    time, commit = struct.unpack_from("<QQ", page, start)
    at, end = start + 16, min(start + 16 + (commit & COMMIT_MASK), end)
    while at + 4 <= end:
        head, = struct.unpack_from("<I", page, at)
        kind, delta = head & 31, head >> 5
        at += 4
        if kind == TYPE_PADDING:
            if not delta:
                return
            at += struct.unpack_from("<I", page, at)[0]
        elif kind == TYPE_TIME_EXTEND:
            time += delta + (struct.unpack_from("<I", page, at)[0] << 27)
            at += 4
        elif kind == TYPE_TIME_STAMP:
            low = delta + (struct.unpack_from("<I", page, at)[0] << 27)
            # The upper five bits of an absolute time are not recorded.
            time = (time & ~((1 << 59) - 1)) | low
            at += 4
        else:
            time += delta
            if kind:
                size = kind * 4
                yield time, at
            else:
                size = struct.unpack_from("<I", page, at)[0]
                yield time, at + 4
            at += size


def page_size(folder):
    with open(os.path.join(folder, "header_page"), encoding="ascii") as file:
        match = re.search(r"char data;\s*offset:(\d+);\s*size:(\d+);", file.read())
    return int(match[1]) + int(match[2])


def lost_events(folder):
    """What the kernel says it could not record, over all CPUs."""
    lost = 0
    for name in os.listdir(folder):
        if name.endswith(".stats"):
            with open(os.path.join(folder, name), encoding="ascii") as file:
                stats = dict(line.rstrip("\n").split(": ", 1) for line in file if ": " in line)
            lost += sum(int(stats.get(key, 0))
                        for key in ("overrun", "commit overrun", "dropped events"))
    return lost


def read_trace(folder, wanted):
    """
    wanted: event -> (fields, function(time, *fields)), called for each event, in the
    order of each CPU.  Returns the number of events that were lost.
    """
    formats = read_formats(os.path.join(folder, "events"))
    calls = {}
    for name, (fields, call) in wanted.items():
        calls[formats[name].number] = (formats[name].reader(fields), call)
    size = page_size(os.path.join(folder, "events"))
    missed = 0
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".raw"):
            continue
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        for start in range(0, len(data) - 15, size):
            missed += bool(struct.unpack_from("<Q", data, start + 8)[0] & MISSED_EVENTS)
            for time, at in events_of_page(data, start, min(start + size, len(data))):
                found = calls.get(data[at] | data[at + 1] << 8)
                if found:
                    found[1](time, *found[0](data, at))
    return lost_events(folder) or missed
