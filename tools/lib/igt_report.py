# SPDX-License-Identifier: MIT
"""Writes a readable summary of igt_runner's results.

usage: igt_report.py TESTLIST RESULTS-FOLDER OUTPUT

OUTPUT.txt has the counts by program and what failed and what was skipped, and why; OUTPUT.html
is the same for a browser, with the outputs of each test, in one file that needs no other.
"""

import html
import sys

import igt_tap

TAIL_LINES = 200

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em;
       color: #222; background: #fff }
h1 { font-size: 1.4em } h2 { font-size: 1.05em; margin: 1.6em 0 .3em }
.bar { display: flex; height: 12px; border-radius: 6px; overflow: hidden }
.bar div { min-width: 2px }
.pass { background: #3a9d5d } .skip { background: #c9b458 } .fail { background: #c8452f }
table { border-collapse: collapse; width: 100% }
td { padding: 2px 8px; border-bottom: 1px solid #eee; vertical-align: top }
td.result { width: 7em; color: #fff; border-radius: 3px; text-align: center }
td.time { text-align: right; width: 6em; font-variant-numeric: tabular-nums }
pre { background: #f6f6f6; padding: .6em; overflow-x: auto; font-size: 12px }
summary { cursor: pointer }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #181818 } td { border-color: #333 } pre { background: #242424 }
}
"""


class Test:
    """One test of the list and what became of it."""

    def __init__(self, name, record):
        parts = name.split("@")
        self.program, self.subtest = parts[1], parts[2] if len(parts) > 2 else ""
        self.record = record or {}
        self.result = igt_tap.outcome(name, record)
        self.kind = self.result if self.result in ("pass", "skip") else "fail"
        took = self.record.get("time", {})
        self.seconds = took.get("end", 0) - took.get("start", 0)

    def why(self):
        """Why it was skipped."""
        return igt_tap.skip_reason(self.record) if self.kind == "skip" else ""


def by_program(tests):
    """Program -> its tests, in the order of the list."""
    programs = {}
    for test in tests:
        programs.setdefault(test.program, []).append(test)
    return programs


def count(tests):
    """How many passed, failed and were skipped, in words."""
    numbers = {kind: sum(test.kind == kind for test in tests) for kind in ("pass", "fail", "skip")}
    return f"{numbers['pass']} passed, {numbers['fail']} failed, {numbers['skip']} skipped"


def text(tests):
    """The summary as text."""
    lines = [f"{count(tests)}, {sum(test.seconds for test in tests):.0f} s", ""]
    for program, mine in by_program(tests).items():
        seconds = sum(test.seconds for test in mine)
        lines.append(f"{program:<28} {count(mine)}, {seconds:.0f} s")
    for kind, title in (("fail", "Failed"), ("skip", "Skipped")):
        some = [test for test in tests if test.kind == kind]
        if some:
            lines += ["", f"{title}:"]
        for test in some:
            lines.append(f"  {test.program}: {test.subtest}: {test.why() or test.result}")
    return "\n".join(lines) + "\n"


def details(test):
    """The outputs of a test, folded; open when it failed."""
    parts = []
    for stream in ("out", "err", "dmesg"):
        content = test.record.get(stream, "").strip()
        if content:
            tail = "\n".join(content.splitlines()[-TAIL_LINES:])
            parts.append(f"<b>{stream}</b><pre>{html.escape(tail)}</pre>")
    opened = " open" if test.kind == "fail" else ""
    title = html.escape(test.subtest or test.program)
    why = f" <i>{html.escape(test.why())}</i>" if test.kind == "skip" else ""
    return f"<details{opened}><summary>{title}{why}</summary>{''.join(parts)}</details>"


def row(test):
    """A test in the table."""
    return (f'<tr><td class="result {test.kind}">{html.escape(test.result)}</td>'
            f'<td>{details(test)}</td><td class="time">{test.seconds:.1f} s</td></tr>')


def page(tests):
    """The summary as HTML."""
    bar = "".join(f'<div class="{kind}" style="flex:{number}"></div>'
                  for kind in ("pass", "skip", "fail")
                  if (number := sum(test.kind == kind for test in tests)))
    body = [f"<h1>{count(tests)}</h1>", f'<div class="bar">{bar}</div>']
    for program, mine in by_program(tests).items():
        body.append(f"<h2>{html.escape(program)}: {count(mine)}</h2>")
        body.append(f"<table>{''.join(row(test) for test in mine)}</table>")
    return ('<!doctype html><html lang="en"><meta charset="utf-8"><title>IGT results</title>'
            f"<style>{STYLE}</style><body>{''.join(body)}</body></html>\n")


def main():
    """Entry point."""
    results = igt_tap.read_results(sys.argv[2])
    tests = [Test(name, results.get(name)) for name in igt_tap.read_list(sys.argv[1])]
    for suffix, content in ((".txt", text(tests)), (".html", page(tests))):
        with open(sys.argv[3] + suffix, "w", encoding="utf-8") as file:
            file.write(content)


if __name__ == "__main__":
    main()
