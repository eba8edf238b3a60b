# SPDX-License-Identifier: MIT
"""Checks that each function a module exports has a complete kernel-doc comment.

usage: export_docs.py HEADER SYMBOL...

Complete means: what it does, every parameter, in what context it may be
called, and what it returns unless that is nothing. Prints what is missing.
"""

import re
import sys

COMMENT = re.compile(r"/\*\*\n((?:(?!\*/).)*)\*/\s*([^;{]*?)\s*;", re.S)


def documented(text):
    """Functions with a kernel-doc comment: {name: (comment, prototype)}."""
    functions = {}
    for comment, prototype in COMMENT.findall(text):
        match = re.match(r"\s*\* (\w+)\(\) - \S", comment)
        if match and re.search(rf"\b{match[1]}\s*\(", prototype):
            functions[match[1]] = (comment, " ".join(prototype.split()))
    return functions


def parameters(prototype):
    """Names of a function's parameters."""
    inside = prototype[prototype.index("(") + 1:prototype.rindex(")")]
    return [re.search(r"(\w+)(\[\])?$", part.strip())[1]
            for part in inside.split(",") if part.strip() != "void"]


def missing(name, comment, prototype):
    """What a comment does not say."""
    for parameter in parameters(prototype):
        if not re.search(rf"^ \* @{parameter}: \S", comment, re.M):
            yield f"{name}(): @{parameter} is not documented"
    if "Context:" not in comment:
        yield f"{name}(): no Context"
    if not re.match(rf"void {name}\b", prototype) and "Return:" not in comment:
        yield f"{name}(): no Return"


def main():
    """Entry point."""
    with open(sys.argv[1], encoding="utf-8") as file:
        functions = documented(file.read())
    for name in sys.argv[2:]:
        if name not in functions:
            print(f"{name}(): no kernel-doc in {sys.argv[1]}")
            continue
        for complaint in missing(name, *functions[name]):
            print(complaint)


if __name__ == "__main__":
    main()
