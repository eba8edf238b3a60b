# SPDX-License-Identifier: MIT
"""Checks that the tests have used the whole uAPI, well and badly.

usage: igt_coverage.py HEADER COVERAGE-FILE [--table]

The header says what there is to see: for each ioctl a call that works and one that does not,
for each constant a call with it, for each input field a call that is refused for it, for each
errno that the comments name a call that gave it. The coverage file says what the tests did
(igt-tests/lib/coverage.c). What cannot be seen this way is in EXEMPT with the reason.

Prints TAP: a line for each structure of the header. --table prints all that was looked for.
"""

import errno
import re
import sys

# How a field of this name is given badly. A new field needs an entry here or a test cannot be
# asked for.
RULES = {
    "pad": "nonzero", "flags": "unknown bit", "vm_id": "id", "queue_id": "id", "group_id": "id",
    "handle": "id", "query": "unknown value", "op": "unknown value", "cond": "unknown value",
    "advice": "unknown value", "value": "unknown value", "location": "unknown value",
    "placement": "unknown bit", "cpu_caching": "unknown value", "type": "unknown value",
    "clock": "unknown value", "priority": "unknown value", "addr": "unaligned",
    "range": "unaligned", "bo_offset": "unaligned", "offset": "unaligned", "size": "odd",
    "data": "pointer", "syncs": "pointer", "items": "pointer", "packets": "pointer",
    "pages": "pointer", "num_syncs": "count", "num_items": "count", "count": "count",
    "ring_packets": "count", "point": "count",
}

# (structure, field, constant or errno): why a test cannot be asked for it.
EXEMPT = {
    ("query", "size"): "any size is a good one",
    ("fence_wait", "value"): "any value is one to compare with",
    ("fence_wait", "timeout_ns"): "any time is a good one",
    ("fence_wait", "EINTR"): "the call is made again; colibri_fence@signals looks at that",
    ("fence_wait", "EOWNERDEAD"): "for calls that are under way as the process dies",
    ("queue_destroy", "ECANCELED"): "what waiters of its fences get, see fence_wait",
    ("exec", "ETIME"): "an error of the syncs",
    ("exec", "ECANCELED"): "an error of the syncs",
    ("exec", "ENODEV"): "an error of the syncs",
    ("queue_state", "DRM_COLIBRI_QUEUE_ERR_HUNG"): "colibri_hang, in a VM of its own",
    ("queue_state", "DRM_COLIBRI_QUEUE_ERR_POWER"): "colibri_pm, in a VM that sleeps",
    ("queue_state", "DRM_COLIBRI_QUEUE_ERR_RESET"): "colibri_hang, in a VM of its own",
    ("vm_state", "DRM_COLIBRI_VM_DEVICE_LOST"): "colibri_loss, in a VM of its own",
    ("vm_state", "DRM_COLIBRI_VM_OWNER_DEAD"): "for calls that are under way as the process dies",
    ("svm_query", "DRM_COLIBRI_SVM_PAGE_REMOTE"): "needs a device with coherent memory",
}

WORD = re.compile(r"\s*__([us])(16|32|64)\s+(\w+);")
DEFINE = re.compile(r"#define\s+(DRM_COLIBRI_\w+)\s+(.+?)\s*(?:/\*.*)?$")
IOCTL = re.compile(r"DRM_IO\w+\(DRM_COMMAND_BASE \+ (DRM_COLIBRI_\w+), struct drm_colibri_(\w+)\)")


class Field:
    """A member of a structure."""

    def __init__(self, name, offset, size, doc):
        self.name, self.offset, self.size = name, offset, size
        self.output = doc.startswith("out")
        self.constants = {}

    def words(self, words):
        """Its words in a record."""
        first = self.offset // 4
        return words[first:first + max(1, self.size // 4)]


class Struct:
    """A structure of the header."""

    def __init__(self, name, doc):
        self.name, self.doc, self.fields, self.number = name, doc, [], None

    def errnos(self):
        """What its comment says that the call may return."""
        return [name for name in dict.fromkeys(re.findall(r"\bE[A-Z]{3,}\b", self.doc))
                if hasattr(errno, name)]


def number(text):
    """The value of a constant, or None for a macro with arguments."""
    text = text.strip()
    if not re.fullmatch(r"[\s()0-9a-fxul<|]+", text, re.IGNORECASE):
        return None
    return eval(re.sub(r"(?<=\d)u\b", "", text))  # pylint: disable=eval-used


class Header:
    """colibri_drm.h, as far as it matters here."""

    def __init__(self, path):
        self.structs = {}
        with open(path, encoding="utf-8") as file:
            text = file.read()
        numbers = {}
        doc, member_doc, struct, offset = "", "", None, 0
        for line in text.replace("\\\n", " ").splitlines():
            start = re.match(r"struct drm_colibri_(\w+) \{", line)
            member, define = WORD.match(line), DEFINE.match(line)
            if line.startswith("/**"):
                doc = ""
            elif line.startswith(" *"):
                doc += line[2:] + "\n"
            inner = re.match(r"\s+/\*\*? ?(?:@\w+: )?(.*)", line)
            if start:
                struct, offset = Struct(start.group(1), doc), 0
                self.structs[struct.name] = struct
            elif line.startswith("};"):
                struct = None
            elif struct is not None and inner and "@" in line:
                member_doc = inner.group(1)
            elif struct is not None and re.match(r"\s+\* @\w+:", line):
                member_doc = line.split(":", 1)[1].strip()
            elif struct is not None and member:
                size = int(member.group(2)) // 8
                offset = (offset + size - 1) // size * size
                struct.fields.append(Field(member.group(3), offset, size, member_doc))
                offset += size
                member_doc = ""
            elif define and number(define.group(2)) is not None:
                value = number(define.group(2))
                if struct is not None and struct.fields:
                    struct.fields[-1].constants[define.group(1)] = value
                else:
                    numbers[define.group(1)] = value
            for name, of in IOCTL.findall(line):
                self.structs[of].number = numbers[name]


def load(path):
    """Name or number -> [(errno, words before, words after or None)]."""
    records = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            before, _, after = line.partition(">")
            name, error, *words = before.split()
            records.setdefault(name, []).append((int(error), words, after.split() or None))
    return records


def value(word):
    """A word's number, or None for one of which only the alignment is known."""
    return None if word[0] in "bu" else int(word, 16)


def refused(field, rule, records):
    """Whether a call was refused for the field."""
    known = set(field.constants.values())
    mask = 0
    for constant in known:
        mask |= constant
    for error, words, _ in records:
        words = field.words(words)
        low = value(words[0])
        high = any(value(word) != 0 for word in words[1:])
        if rule == "id":
            if error == errno.ENOENT:
                return True
        elif rule == "pointer":
            if error == errno.EFAULT:
                return True
        elif error != errno.EINVAL:
            continue
        elif rule == "nonzero" and (low != 0 or high):
            return True
        elif rule == "unknown bit" and (low is None or low & ~mask or (known and not low)):
            return True
        elif rule == "unknown value" and (low is None or low not in known):
            return True
        elif rule == "unaligned" and (words[0] in ("u", "b8") or (low or 0) % 4096):
            return True
        elif rule == "odd" and (words[0] in ("u", "b8") or (low or 0) % 4096 or low == 0):
            return True
        elif rule == "count" and (low is None or low == 0 or low > 1):
            return True
    return False


def constant_seen(field, name, number_, records, combined):
    """Whether a call that worked had, or gave, the constant."""
    for error, before, after in records:
        if error:
            continue
        for words in (before, after or []):
            word = field.words(words)
            got = value(word[0]) if word else None
            if got is None:
                continue
            if got == number_ or (combined and number_ and got & number_ == number_):
                return True
    return False


class Check:
    """What was looked for in one structure."""

    def __init__(self, struct):
        self.struct, self.found, self.missing, self.exempt = struct, [], [], []

    def see(self, what, name, seen):
        """Note one."""
        reason = EXEMPT.get((self.struct.name, name))
        if reason:
            self.exempt.append(f"{what}: {reason}")
        elif seen:
            self.found.append(what)
        else:
            self.missing.append(what)


def check_struct(struct, records):
    """All that can be asked of a structure."""
    check = Check(struct)
    key = str(struct.number) if struct.number is not None else struct.name
    mine = records.get(key, [])
    is_answer = struct.number is None and struct.name not in ("sync", "exec_item")
    check.see("a call that works", "works", any(not error for error, _, _ in mine))
    if struct.number is not None:
        check.see("a call that is refused", "refused", any(error for error, _, _ in mine))
    for field in struct.fields:
        combined = field.name in ("flags", "placement", "svm_flags", "pages")
        seen_in = records.get("svm_page", []) if field.name == "pages" else mine
        where = Field(field.name, 0, 4, "") if field.name == "pages" else field
        for name, number_ in field.constants.items():
            check.see(name, name, constant_seen(where, name, number_, seen_in, combined))
        if field.output or is_answer and field.name != "clock":
            continue
        rule = RULES.get(field.name)
        if rule is None and (struct.name, field.name) not in EXEMPT:
            check.missing.append(f"no rule for the field {field.name}")
        else:
            check.see(f"{field.name} refused ({rule})", field.name, refused(field, rule, mine))
    if not is_answer:
        for name in struct.errnos():
            check.see(name, name, any(error == getattr(errno, name) for error, _, _ in mine))
    return check


def main():
    """Entry point."""
    header, records = Header(sys.argv[1]), load(sys.argv[2])
    for struct in header.structs.values():
        check = check_struct(struct, records)
        total = len(check.found) + len(check.missing)
        print(f"{'not ok' if check.missing else 'ok'} - coverage: {struct.name}: "
              f"{len(check.found)} of {total}")
        for what in check.missing:
            print(f"# not seen: {what}")
        if "--table" in sys.argv:
            for what in check.found:
                print(f"#     seen: {what}")
            for what in check.exempt:
                print(f"#   exempt: {what}")


if __name__ == "__main__":
    main()
