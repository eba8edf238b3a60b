# SPDX-License-Identifier: MIT
"""Judges what OpenCL programs have printed (tests/programs/run).

usage: check.py clinfo FILE UNITS VRAM-MIB     clinfo --json
       check.py clpeak FILE                    clpeak's XML
       check.py hashcat FILE                   hashcat -b --machine-readable
       check.py clblast FILE PRECISIONS        a test program of CLBlast
       check.py images CPU GPU COUNT           two results of one filter, and how often the GPU had work
       check.py svm FILE COUNT                 PyOpenCL's svm.py
"""

import json
import re
import sys
import xml.etree.ElementTree

import numpy

# GEGL's OpenCL code rounds in other places than its C code; both work in float.
PIXEL_TOLERANCE = 1
# More than this no device of this kind can do: a figure beyond it was not measured.
LIMIT_GBPS = 2000
LIMIT_GFLOPS = 20000


def read(path):
    """The text of a file."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def need(condition, text):
    """Fails with the text unless the condition holds."""
    if not condition:
        sys.exit(text)


def check_clinfo(path, units, vram_mib):
    """One device, with what the VM was given."""
    devices = [device for platform in json.loads(read(path))["devices"]
               for device in platform["online"]]
    need(len(devices) == 1, f"{len(devices)} devices")
    device = devices[0]
    need(device["CL_DEVICE_NAME"].startswith("Colibri"), f"name {device['CL_DEVICE_NAME']}")
    need(device["CL_DEVICE_VERSION"].startswith("OpenCL 3.0"), device["CL_DEVICE_VERSION"])
    need(device["CL_DEVICE_MAX_COMPUTE_UNITS"] == int(units),
         f"{device['CL_DEVICE_MAX_COMPUTE_UNITS']} compute units, not {units}")
    need(f"{vram_mib} MiB VRAM" in device["CL_DEVICE_NAME"], f"name {device['CL_DEVICE_NAME']}")
    need(device["CL_DEVICE_GLOBAL_MEM_SIZE"] >= int(vram_mib) << 20, "global memory less than VRAM")
    print(device["CL_DEVICE_NAME"])


def check_clpeak(path):
    """A figure for each vector width of each test, and none out of this world."""
    device = xml.etree.ElementTree.fromstring(read(path)).find(".//device")
    need("Colibri" in device.get("name", ""), "not Colibri")
    for test, limit in (("global_memory_bandwidth", LIMIT_GBPS),
                        ("single_precision_compute", LIMIT_GFLOPS)):
        figures = {width.tag: float(width.text) for width in device.find(test)}
        need(len(figures) == 5, f"{test}: {figures}")
        need(all(0 < figure < limit for figure in figures.values()), f"{test}: {figures}")
        print(test, figures)
    latency = float(device.find("kernel_launch_latency").text)
    need(0 < latency < 1e6, f"launch latency {latency}")
    print("launch latency", latency)


def check_hashcat(path):
    """The line of the benchmark: device:mode:...:hashes per second."""
    lines = re.findall(r"^1:0:.*:(\d+)$", read(path), re.MULTILINE)
    need(len(lines) == 1 and int(lines[0]) > 0, read(path))
    print(f"{lines[0]} hashes/s")


def check_clblast(path, precisions):
    """All its tests passed, and there were some for each of so many precisions."""
    text = re.sub(r"\x1b\[\d*m", "", read(path))
    need("Colibri" in text, text[-2000:])
    passed = [int(count) for count in re.findall(r"(\d+) test\(s\) passed", text)]
    bad = [count for count in re.findall(r"(\d+) test\(s\) failed", text) if count != "0"]
    need(len(passed) == int(precisions) and all(passed) and not bad, text[-4000:])
    print(f"{sum(passed)} tests passed, {precisions} precisions")


def read_ppm(path):
    """A binary PPM as an array of values from 0 to 255."""
    with open(path, "rb") as file:
        data = file.read()
    match = re.match(rb"P6\s+(?:#[^\n]*\n)*(\d+)\s+(\d+)\s+(255|65535)\s", data)
    need(match is not None, f"{path} is no PPM")
    width, height, limit = (int(number) for number in match.groups())
    kind = numpy.dtype(">u2") if limit > 255 else numpy.dtype("u1")
    pixels = numpy.frombuffer(data, kind, offset=match.end())
    need(pixels.size == width * height * 3, f"{path} is cut off")
    return pixels.reshape(height, width, 3) * (255 / limit)


def check_images(cpu_path, gpu_path, count):
    """Two pictures that nobody can tell apart, which have something on them."""
    cpu, gpu = read_ppm(cpu_path), read_ppm(gpu_path)
    need(cpu.shape == gpu.shape, f"{cpu.shape} and {gpu.shape}")
    need(cpu.std() > 10, "the picture is blank")
    difference = numpy.abs(cpu - gpu)
    need(difference.max() <= PIXEL_TOLERANCE,
         f"{(difference > PIXEL_TOLERANCE).sum()} values differ, by up to {difference.max()}")
    need(int(count) > 0, "the GPU was given nothing to do")
    print(f"{gpu.shape[1]} x {gpu.shape[0]}, they differ by {difference.max():.3f} of 255 at most, "
          f"{count} submissions")


def check_svm(path, count):
    """All three kinds of memory were there, and tried."""
    text = read(path)
    for kind in ("coarse-grained buffer", "fine-grained buffer", "fine-grained system"):
        need(f"Testing {kind} SVM... done." in text, text)
    need(int(count) > 0, "the GPU was given nothing to do")
    print(f"{count} submissions")


if __name__ == "__main__":
    globals()[f"check_{sys.argv[1]}"](*sys.argv[2:])
