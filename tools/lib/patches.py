# SPDX-License-Identifier: MIT
"""The kernel part as a series for git am (tools/make-patches). Runs in the root.

The sources are those of mm-hmm/ and drm-driver/, each file in its place in the
kernel tree. What is changed on the way is in this file: the paths of headers and of
documentation, and the support of other kernel versions, which goes
(*_compat.h, of which unifdef keeps what the tree's own version has).
"""

import glob
import os
import re
import shutil
import subprocess
import sys

import vm_kernel

CHECKOUT = "/colibri"
OUT = f"{CHECKOUT}/build/patches"
TREE = f"{OUT}/linux"
MM, DRM = "mm/hmm_svm", "drivers/gpu/drm/colibri"

# Text -> text, in sources and in the documentation.
SOURCE_CHANGES = (
    (r'#include "(?:\.\./)?(?:include/)?hmm_svm\.h"', "#include <linux/hmm_svm.h>"),
    (r'"hmm_svm_compat\.h"', '"hmm_svm_core.h"'),
    (r'#include "colibri_compat\.h"\n', ""),
    # One version: the functions by their own names.
    (r"\bhmm_svm_(vma_alloc_folio|migrate_device_pfns|alloc_pages_bulk)\b", r"\1"),
    (r"\bhmm_svm_page_pgmap\b", "page_pgmap"),
    (r"\tHMM_SVM_PAGEMAP_FREE\((\w+)\)", r"\t.folio_free = \1"),
    (r"\nHMM_SVM_PAGEMAP_FREE_WRAPPER\(\w+\)\n", "\n"),
    (r" \| COLIBRI_DRIVER_GPUVA\b", ""),
    (r"\bcolibri_vma_is_cow\(", "vma_is_cow_mapping("),
    (r"\bCOLIBRI_GEM_AREA\b", "drm_gem_get_unmapped_area"),
    (r"\bcolibri_sched_give_back\(\w+\)", "DRM_GPU_SCHED_STAT_NO_HANG"),
    (r"\bcolibri_wedged_event\(([^,()]+),\s+([^()]+)\)", r"drm_dev_wedged_event(\1, \2, NULL)"),
)
DOC_CHANGES = (
    (r"drm-driver/include/uapi/drm/", "include/uapi/drm/"),
    (r"drm-driver/(?:include/)?", DRM + "/"),
    (r"mm-hmm/include/", "include/linux/"),
    (r"mm-hmm/", MM + "/"),
    (r"hmm_svm_compat\.h", "hmm_svm_core.h"),
)
# Of the headers of version differences, the definitions that SOURCE_CHANGES made useless.
GONE = re.compile(
    r"static inline [^{;]*?\b(?:vma_alloc_folio|migrate_device_pfns|alloc_pages_bulk|page_pgmap)"
    r"\([^{;]*\)\n\{.*?\n\}\n\n?", re.S)
CORE_TOP = "What hmm_svm asks of core mm, beyond what core mm offers as such."
COLIBRI_CHECK = """
#if !IS_ENABLED(CONFIG_64BIT) || IS_ENABLED(CONFIG_CPU_BIG_ENDIAN)
#error "Colibri shares 64-bit little-endian words with the CPU"
#endif
"""
MAINTAINERS = {
    "HMM SHARED VIRTUAL MEMORY (HMM_SVM)": ("linux-mm@kvack.org", (
        "Documentation/mm/hmm_svm*", "include/linux/hmm_svm.h", MM + "/")),
    "DRM DRIVER FOR COLIBRI VIRTUAL GPU": ("dri-devel@lists.freedesktop.org", (
        "Documentation/gpu/colibri/", DRM + "/", "include/uapi/drm/colibri_drm.h")),
}
TOUCHED = ("MAINTAINERS", "mm/Kconfig", "mm/Makefile", "drivers/gpu/drm/Kconfig",
           "drivers/gpu/drm/Makefile", "Documentation/mm/index.rst", "Documentation/gpu/drivers.rst")
CONFIG = """CONFIG_PCI=y
CONFIG_MEMORY_HOTPLUG=y
CONFIG_MEMORY_HOTREMOVE=y
CONFIG_ZONE_DEVICE=y
CONFIG_DEVICE_PRIVATE=y
CONFIG_TRANSPARENT_HUGEPAGE=y
CONFIG_DRM=y
CONFIG_DEBUG_FS=y
CONFIG_PROVE_LOCKING=y
CONFIG_KUNIT=y
CONFIG_HMM_SVM={m}
CONFIG_HMM_SVM_KUNIT=y
CONFIG_HMM_SVM_SOFTDEV=m
CONFIG_DRM_COLIBRI={m}
"""


def run(*command, cwd=TREE, **options):
    """A command that has to succeed; its output is shown only if it does not."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"{done.stdout}make-patches: {' '.join(command[:4])} failed")
    return done.stdout


def git(*words):
    """git in the kernel tree, with the author's name."""
    name, mail = re.fullmatch(r"(.+) <(.+)>", os.environ["PATCH_AUTHOR"]).groups()
    return run("git", "-c", f"user.name={name}", "-c", f"user.email={mail}", "-c", "gc.auto=0", *words)


def fresh_tree():
    """The kernel source as it comes; what the series touches is under git."""
    series = ".".join(vm_kernel.packaged(None).release.split(".")[:2])
    run(f"{CHECKOUT}/tools/lib/linux-source", series, TREE, "*", cwd=CHECKOUT)
    if os.path.isdir(TREE + "/.git"):
        git("checkout", "-qf", "base")
        for path in (MM, DRM, "Documentation/gpu/colibri"):
            shutil.rmtree(f"{TREE}/{path}", ignore_errors=True)
        for path in glob.glob(f"{TREE}/Documentation/mm/hmm_svm*") + [
                f"{TREE}/include/linux/hmm_svm.h", f"{TREE}/include/uapi/drm/colibri_drm.h"]:
            if os.path.exists(path):
                os.remove(path)
        return
    git("init", "-q", "-b", "start")
    git("add", "-f", *TOUCHED)
    git("commit", "-q", "-m", "the kernel source")
    git("tag", "base")


def changed(text, changes):
    """The text with all these changes made."""
    for pattern, replacement in changes:
        text = re.sub(pattern, replacement, text)
    return text


def read(path):
    """A file of the checkout, or of the kernel tree."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    """A file of the kernel tree."""
    os.makedirs(os.path.dirname(f"{TREE}/{path}"), exist_ok=True)
    with open(f"{TREE}/{path}", "w", encoding="utf-8") as file:
        file.write(text)


def one_version(text, *defines):
    """Without what other kernel versions need."""
    if not re.search(r"LINUX_VERSION_CODE|HMM_SVM_TWO_PASS", text):
        return text
    # unifdef leaves arguments of macros out: any version compares as an older one
    done = subprocess.run(["unifdef", "-k", "-DLINUX_VERSION_CODE=2", "-DKERNEL_VERSION=1", *defines],
                          input=text, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode > 1:
        sys.exit("make-patches: unifdef failed")
    text = re.sub(r"#include <linux/version\.h>\n", "", done.stdout)
    return re.sub(r"\n{3,}", "\n\n", text)


def source(path):
    """A source file as the kernel tree has it."""
    text = one_version(changed(read(f"{CHECKOUT}/{path}"), SOURCE_CHANGES),
                       "-DHMM_SVM_TWO_PASS_NOTIFIER=1")
    if path.endswith("_compat.h"):
        text = GONE.sub("", text)
        text = re.sub(r"#ifndef kzalloc_obj\n[^#]*#error[^\n]*\n#endif\n\n|(?:/\*[^/]*\*/\n)?"
                      r"#define HMM_SVM_(?:PAGEMAP|TWO)[^\n]*\n\n?", "", text)
        text = re.sub(r" \* The differences between.*?\n \*/", f" * {CORE_TOP}\n */", text, flags=re.S)
        text = text.replace("HMM_SVM_COMPAT_H", "HMM_SVM_CORE_H")
    return text


def without(text, *words):
    """A Kbuild or Kconfig file without the paragraphs that have one of these words."""
    kept = [part for part in text.rstrip("\n").split("\n\n") if not any(word in part for word in words)]
    return "\n\n".join(kept) + "\n"


def insert(path, before, line):
    """Puts a line into a file of the tree, before the first line that begins so."""
    text = read(f"{TREE}/{path}")
    at = re.search("^" + before, text, re.MULTILINE)
    if not at:
        sys.exit(f"make-patches: {path} has no line '{before}'")
    write(path, text[:at.start()] + line + text[at.start():])


def add_maintainers():
    """An entry for each part, in alphabetical order."""
    author = os.environ["PATCH_AUTHOR"]
    for title, (mailing_list, files) in MAINTAINERS.items():
        entry = "\n".join([title, f"M:\t{author}", f"L:\t{mailing_list}", "S:\tMaintained",
                           *(f"F:\t{file}" for file in files)]) + "\n\n"
        text = read(TREE + "/MAINTAINERS")
        start = text.index("\n3C59X NETWORK DRIVER")
        later = next(match for match in re.finditer(r"^(?![A-Z]:)\S[^\n]*(?=\n[A-Z]:\t)", text[start:],
                                                    re.MULTILINE) if match[0] > title)
        at = start + later.start()
        write("MAINTAINERS", text[:at] + entry + text[at:])


def put_sources(pattern, folder, but=()):
    """Files of the checkout to a folder of the tree."""
    paths = sorted(set(glob.glob(f"{CHECKOUT}/{pattern}")))
    for path in paths:
        name = os.path.basename(path)
        if name not in but:
            write(f"{folder}/{name.replace('hmm_svm_compat', 'hmm_svm_core')}",
                  source(os.path.relpath(path, CHECKOUT)))
    if not paths:
        sys.exit(f"make-patches: no {pattern}")


def put_kbuild(*but):
    """The rules of mm/hmm_svm, without what comes later."""
    for name in ("Kbuild", "Kconfig"):
        write(f"{MM}/{name}", without(read(f"{CHECKOUT}/mm-hmm/{name}"), *but))


def put_documents(folder, names):
    """Pages, and no word of those that stay behind."""
    gone = r"mesa|testing|hmm_svm_kernels"
    for name in names:
        text = changed(read(f"{CHECKOUT}/Documentation/{folder}/{name}.rst"), DOC_CHANGES)
        text = re.sub(rf"^ +(?:{gone})\n", "", text, flags=re.MULTILINE)
        text = re.sub(rf":doc:`(?:/gpu/colibri/|/mm/)?(?:{gone})`", "the page on it", text)
        write(f"Documentation/{folder}/{name}.rst", text)


def hmm_svm():
    """The layer."""
    put_sources("mm-hmm/*.[ch]", MM)
    put_sources("mm-hmm/include/hmm_svm.h", "include/linux")
    put_kbuild("HMM_SVM_KUNIT", "HMM_SVM_SOFTDEV")
    insert("mm/Makefile", r"obj-\$\(CONFIG_HMM_MIRROR\)", "obj-$(CONFIG_HMM_SVM) += hmm_svm/\n")
    insert("mm/Kconfig", "config DEVICE_PRIVATE$", 'source "mm/hmm_svm/Kconfig"\n\n')
    add_maintainers()


def kunit():
    """Its KUnit tests."""
    put_sources("mm-hmm/tests/hmm_svm_kunit*.[ch]", MM + "/tests")
    put_kbuild("HMM_SVM_SOFTDEV")


def softdev():
    """Its test devices."""
    put_sources("mm-hmm/tests/hmm_svm_*.[ch]", MM + "/tests")
    put_sources("mm-hmm/tests/softdev.h", MM + "/tests")
    put_sources("mm-hmm/tests/Kbuild", MM + "/tests")
    put_kbuild()


def hmm_svm_docs():
    """Its pages."""
    put_documents("mm", ["hmm_svm", "hmm_svm_figures"])
    insert("Documentation/mm/index.rst", "   hmm$", "   hmm_svm\n   hmm_svm_figures\n")


def uapi():
    """The driver's headers for others."""
    put_sources("drm-driver/include/colibri_hw.h", DRM)
    put_sources("drm-driver/include/uapi/drm/colibri_drm.h", "include/uapi/drm")


def driver():
    """The driver."""
    put_sources("drm-driver/*.[ch]", DRM, but=("colibri_compat.h",))
    device = read(f"{TREE}/{DRM}/colibri_device.h")
    last = list(re.finditer(r"^#include .*\n", device, re.MULTILINE))[-1].end()
    write(f"{DRM}/colibri_device.h", device[:last] + COLIBRI_CHECK + device[last:])
    for name in ("Kbuild", "Kconfig"):
        put_sources(f"drm-driver/{name}", DRM)
    insert("drivers/gpu/drm/Makefile", r"obj-\$\(CONFIG_DRM_PANTHOR\)", "obj-$(CONFIG_DRM_COLIBRI) += colibri/\n")
    insert("drivers/gpu/drm/Kconfig", 'source "drivers/gpu/drm/panthor/Kconfig"',
           'source "drivers/gpu/drm/colibri/Kconfig"\n')


def driver_docs():
    """The driver's pages."""
    names = [os.path.basename(path).removesuffix(".rst")
             for path in sorted(glob.glob(f"{CHECKOUT}/Documentation/gpu/colibri/*.rst"))]
    put_documents("gpu/colibri", [name for name in names if name not in ("mesa", "testing")])
    insert("Documentation/gpu/drivers.rst", "   i915$", "   colibri/index\n")


# The name of its message in tools/patches/ -> what it adds.
SERIES = {"hmm_svm": hmm_svm, "kunit": kunit, "softdev": softdev, "hmm_svm-docs": hmm_svm_docs,
          "uapi": uapi, "driver": driver, "driver-docs": driver_docs}


def write_series():
    """The patches, and the cover letter's text in its place."""
    git("checkout", "-qfB", "series", "base")
    for name, add in SERIES.items():
        add()
        git("add", "-A", "-f", "--", *(path for path in (
            *TOUCHED, MM, DRM, "include/linux/hmm_svm.h", "include/uapi/drm/colibri_drm.h",
            "Documentation/gpu/colibri") if os.path.exists(f"{TREE}/{path}")),
            *glob.glob(f"{TREE}/Documentation/mm/hmm_svm*"))
        git("commit", "-q", "-s", "-F", f"{CHECKOUT}/tools/patches/{name}")
    for path in glob.glob(OUT + "/*.patch"):
        os.remove(path)
    git("format-patch", "-q", "--cover-letter", "--subject-prefix=PATCH", "-o", OUT, "base")
    cover = glob.glob(OUT + "/0000-*.patch")[0]
    subject, text = read(f"{CHECKOUT}/tools/patches/cover").split("\n\n", 1)
    with open(cover, "r+", encoding="utf-8") as file:
        letter = file.read().replace("*** SUBJECT HERE ***", subject).replace("*** BLURB HERE ***\n", text)
        file.seek(0)
        file.write(letter)
        file.truncate()
    git("checkout", "-qf", "start")


def result(good, name, text=""):
    """A line of TAP."""
    print(f"{'ok' if good else 'not ok'} - patches: {name}", flush=True)
    if not good:
        print("".join(f"# {line}\n" for line in text.splitlines()[-40:]), end="", flush=True)
    return good


def configure(modules):
    """A kernel configuration with all of the series in it."""
    with open(OUT + "/config", "w", encoding="utf-8") as file:
        file.write(CONFIG.format(m=modules))
    run("make", "-s", "x86_64_defconfig")
    run("scripts/kconfig/merge_config.sh", "-m", ".config", OUT + "/config")
    run("make", "-s", "olddefconfig")


def build(*targets):
    """The output of a build, which is nothing if it is good; and its status."""
    done = subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "CC=ccache gcc", "W=1", *targets], cwd=TREE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    noise = re.compile(r".*\bwarning: (?:Cannot use CONFIG_STACK_VALIDATION|.*is not exported).*")
    text = "".join(line + "\n" for line in done.stdout.splitlines() if not noise.match(line))
    return done.returncode, text


def test_steps(patches):
    """Applies one patch after another and builds what there is."""
    for patch in patches:
        name = os.path.basename(patch)
        done = subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@localhost", "am", "-q", patch],
                              cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if not result(done.returncode == 0, f"{name} applies", done.stdout):
            git("am", "--abort")
            return
        configure("m")
        targets = [path + "/" for path in (MM, DRM) if os.path.exists(f"{TREE}/{path}/Kbuild")]
        status, text = build(*targets)
        result(status == 0 and not text.strip(), f"{name} builds without warnings", text)


def check_messages(patches):
    """What checkpatch says about everything but the code, which tools/suites/lint checks."""
    done = subprocess.run(["perl", "scripts/checkpatch.pl", "--no-tree", "--terse", "--show-types", "--no-summary", "--types",
                           "COMMIT_LOG_LONG_LINE,COMMIT_MESSAGE,MISSING_SIGN_OFF,BAD_SIGN_OFF,NO_AUTHOR_SIGN_OFF,"
                           "CONFIG_DESCRIPTION,TRAILING_WHITESPACE,PATCH_PREFIX,CORRUPTED_PATCH,"
                           "DIFF_IN_COMMIT_MSG,LINUX_VERSION_CODE", *patches],
                          cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    result(not done.stdout.strip(), "checkpatch has nothing to say about the messages", done.stdout)


def test_series():
    """Applies and builds what write_series() has written."""
    patches = sorted(glob.glob(OUT + "/*.patch"))[1:]
    check_messages(patches)
    git("checkout", "-qfB", "test", "base")
    fresh_tree()
    git("checkout", "-qfB", "test", "base")
    test_steps(patches)
    for name in ("LINUX_VERSION_CODE", "compat"):
        found = subprocess.run(["git", "grep", "-nw", name, "--", MM, DRM], cwd=TREE, text=True,
                               stdout=subprocess.PIPE, check=False).stdout
        result(not found, f"nothing says {name}", found)
    configure("y")
    status, text = build(MM + "/", DRM + "/")
    result(status == 0 and not text.strip(), "it builds into the kernel, too", text)
    fresh_tree()


def main():
    """Entry point."""
    if sys.argv[1:] not in ([], ["--test"]):
        sys.exit("usage: make-patches [--test]")
    os.makedirs(OUT, exist_ok=True)
    # The kernel's tools/ go by it, and who calls may be in a folder that the root does not have.
    os.environ["PWD"] = TREE
    fresh_tree()
    write_series()
    if sys.argv[1:]:
        test_series()
    else:
        print(f"make-patches: build/patches has {len(glob.glob(OUT + '/*.patch'))} files")


if __name__ == "__main__":
    main()
