# SPDX-License-Identifier: MIT
"""Turns logs of tools/run-tests into one JUnit file, on standard output.

usage: junit.py LOG...
"""

import re
import sys
from xml.sax.saxutils import escape, quoteattr

LINE = re.compile(r"(ok|not ok)\b(?: +\d+)?(?: +-)? *(.*?)(?: \(([\d.]+) s\)| # ([\d.]+) s)?(?: # SKIP *(.*))?$")


def read_log(path):
    """Suite -> its tests, each as (name, result, seconds, what it said)."""
    suites, suite = {}, path
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in map(str.rstrip, file):
            start = re.match(r"# suite (\S+)$", line)
            match = LINE.match(line)
            tests = suites.setdefault(suite, [])
            if start:
                suite = start[1]
            elif match:
                result = "failure" if match[1] == "not ok" else "skipped" if match[5] is not None else None
                tests.append([match[2], result, match[3] or match[4] or "0", [match[5] or ""]])
            elif line.startswith("#") and tests and tests[-1][1] == "failure":
                tests[-1][3].append(line[1:].strip())
    return {name: tests for name, tests in suites.items() if tests}


def clean(text):
    """Without characters that XML does not have."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd]", "?", text)


def main():
    """Entry point."""
    print('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>')
    for path in sys.argv[1:]:
        for suite, tests in read_log(path).items():
            failures = sum(test[1] == "failure" for test in tests)
            skips = sum(test[1] == "skipped" for test in tests)
            print(f'<testsuite name={quoteattr(suite)} tests="{len(tests)}" failures="{failures}" '
                  f'skipped="{skips}">')
            for name, result, seconds, said in tests:
                print(f'<testcase classname={quoteattr(suite)} name={quoteattr(clean(name))} time="{seconds}">')
                if result:
                    text = clean("\n".join(said).strip())
                    print(f"<{result} message={quoteattr(text.splitlines()[0] if text else result)}>"
                          f"{escape(text)}</{result}>")
                print("</testcase>")
            print("</testsuite>")
    print("</testsuites>")


if __name__ == "__main__":
    main()
