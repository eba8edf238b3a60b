#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Differential test of the cores: random programs on qemu-riscv64 and on the model, bit for bit.

VLEN 128, 512 and 1024 (QEMU's maximum) are compared with QEMU; at 2048 the model's vector unit is compared
with the plain reference of this folder, instruction by instruction, and as a whole, translated, with what is
interpreted.  The host's SIMD levels take turns with the seeds.  Prints TAP.
"""
import argparse
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = ['rd', 'frd', 'fcsr', 'vcsr', 'vl', 'vtype', 'vstart', 'pad']
LEVELS = ['base', 'avx512', 'avx2']
QEMU_CPU = ('rv64,v=true,vlen=%d,elen=64,zba=true,zbb=true,zfh=true,zvfh=true,'
            'rvv_ta_all_1s=false,rvv_ma_all_1s=false')


def environment(seed):
    """The SIMD level for this seed; a host that lacks it takes its best. The best one translates."""
    return dict(os.environ, COLIBRI_CORE_ISA=LEVELS[seed % len(LEVELS)], COLIBRI_CORE_JIT='sync')


def build(seed, count, folder, clang):
    base = os.path.join(folder, 'seed%d' % seed)
    subprocess.run([sys.executable, os.path.join(HERE, 'gen_programs.py'), str(seed), str(count),
                    base + '.S', base + '.lst'], check=True)
    subprocess.run([clang, '--target=riscv64-unknown-elf', '-march=rv64gcv_zba_zbb_zfh_zvfh', '-mabi=lp64d',
                    '-mno-relax', '-nostdlib', '-static', '-fuse-ld=lld', base + '.S', '-o', base + '.elf'], check=True)
    with open(base + '.lst') as f:
        return base + '.elf', f.read().splitlines()


def first_difference(listing, vlen, expected, got):
    """One line about the first record that differs."""
    size = 64 + vlen                 # eight registers of VLEN bits are VLEN bytes
    for i, text in enumerate(listing):
        a, b = expected[i * size:(i + 1) * size], got[i * size:(i + 1) * size]
        if a == b:
            continue
        if len(a) < size or len(b) < size:
            return '%s: only %d and %d bytes of the record' % (text, len(a), len(b))
        lines = []
        for j, name in enumerate(HEAD):
            x, y = struct.unpack_from('<Q', a, 8 * j)[0], struct.unpack_from('<Q', b, 8 * j)[0]
            if x != y:
                lines.append('%s: expected %#x, got %#x' % (name, x, y))
        vlenb = vlen // 8
        first = int(text.rsplit('v', 1)[1].rstrip('.)'))
        for j in range(64, size, 8):
            if a[j:j + 8] != b[j:j + 8]:
                reg, byte = divmod(j - 64, vlenb)
                lines.append('v%d bytes %d..%d: expected %s, got %s' % (
                    first + reg, byte, byte + 7, a[j:j + 8][::-1].hex(), b[j:j + 8][::-1].hex()))
        return text + '\n#   ' + '\n#   '.join(lines[:8])
    return 'lengths: expected %d, got %d' % (len(expected), len(got))


def compare_with_qemu(args, elf, listing, vlen, env):
    qemu = subprocess.run([args.qemu, '-cpu', QEMU_CPU % vlen, elf], stdout=subprocess.PIPE, check=False)
    if qemu.returncode:
        return 'qemu-riscv64 ended with %d after %d records' % (qemu.returncode, len(qemu.stdout) // (64 + vlen))
    model = subprocess.run([args.run_elf, str(vlen), elf], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           env=env, check=False)
    if model.returncode:
        return 'model: ' + model.stderr.decode().strip()
    if qemu.stdout == model.stdout:
        return None
    return first_difference(listing, vlen, qemu.stdout, model.stdout)


def compare_with_reference(args, elf, vlen, env):
    run = subprocess.run([args.run_reference, str(vlen), elf], stdout=subprocess.PIPE, env=env, check=False)
    return run.stdout.decode().strip() if run.returncode else None


def compare_translated(args, elf, listing, vlen):
    outputs = []
    for mode in ('off', 'sync'):
        run = subprocess.run([args.run_elf, str(vlen), elf], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=dict(os.environ, COLIBRI_CORE_JIT=mode), check=False)
        if run.returncode:
            return '%s: %s' % (mode, run.stderr.decode().strip())
        outputs.append(run.stdout)
    return first_difference(listing, vlen, *outputs) if outputs[0] != outputs[1] else None


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--run-elf', required=True, help='the model as a program')
    p.add_argument('--run-reference', help='the model beside the plain reference')
    p.add_argument('--qemu', default='qemu-riscv64')
    p.add_argument('--clang', default='clang-19')
    p.add_argument('--programs', type=int, default=12, help='how many, each with its seed (default 12)')
    p.add_argument('--count', type=int, default=2500, help='instructions of each (default 2500)')
    p.add_argument('--seed', type=int, default=1, help='the first seed (default 1)')
    p.add_argument('--vlen', type=int, nargs='*', default=[128, 512, 1024], help='against QEMU')
    p.add_argument('--ref-vlen', type=int, nargs='*', default=[1024, 2048], help='against the reference')
    p.add_argument('--jit-vlen', type=int, nargs='*', default=[2048], help='translated against interpreted')
    p.add_argument('--keep', help='folder for the programs, instead of a temporary one')
    args = p.parse_args()
    if not args.run_reference:
        args.ref_vlen = []

    print('1..%d' % (args.programs * (len(args.vlen) + len(args.ref_vlen) + len(args.jit_vlen))))
    number = failed = 0
    with tempfile.TemporaryDirectory() as temp:
        for seed in range(args.seed, args.seed + args.programs):
            elf, listing = build(seed, args.count, args.keep or temp, args.clang)
            env = environment(seed)
            runs = [('qemu-riscv64', v, compare_with_qemu(args, elf, listing, v, env)) for v in args.vlen]
            runs += [('the reference', v, compare_with_reference(args, elf, v, env)) for v in args.ref_vlen]
            runs += [('itself, interpreted', v, compare_translated(args, elf, listing, v)) for v in args.jit_vlen]
            for against, vlen, problem in runs:
                number += 1
                failed += bool(problem)
                print('%sok %d seed %d, %d instructions, VLEN %d, %s, against %s' % (
                    'not ' if problem else '', number, seed, len(listing), vlen, env['COLIBRI_CORE_ISA'], against))
                if problem:
                    print('# seed %d: %s' % (seed, problem))
                sys.stdout.flush()
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())
