# SPDX-License-Identifier: MIT
"""Runs a job of .gitlab-ci/colibri.yml here, as a GitLab runner would.

usage: run_ci_job.py FILE JOB FOLDER [NAME=VALUE...]

FOLDER is the project's checkout. The words of before_script and script go to one
shell, those of after_script to another, and the job's artifacts have to be there
afterwards. With JOB "--check", FILE is only checked: keys and types by the part of
GitLab's schema that jobs have, shell lines by bash -n.
"""

import os
import shlex
import string
import subprocess
import sys

import yaml

LINES = {"type": "array", "items": {"type": "string"}, "minItems": 1}
WORDS = {"type": "object", "additionalProperties": {"type": "string"}}
JOB = {
    "type": "object",
    "properties": {
        "image": {"type": "string"}, "stage": {"type": "string"}, "extends": {"type": "string"},
        "interruptible": {"type": "boolean"}, "timeout": {"type": "string"}, "variables": WORDS,
        "before_script": LINES, "script": LINES, "after_script": LINES,
        "cache": {"type": "object", "required": ["key", "paths"], "additionalProperties": False,
                  "properties": {"key": {"type": "string"}, "paths": LINES}},
        "artifacts": {"type": "object", "additionalProperties": False, "properties": {
            "name": {"type": "string"}, "when": {"enum": ["always", "on_success", "on_failure"]},
            "expire_in": {"type": "string"}, "paths": LINES,
            "reports": {"type": "object", "additionalProperties": False,
                        "properties": {"junit": {"type": "string"}}}}},
    },
    "additionalProperties": False,
}
SCHEMA = {"type": "object", "properties": {"variables": WORDS}, "required": ["variables"],
          "additionalProperties": JOB}


def job_of(jobs, name):
    """A job with what it extends; a key of its own wins, variables add up."""
    job = dict(jobs[name])
    if "extends" in job:
        base = job_of(jobs, job.pop("extends"))
        job = {**base, **job, "variables": {**base.get("variables", {}), **job.get("variables", {})}}
    return job


def check(jobs):
    """Ends with a message unless the file is right."""
    import jsonschema  # pylint: disable=import-outside-toplevel # only the root has it
    jsonschema.validate(jobs, SCHEMA)
    for name in [name for name in jobs if name != "variables"]:
        job = job_of(jobs, name)
        if not name.startswith(".") and "script" not in job:
            sys.exit(f"{name}: no script")
        for part in ("before_script", "script", "after_script"):
            subprocess.run(["bash", "-n", "-c", "\n".join(job.get(part, []))], check=True)


def shell(lines, folder, env):
    """Runs lines in one shell that stops at the first that fails; its status."""
    text = "set -eo pipefail\n" + "".join(f"echo {shlex.quote('$ ' + line)}\n{line}\n" for line in lines)
    return subprocess.run(["bash", "-c", text], cwd=folder, env=env, check=False).returncode


def expand(text, env):
    """Variables in variables and paths."""
    return string.Template(text).safe_substitute(env)


def run(jobs, name, folder, settings):
    """Runs a job; returns its status."""
    job = job_of(jobs, name)
    folder = os.path.abspath(folder)
    env = {**os.environ, "CI_PROJECT_DIR": folder, "CI_JOB_NAME": name, "CI_COMMIT_SHORT_SHA": "00000000"}
    for key, value in {**jobs["variables"], **job["variables"], **settings}.items():
        env[key] = expand(value, env)
    status = shell(job["before_script"] + job["script"], folder, env)
    shell(job["after_script"], folder, env)
    artifacts = job["artifacts"]
    for path in artifacts["paths"] + list(artifacts["reports"].values()):
        if not os.path.exists(os.path.join(folder, expand(path, env))):
            print(f"run_ci_job: artifact {path} is missing")
            status = status or 1
    print(f"run_ci_job: {name} ended with status {status}")
    return status


def main():
    """Entry point."""
    with open(sys.argv[1], encoding="utf-8") as file:
        jobs = yaml.safe_load(file)
    if sys.argv[2] == "--check":
        check(jobs)
        return 0
    return run(jobs, sys.argv[2], sys.argv[3], dict(word.split("=", 1) for word in sys.argv[4:]))


if __name__ == "__main__":
    sys.exit(main())
