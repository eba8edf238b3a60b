#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns a binary file into a C array: embed.py FILE NAME > HEADER."""

import sys

path, name = sys.argv[1:]
with open(path, "rb") as f:
    data = f.read()
print(f"static const unsigned char {name}[{len(data)}] = {{")
for i in range(0, len(data), 16):
    print("   " + " ".join(f"0x{b:02x}," for b in data[i:i + 16]))
print("};")
