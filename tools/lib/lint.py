# SPDX-License-Identifier: MIT
"""Runs the kernel's own checkers over the kernel parts and prints TAP.

usage: lint.py [checkpatch|kernel-doc|build|coccinelle]...

  checkpatch   scripts/checkpatch.pl --strict, on whole files
  kernel-doc   every comment parses and describes every parameter and member
  build        no warning of the compiler at W=1, none of sparse
  coccinelle   scripts/coccinelle, each script in its report mode

The checkers are those of the kernel's source package. What is not wanted stands,
with its reason, in tools/lint.conf; an exception that nothing needs is an error.
smatch is in no Debian suite.
"""

import concurrent.futures
import fnmatch
import glob
import os
import re
import shlex
import subprocess
import sys

import vm_kernel

CHECKOUT = "/colibri"
LINUX = f"{CHECKOUT}/build/lint/linux"
BUILD = f"{CHECKOUT}/build/lint/modules"
CONFIG = f"{CHECKOUT}/tools/lint.conf"
PARTS = ("scripts", "tools/docs", "tools/lib/python", "include/asm-generic")
FOLDERS = ("mm-hmm", "drm-driver")
NOT_KERNEL = ("drm-driver/lib/",)
# The Makefile's CHECKFLAGS on x86-64. Debian's sparse does not know C23's typeof_unqual.
SPARSE = ("sparse", "-D__linux__", "-Dlinux", "-D__STDC__", "-Dunix", "-D__unix__", "-D__CHECKER__",
          "-Wbitwise", "-Wno-return-void", "-Wno-unknown-attribute", "-D__x86_64__", "--arch=x86",
          "-mlittle-endian", "-m64", "-D__typeof_unqual__=__typeof__")
FINDING = re.compile(r"(?:\./)?([\w./-]+\.[ch]):(\d+)(?::[\d-]+)?: *(.*)")


class Exceptions:
    """What lint.conf lets pass, and which of that was needed."""

    def __init__(self):
        with open(CONFIG, encoding="utf-8") as file:
            lines = [line.split() for line in file if line.strip() and not line.startswith("#")]
        self.rules = {tuple(words): False for words in lines}

    def allow(self, tool, kind, path):
        """Whether a finding of this kind is let pass in that file."""
        found = [rule for rule in self.rules
                 if rule[0] == tool and rule[1] == kind and fnmatch.fnmatch(path, rule[2])]
        for rule in found:
            self.rules[rule] = True
        return bool(found)

    def unused(self, tool):
        """The exceptions for a tool that nothing needed."""
        return [f"tools/lint.conf: nothing needs '{' '.join(rule)}'"
                for rule, used in self.rules.items() if rule[0] == tool and not used]


def sources(suffixes=(".c", ".h")):
    """The kernel parts, relative to the checkout."""
    found = []
    for folder in FOLDERS:
        for place, _, names in os.walk(os.path.join(CHECKOUT, folder)):
            found += [os.path.relpath(os.path.join(place, name), CHECKOUT)
                      for name in names if name.endswith(suffixes)]
    return sorted(path for path in found if not path.startswith(NOT_KERNEL))


def output_of(command, cwd):
    """Both streams of a command, whatever its status, which comes second."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    return done.stdout, done.returncode


def in_parallel(function, items):
    """function(item) for each item, as many at a time as there are CPUs."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))


def checkpatch(exceptions):
    """A finding per line: PATH:LINE: LEVEL:TYPE: text."""
    def run(path):
        return output_of(["perl", "scripts/checkpatch.pl", "--no-tree", "--root=" + LINUX, "--strict",
                          "--max-line-length=100", "--terse", "--show-types", "--no-summary", "-f",
                          os.path.join(CHECKOUT, path)], LINUX)[0]

    findings = []
    for path, text in zip(sources(), in_parallel(run, sources())):
        for line in text.splitlines():
            match = re.match(r"\S+?:(\d+): (?:ERROR|WARNING|CHECK):(\w+): (.*)", line)
            if not match:
                findings.append(f"{path}: {line}")
            elif not exceptions.allow("checkpatch", match[2], path):
                findings.append(f"{path}:{match[1]}: {match[2]}: {match[3]}")
    return findings


def kernel_doc(exceptions):
    """Warnings of the kernel's kernel-doc."""
    text, _ = output_of(["python3", "tools/docs/kernel-doc", "-none", "-Wall",
                         *(os.path.join(CHECKOUT, path) for path in sources())], LINUX)
    findings = []
    for line in text.splitlines():
        path = re.search(r"/colibri/([\w./-]+\.[ch])", line)
        if not exceptions.allow("kernel-doc", "any", path[1] if path else ""):
            findings.append(line.removeprefix("Warning: ").replace(CHECKOUT + "/", ""))
    return sorted(set(findings))


def make_modules(tree, folder, symvers):
    """Compiles a folder anew, with all warnings that W=1 has."""
    out = f"{BUILD}/{folder}"
    subprocess.run(["rsync", "-rlp", "--checksum", "--delete", "--delete-excluded",
                    f"{CHECKOUT}/{folder}/", out + "/"], check=True)
    return output_of(["make", "-s", "-C", tree, f"M={out}", f"KBUILD_EXTRA_SYMBOLS={symvers}",
                      "CONFIG_HMM_SVM_SOFTDEV=m", "W=1", f"-j{os.cpu_count()}", "modules"], BUILD)


def sparse_commands():
    """What sparse is called with: the compiler's options, from the files of Kbuild."""
    commands = []
    for path in sorted(glob.glob(BUILD + "/**/.*.o.cmd", recursive=True)):
        with open(path, encoding="utf-8") as file:
            match = re.match(r"savedcmd_\S+ := *(\S*gcc\S*) (.*\.c) *(?:;.*)?$", file.readline())
        if match and ".mod" not in os.path.basename(path):
            words = shlex.split(match[2])
            folder = os.path.dirname(path)
            while not os.path.exists(os.path.join(folder, words[-1])):
                folder = os.path.dirname(folder)
            commands.append((folder, [*SPARSE, *words]))
    return commands


def build(exceptions):
    """The compiler's warnings and sparse's."""
    tree = vm_kernel.packaged(None).build_tree
    os.makedirs(BUILD, exist_ok=True)
    texts, symvers = [], []
    for folder in FOLDERS:
        text, status = make_modules(tree, folder, " ".join(symvers))
        symvers.append(f"{BUILD}/{folder}/Module.symvers")
        texts.append((f"{BUILD}/{folder}", text))
        if status:
            return [f"{folder}: does not build", *text.splitlines()[-20:]]
    commands = sparse_commands()
    if len(commands) < 10:
        return [f"only {len(commands)} files were compiled"]
    texts += in_parallel(lambda item: (item[0], output_of(item[1], item[0])[0]), commands)
    findings = []
    for folder, text in texts:
        for line in text.splitlines():
            match = FINDING.match(line)
            if not match:
                continue
            path = os.path.relpath(os.path.join(folder, match[1]), BUILD)
            finding = f"{path}:{match[2]}: {match[3]}"
            kind = re.sub(r"\W+", "-", match[3])
            if finding not in findings and not exceptions.allow("build", kind, path):
                findings.append(finding)
    return findings


def spatch(script):
    """What one script reports."""
    with open(script, encoding="utf-8") as file:
        text = file.read()
    options = re.search(r"^// Options: *(.*)", text, re.MULTILINE)
    mode = "report" if re.search(r"^virtual .*\breport\b", text, re.MULTILINE) else "patch"
    reports = []
    for folder in FOLDERS:
        out, status = output_of(["spatch", "-D", mode, "--very-quiet", "--cocci-file", script,
                                 *shlex.split(options[1] if options else ""),
                                 "-I", f"{CHECKOUT}/mm-hmm/include", "-I", f"{CHECKOUT}/drm-driver/include",
                                 "--dir", f"{CHECKOUT}/{folder}"], LINUX)
        reports += [line for line in out.splitlines()
                    if line and not re.match(r"\d+ files match|warning: line \d+: should ", line)]
        if status:
            reports.append(f"spatch ended with status {status}")
    return reports


def coccinelle(exceptions):
    """What the scripts report, each line with the script's name."""
    scripts = sorted(glob.glob(LINUX + "/scripts/coccinelle/**/*.cocci", recursive=True))
    if len(scripts) < 50:
        return [f"only {len(scripts)} scripts in {LINUX}"]
    findings = []
    for script, reports in zip(scripts, in_parallel(spatch, scripts)):
        name = os.path.basename(script).removesuffix(".cocci")
        for line in reports:
            path = re.search(r"/colibri/([\w./-]+\.[ch])", line)
            if not exceptions.allow("coccinelle", name, path[1] if path else ""):
                findings.append(f"{name}: {line.replace(CHECKOUT + '/', '')}")
    return findings


TOOLS = {"checkpatch": checkpatch, "kernel-doc": kernel_doc, "build": build, "coccinelle": coccinelle}


def main():
    """Entry point."""
    names = sys.argv[1:] or list(TOOLS)
    if unknown := [name for name in names if name not in TOOLS]:
        sys.exit(f"lint: no '{unknown[0]}', there is: {' '.join(TOOLS)}")
    series = ".".join(vm_kernel.packaged(None).release.split(".")[:2])
    subprocess.run([f"{CHECKOUT}/tools/lib/linux-source", series, LINUX, *PARTS], check=True)
    exceptions = Exceptions()
    for name in names:
        findings = TOOLS[name](exceptions)
        findings += exceptions.unused(name)
        print(f"{'not ok' if findings else 'ok'} - lint: {name}", flush=True)
        for finding in findings:
            print(f"# {finding}")


if __name__ == "__main__":
    main()
