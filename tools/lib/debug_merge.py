# SPDX-License-Identifier: MIT
"""One summary of the shards of tools/test-debug: summary.json and summary.md."""

import collections
import glob
import json
import os
import re
import subprocess

import debug_plan


def commit():
    """What was tested."""
    done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout.strip() or "unknown"


def kernel_release(tree):
    """On which kernel."""
    with open(os.path.join(tree, "include/config/kernel.release"), encoding="utf-8") as file:
        return file.read().strip()


def read_shards(folder):
    """The results of all shards that there are."""
    shards = []
    for path in sorted(glob.glob(os.path.join(folder, "shard-*.json"))):
        with open(path, encoding="utf-8") as file:
            shards.append(json.load(file))
    return shards


def incomplete(shards):
    """What keeps these shards from being one whole run."""
    if not shards:
        return ["no shard has run"]
    problems = []
    for key, what in (("of", "numbers of shards"), ("commit", "commits"), ("kernel", "kernels")):
        values = sorted({str(shard[key]) for shard in shards})
        if len(values) > 1:
            problems.append(f"different {what}: {', '.join(values)}")
    missing = set(range(1, shards[0]["of"] + 1)) - {shard["shard"] for shard in shards}
    if missing:
        problems.append(f"shards that have not run: {', '.join(map(str, sorted(missing)))}")
    if any(shard["restricted"] for shard in shards):
        problems.append("a shard was restricted by --suite or --tests")
    units = collections.Counter(name for shard in shards for name in shard["units"])
    if not problems:
        planned = {unit.name for unit in debug_plan.units([], ".")}
        problems += [f"nobody has run {name}" for name in sorted(planned - set(units))]
    problems += [f"{name} was run {n} times" for name, n in sorted(units.items()) if n > 1]
    return problems


def describe(shards, problems):
    """The summary, for a person."""
    lines, failures, skips, splats = [], [], [], []
    total = collections.Counter()
    lines.append(f"{'suite':16} {'pass':>5} {'fail':>5} {'skip':>5} {'minutes':>8}")
    per_suite = collections.defaultdict(lambda: [collections.Counter(), 0])
    for shard in shards:
        for suite in shard["suites"]:
            counts = collections.Counter(test["result"] for test in suite["tests"])
            per_suite[suite["name"]][0].update(counts)
            per_suite[suite["name"]][1] += suite["seconds"]
            failures += [(suite["name"], test) for test in suite["tests"] if test["result"] == "fail"]
            skips += [(suite["name"], test) for test in suite["tests"] if test["result"] == "skip"]
            splats += [(suite["name"], text) for text in suite["splats"]]
    for name, (counts, seconds) in per_suite.items():
        total.update(counts)
        lines.append(f"{name:16} {counts['pass']:5} {counts['fail']:5} {counts['skip']:5} {seconds / 60:8.1f}")
    for suite, text in splats:
        lines += ["", f"SPLAT in {suite}:", *("    " + line for line in text.splitlines())]
    if failures:
        lines.append("")
    for suite, test in failures:
        lines.append(f"FAILED {suite}: {test['name']} {test['text']}".rstrip())
        lines += ["    " + line for line in test["details"].splitlines()[-12:]]
    if skips:
        lines.append("")
    lines += [f"SKIPPED {suite}: {test['name']}: {test['text']}" for suite, test in skips]
    lines += [f"INCOMPLETE: {problem}" for problem in problems]
    lines.append("")
    where = ", ".join(sorted({f"{shard['kernel']} at {shard['commit']}" for shard in shards}))
    lines.append(f"{where}: {total['pass']} passed, {total['fail']} failed, {total['skip']} skipped, "
                 f"{len(splats)} splats, {sum(shard['seconds'] for shard in shards) / 60:.0f} min")
    return lines, not failures and not splats and not problems and total["pass"] > 0


def merge(folder, shards):
    """Prints and writes the summary of these shards (None: of all there are); the exit status."""
    whole = shards is None
    shards = read_shards(folder) if whole else shards
    problems = incomplete(shards) if whole or shards[0]["of"] == 1 and not shards[0]["restricted"] else []
    lines, good = describe(shards, problems)
    print("\n".join(lines))
    name = "summary" if whole or shards[0]["of"] == 1 else f"summary-of-shard-{shards[0]['shard']}"
    with open(os.path.join(folder, f"{name}.md"), "w", encoding="utf-8") as file:
        file.write("```\n" + "\n".join(lines) + "\n```\n")
    with open(os.path.join(folder, f"{name}.json_"), "w", encoding="utf-8") as file:
        json.dump({"good": good, "incomplete": problems, "shards": shards}, file, indent=1)
    os.replace(os.path.join(folder, f"{name}.json_"), os.path.join(folder, f"{name}.json"))
    return 0 if good else 1


def record(folder):
    """Takes the durations of what ran over into those that plans are made from."""
    durations = debug_plan.read_durations()
    for shard in read_shards(folder):
        # A machine with more to do than its CPUs can: what it would have taken idle.
        scale = max(1.0, shard["load"] / shard["cpus"])
        for suite in shard["suites"]:
            if suite["planned"] is None:
                durations[suite["name"]] = round(suite["seconds"] / scale, 1)
                continue
            for test in suite["tests"]:
                match = re.fullmatch(r"(\S+) \(([\d.]+) s\)", test["name"])
                if match:
                    durations[f"{suite['name']}/{match[1]}"] = round(float(match[2]) / scale, 1)
    debug_plan.write_durations(durations)
    print(f"{debug_plan.DURATIONS}: {len(durations)} durations")
    return 0
