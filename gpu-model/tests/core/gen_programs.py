#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random RV64GCV programs for the differential test of the cores.

The program does not depend on VLEN. It loads random state, executes random instructions and, after each one,
appends a record to a buffer: rd, frd, fcsr, vcsr, vl, vtype, vstart, and the eight vector registers around vd.
A block of instructions ends with the sum of the memory that it may store to. At last the buffer goes to stdout.

usage: gen_programs.py SEED COUNT OUT.S OUT.LST   (the list has one line for each record)
"""
import random
import struct
import sys

import isa_table as isa

BLOCK = 16              # instructions that build on each other
MEM = 131072            # bytes of the memory for loads and stores
POOL = 32768            # bytes of each pool of random values
RECORD_HEAD = 64
FMT = {16: 'h', 32: 's', 64: 'd'}
PARAM = {16: (5, 10), 32: (8, 23), 64: (11, 52)}   # exponent and mantissa bits


def fp_value(rng, sew):
    """Bits of a number that is likely to meet a special case."""
    ebits, mbits = PARAM[sew]
    emax, bias = (1 << ebits) - 1, (1 << (ebits - 1)) - 1
    kind = rng.randrange(16)
    sign = rng.getrandbits(1) << (sew - 1)
    mant = rng.choice([0, 1, (1 << mbits) - 1, 1 << (mbits - 1), rng.getrandbits(mbits), rng.getrandbits(mbits),
                       rng.getrandbits(3) << (mbits - 3)])
    if kind == 0:
        return sign                                                      # zero
    if kind == 1:
        return sign | emax << mbits                                      # infinity
    if kind == 2:
        return sign | emax << mbits | (mant or 1)                        # NaN of either kind
    if kind == 3:
        return sign | mant                                               # subnormal
    if kind == 4:
        return sign | rng.choice([1, 2, emax - 1, emax - 2]) << mbits | mant
    if kind == 5:
        return rng.getrandbits(sew)
    if kind < 9:                                                         # where narrower formats end
        exp = bias + rng.choice([-150, -149, -127, -126, -25, -24, -15, -14, 15, 16, 30, 31, 32, 62, 63, 64, 127, 128])
        return sign | max(1, min(emax - 1, exp)) << mbits | mant
    return sign | max(1, min(emax - 1, bias + rng.randrange(-4, 12))) << mbits | mant


def int_value(rng, sew):
    return rng.choice([0, 1, (1 << sew) - 1, 1 << (sew - 1), (1 << (sew - 1)) - 1, rng.getrandbits(3),
                       rng.getrandbits(sew), rng.getrandbits(sew), rng.getrandbits(sew)])


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.out = []
        self.listing = []
        self.block = 0
        self.label = 0

    def emit(self, line):
        self.out.append('\t' + line)

    # -- registers --------------------------------------------------------

    def xreg(self):
        """x28 to x31 belong to the test."""
        return 'x%d' % self.rng.randrange(28)

    def freg(self):
        return 'f%d' % self.rng.randrange(32)

    def vgroup(self, emul, avoid=()):
        """First register of a group of emul (log2) registers that touches none of the (reg, emul) in avoid."""
        size = 1 << max(emul, 0)
        ok = [r for r in range(0, 32, size)
              if all(r + size <= a or a + (1 << max(e, 0)) <= r for a, e in avoid)]
        return self.rng.choice(ok) if ok else None

    # -- configuration ----------------------------------------------------

    def set_vtype(self, sew, lmul):
        """SEW in bits, LMUL as log2."""
        name = 'm%d' % (1 << lmul) if lmul >= 0 else 'mf%d' % (1 << -lmul)
        avl = self.rng.choice(['max', 'max', 'max', 0, 1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 33, 64, 100])
        policy = self.rng.choice(['ta, ma', 'tu, mu', 'ta, mu', 'tu, ma'])
        if avl == 'max':
            self.emit('vsetvli x30, x0, e%d, %s, %s' % (sew, name, policy))
        else:
            self.emit('li x30, %d' % avl)
            self.emit('vsetvli x30, x30, e%d, %s, %s' % (sew, name, policy))
        return 'e%d,%s,avl=%s' % (sew, name, avl)

    def set_rounding(self):
        frm = self.rng.randrange(5)
        self.emit('li x30, %d' % (frm << 5))
        self.emit('csrw fcsr, x30')
        return 'frm=%d' % frm

    def set_vxrm(self):
        vxrm = self.rng.randrange(4)
        self.emit('csrwi vcsr, %d' % (vxrm << 1))
        return 'vxrm=%d' % vxrm

    def maybe_vstart(self):
        if self.rng.randrange(8):
            return ''
        vstart = self.rng.choice([1, 2, 3, 6])
        self.emit('csrwi vstart, %d' % vstart)
        return ' vstart=%d' % vstart

    def lmul_for(self, sew, lo=None, hi=3):
        """An LMUL that every VLEN allows for SEW."""
        least = {8: -3, 16: -2, 32: -1, 64: 0}[sew]
        return self.rng.randint(least if lo is None else max(lo, least), hi)

    # -- records ----------------------------------------------------------

    def record(self, text, rd='x0', frd='f0', vd=0):
        self.emit('sd %s, 0(x31)' % rd)
        self.emit('fsd %s, 8(x31)' % frd)
        self.emit('la x29, record%d' % (vd // 8))
        self.emit('jalr x30, x29')
        self.listing.append('block %d: %s (rd %s, frd %s, v%d..)' % (self.block, text, rd, frd, vd // 8 * 8))

    # -- vector arithmetic ------------------------------------------------

    def mask(self, vm):
        return '' if vm else ', v0.t'

    def operand(self, form, sew, vs1):
        """The text of the vs1, rs1, fs1 or immediate operand."""
        last = form[-1]
        if last == 'v':
            return 'v%d' % vs1
        if last == 'x':
            return self.xreg()
        if form == 'ui':
            return str(self.rng.randrange(32))
        if last == 'i':
            return str(self.rng.randrange(-16, 16))
        reg = self.freg()
        if self.rng.randrange(4):
            self.load_f(reg, sew)
        return reg

    def load_f(self, reg, sew):
        load = {16: 'flh', 32: 'flw', 64: 'fld'}[sew]
        self.emit('%s %s, %d(x28)' % (load, reg, self.rng.randrange(0, 2040, sew // 8)))

    def v_arith(self, name, form, sew, dw=0, aw=0, mask_out=False, acc=False, vm=None, vstart=True):
        """One instruction with vd of SEW << dw, vs2 of SEW << aw and vs1 of SEW."""
        rng = self.rng
        lmul = self.lmul_for(sew, hi=3 - max(dw, aw))
        vm = bool(rng.randrange(2)) if vm is None else vm
        avoid = [] if vm else [(0, 0)]
        demul = 0 if mask_out else lmul + dw
        vd = self.vgroup(demul, [] if vm or mask_out and rng.randrange(2) else avoid)
        if mask_out:
            src_avoid = avoid + [(vd, 0)]
            vs2, vs1 = self.vgroup(lmul, src_avoid), self.vgroup(lmul, src_avoid)
        else:
            d_avoid = [(vd, demul)]
            vs2 = self.vgroup(lmul + aw, avoid + (d_avoid if aw != dw else []))
            vs1 = self.vgroup(lmul, avoid + (d_avoid if dw else []) + ([(vs2, lmul + aw)] if aw else []))
            # legal overlaps of different widths: the lowest part of a wider source, the highest of a wider vd
            if aw > dw and not rng.randrange(3) and (vm or vd):
                vs2 = self.vgroup(lmul + aw, avoid)
                vd = vs2
                vs1 = self.vgroup(lmul, avoid + [(vs2, lmul + aw)])
            elif dw > aw and lmul >= 0 and not acc and not rng.randrange(3):
                vs2 = vd + (1 << lmul)
        if None in (vd, vs2, vs1):
            return
        config = self.set_vtype(sew, lmul) + ' ' + self.set_rounding() + ' ' + self.set_vxrm()
        op1 = self.operand(form, sew, vs1)
        if vstart:
            config += self.maybe_vstart()
        suffix = {'ui': 'wi' if aw > dw else 'vi'}.get(form, form)
        if acc:
            insn = '%s.%s v%d, %s, v%d%s' % (name, suffix, vd, op1, vs2, self.mask(vm))
        else:
            insn = '%s.%s v%d, v%d, %s%s' % (name, suffix, vd, vs2, op1, self.mask(vm))
        self.emit(insn)
        self.record(config + ': ' + insn, vd=vd)

    def v_unary(self, name, sew, dw=0, aw=0):
        rng = self.rng
        lmul = self.lmul_for(sew, hi=3 - max(dw, aw)) if aw >= 0 else self.lmul_for(sew, lo=-3 - aw)
        if aw < 0 and lmul + aw < -3:
            return
        vm = bool(rng.randrange(2))
        avoid = [] if vm else [(0, 0)]
        vd = self.vgroup(lmul + dw, avoid)
        vs2 = self.vgroup(lmul + aw, avoid + ([(vd, lmul + dw)] if aw != dw else []))
        if None in (vd, vs2):
            return
        config = self.set_vtype(sew, lmul) + ' ' + self.set_rounding() + self.maybe_vstart()
        insn = '%s v%d, v%d%s' % (name, vd, vs2, self.mask(vm))
        self.emit(insn)
        self.record(config + ': ' + insn, vd=vd)

    def pick(self, table):
        name = self.rng.choice(list(table))
        return name, self.rng.choice(table[name].split())

    def vector_int(self):
        rng = self.rng
        sew = rng.choice([8, 16, 32, 64])
        narrow = rng.choice([8, 16, 32])
        kind = rng.randrange(14)
        if kind < 5:
            self.v_arith(*self.pick(isa.V_INT), sew)
        elif kind == 5:
            self.v_arith(*self.pick(isa.V_ACC), sew, acc=True)
        elif kind == 6:
            self.v_arith(*self.pick(isa.V_CMP), sew, mask_out=True)
        elif kind == 7:
            self.v_arith(*self.pick(isa.V_WIDEN), narrow, dw=1)
        elif kind == 8:
            self.v_arith(*self.pick(isa.V_WIDEN_W), narrow, dw=1, aw=1)
        elif kind == 9:
            self.v_arith(*self.pick(isa.V_WIDEN_ACC), narrow, dw=1, acc=True)
        elif kind == 10:
            self.v_arith(*self.pick(isa.V_NARROW), narrow, aw=1)
        elif kind == 11:
            self.v_carry(sew)
        elif kind == 12:
            factor = rng.choice([f for f in (2, 4, 8) if sew // f >= 8] or [0])
            if factor:
                self.v_unary(rng.choice(['vzext.vf%d', 'vsext.vf%d']) % factor, sew, aw=-factor.bit_length() + 1)
        else:
            self.v_reduce(rng.choice(isa.V_REDUCE) if rng.randrange(3) else rng.choice(isa.V_REDUCE_W), sew)

    def v_carry(self, sew):
        rng = self.rng
        lmul = self.lmul_for(sew)
        kind = rng.choice(['vadc', 'vmadc', 'vsbc', 'vmsbc', 'vmerge', 'vmv'])
        form = rng.choice(['v', 'x'] + ([] if kind in ('vsbc', 'vmsbc') else ['i']))
        mask_out = kind.startswith('vma') or kind.startswith('vms')
        vd = self.vgroup(0 if mask_out else lmul, [] if mask_out else [(0, 0)])
        avoid = [(0, 0)] + ([(vd, 0)] if mask_out else [])
        vs2, vs1 = self.vgroup(lmul, avoid), self.vgroup(lmul, avoid)
        if None in (vd, vs2, vs1):
            return
        config = self.set_vtype(sew, lmul)
        op1 = self.operand(form, sew, vs1)
        config += self.maybe_vstart()
        if kind == 'vmv':
            insn = 'vmv.v.%s v%d, %s' % (form, vd, op1)
        elif mask_out and not rng.randrange(3):
            insn = '%s.v%s v%d, v%d, %s' % (kind, form, vd, vs2, op1)
        else:
            insn = '%s.v%sm v%d, v%d, %s, v0' % (kind, form, vd, vs2, op1)
        self.emit(insn)
        self.record(config + ': ' + insn, vd=vd)

    def v_reduce(self, name, sew):
        widen = name.startswith('vw') or name.startswith('vfw')
        if widen and sew == 64:
            sew = 32
        lmul = self.lmul_for(sew)
        vm = bool(self.rng.randrange(2))
        avoid = [] if vm else [(0, 0)]
        vs2 = self.vgroup(lmul, avoid)
        vs1 = self.vgroup(0, avoid + ([(vs2, lmul)] if widen else []))
        vd = self.vgroup(0, avoid)
        config = self.set_vtype(sew, lmul) + ' ' + self.set_rounding()
        insn = '%s.vs v%d, v%d, v%d%s' % (name, vd, vs2, vs1, self.mask(vm))
        self.emit(insn)
        self.record(config + ': ' + insn, vd=vd)

    def vector_fp(self):
        rng = self.rng
        sew = self.fp_sew
        narrow = 16 if sew == 16 else 32
        kind = rng.randrange(15)
        if kind < 3:
            self.v_arith(*self.pick(isa.F_INT), sew)
        elif kind < 6:
            self.v_arith(*self.pick(isa.F_ACC), sew, acc=True)
        elif kind == 6:
            self.v_arith(*self.pick(isa.F_CMP), sew, mask_out=True)
        elif kind == 7:
            self.v_arith(*self.pick(isa.F_WIDEN), narrow, dw=1)
        elif kind == 8:
            self.v_arith(*self.pick(isa.F_WIDEN_W), narrow, dw=1, aw=1)
        elif kind == 9:
            self.v_arith(*self.pick(isa.F_WIDEN_ACC), narrow, dw=1, acc=True)
        elif kind == 10:
            self.v_unary(rng.choice(isa.F_UNARY), sew)
        elif kind == 11:
            name = rng.choice(isa.F_WCVT)
            self.v_unary(name, rng.choice([8, 16, 32]) if '.f.x' in name else narrow, dw=1)
        elif kind == 12:
            name = rng.choice(isa.F_NCVT)
            self.v_unary(name, rng.choice([8, 16, 32]) if '.f.w' in name and 'f.f' not in name else narrow, aw=1)
        elif kind == 13:
            self.v_reduce(rng.choice(isa.F_REDUCE) if rng.randrange(3) else rng.choice(isa.F_REDUCE_W), sew)
        else:
            self.v_fp_moves(sew)

    def v_fp_moves(self, sew):
        rng = self.rng
        lmul = self.lmul_for(sew)
        vd, vs2 = self.vgroup(lmul, [(0, 0)]), self.vgroup(lmul, [(0, 0)])
        f = self.freg()
        config = self.set_vtype(sew, lmul)
        if rng.randrange(2):
            self.load_f(f, sew)
        insn = rng.choice(['vfmv.v.f v%d, %s' % (vd, f), 'vfmerge.vfm v%d, v%d, %s, v0' % (vd, vs2, f),
                           'vfmv.f.s %s, v%d' % (f, vs2), 'vfmv.s.f v%d, %s' % (vd, f)])
        self.emit(insn)
        self.record(config + ': ' + insn, frd=f, vd=vd)

    # -- masks and permutations -------------------------------------------

    def vector_mask(self):
        rng = self.rng
        sew = rng.choice([8, 16, 32, 64])
        lmul = self.lmul_for(sew)
        vm = bool(rng.randrange(2))
        avoid = [] if vm else [(0, 0)]
        a, b, d = rng.randrange(32), rng.randrange(32), rng.randrange(32)
        src = rng.randrange(1, 32)
        vd = self.vgroup(lmul, avoid + [(src, 0)])
        x = self.xreg()
        config = self.set_vtype(sew, lmul)
        kind = rng.randrange(8)
        if kind < 2:
            insn, vd = '%s.mm v%d, v%d, v%d' % (rng.choice(isa.V_MASK), d, a, b), d
        elif kind == 2:
            insn, vd = '%s %s, v%d%s' % (rng.choice(['vcpop.m', 'vfirst.m']), x, src, self.mask(vm)), 0
        elif kind == 3:
            d = self.vgroup(0, avoid + [(src, 0)])
            insn, vd = '%s v%d, v%d%s' % (rng.choice(['vmsbf.m', 'vmsof.m', 'vmsif.m']), d, src, self.mask(vm)), d
        elif kind == 4 and vd is not None:
            insn = 'viota.m v%d, v%d%s' % (vd, src, self.mask(vm))
        elif kind == 5 and vd is not None:
            insn = 'vid.v v%d%s' % (vd, self.mask(vm))
        elif kind == 6:
            insn, vd = 'vmv.x.s %s, v%d' % (x, a), 0
        else:
            insn, vd = 'vmv.s.x v%d, %s' % (d, x), d
        self.emit(insn)
        self.record(config + ': ' + insn, rd=x, vd=vd)

    def vector_permute(self):
        rng = self.rng
        sew = rng.choice([8, 16, 32, 64])
        lmul = self.lmul_for(sew, hi=2)
        vm = bool(rng.randrange(2))
        avoid = [] if vm else [(0, 0)]
        vd = self.vgroup(lmul, avoid)
        vs2 = self.vgroup(lmul, avoid + [(vd, lmul)])
        vs1 = self.vgroup(lmul, avoid + [(vd, lmul), (vs2, lmul)])
        x = self.xreg()
        small = str(rng.randrange(32))
        self.emit('andi %s, %s, %d' % (x, x, rng.choice([7, 63, 2047])))
        name = rng.choice(['vslideup', 'vslidedown', 'vslide1up', 'vslide1down', 'vfslide1up', 'vfslide1down', 'vrgather',
                           'vrgather', 'vrgatherei16', 'vcompress', 'vmvr'])
        if name.startswith('vf') and sew == 8:
            sew, lmul = 16, max(lmul, -2)
        if name.startswith('vrgather') and rng.randrange(4):
            self.clamp_indices(vs1, 16 if name == 'vrgatherei16' else sew, lmul)
        config = self.set_vtype(sew, lmul)
        if name in ('vslideup', 'vslidedown'):
            op, form = rng.choice([(x, 'vx'), (small, 'vi')])
            config += self.maybe_vstart()
            insn = '%s.%s v%d, v%d, %s%s' % (name, form, vd, vs2, op, self.mask(vm))
        elif name.startswith('vslide1'):
            config += self.maybe_vstart()
            insn = '%s.vx v%d, v%d, %s%s' % (name, vd, vs2, x, self.mask(vm))
        elif name.startswith('vfslide1'):
            insn = '%s.vf v%d, v%d, %s%s' % (name, vd, vs2, self.freg(), self.mask(vm))
        elif name == 'vrgather':
            op, form = rng.choice([(x, 'vx'), (small, 'vi'), ('v%d' % vs1, 'vv'), ('v%d' % vs1, 'vv')])
            insn = 'vrgather.%s v%d, v%d, %s%s' % (form, vd, vs2, op, self.mask(vm))
        elif name == 'vrgatherei16':
            iemul = lmul + {8: 1, 16: 0, 32: -1, 64: -2}[sew]
            vs1 = self.vgroup(iemul, avoid + [(vd, lmul), (vs2, lmul)])
            insn = 'vrgatherei16.vv v%d, v%d, v%d%s' % (vd, vs2, vs1, self.mask(vm))
        elif name == 'vcompress':
            vs1 = self.vgroup(0, [(vd, lmul), (vs2, lmul)])
            insn = 'vcompress.vm v%d, v%d, v%d' % (vd, vs2, vs1)
        else:
            n = rng.choice([1, 2, 4, 8])
            vd, vs2 = rng.randrange(0, 32, n), rng.randrange(0, 32, n)
            insn = 'vmv%dr.v v%d, v%d' % (n, vd, vs2)
        self.emit(insn)
        self.record(config + ': ' + insn, vd=vd)

    def clamp_indices(self, reg, sew, lmul):
        """Bring the indices near the register's size, else nearly all gather zeros."""
        size = max(lmul, 0)
        self.emit('vsetvli x30, x0, e%d, m%d, ta, ma' % (sew, 1 << size))
        self.emit('li x30, 31')
        self.emit('vand.vx v%d, v%d, x30' % (reg, reg))

    # -- vector memory ----------------------------------------------------

    def vector_memory(self):
        rng = self.rng
        kind = rng.randrange(8)
        store = bool(rng.randrange(2))
        self.emit('la x29, mem + %d' % (MEM // 2 + rng.choice([0, 0, 8, rng.randrange(64)])))
        if kind == 0:
            self.v_whole(store)
        elif kind < 4:
            self.v_unit_strided(store, kind == 3)
        else:
            self.v_indexed(store)

    def v_whole(self, store):
        rng = self.rng
        n = rng.choice([1, 2, 4, 8])
        vd = rng.randrange(0, 32, n)
        config = self.set_vtype(32, 0)
        if rng.randrange(3) == 0:
            insn, vd = '%s v%d, (x29)' % ('vsm.v' if store else 'vlm.v', vd), vd
        elif store:
            insn = 'vs%dr.v v%d, (x29)' % (n, vd)
        else:
            insn = 'vl%dre%d.v v%d, (x29)' % (n, rng.choice([8, 16, 32, 64]), vd)
        self.emit(insn)
        self.record(config + ': ' + insn, vd=vd)

    def v_unit_strided(self, store, strided):
        rng = self.rng
        sew, eew = rng.choice([8, 16, 32, 64]), rng.choice([8, 16, 32, 64])
        log = {8: 0, 16: 1, 32: 2, 64: 3}
        lmul = self.lmul_for(sew)
        emul = lmul + log[eew] - log[sew]
        if not -3 <= emul <= 3:
            return
        vm = bool(rng.randrange(2))
        nf = rng.choice([1, 1, 1] + [n for n in range(2, 9) if n << max(emul, 0) <= 8])
        bases = [r for r in range(0, 32, 1 << max(emul, 0)) if r + (nf << max(emul, 0)) <= 32 and (vm or r)]
        vd = rng.choice(bases)
        config = self.set_vtype(sew, lmul)
        verb = 's' if store else 'l'
        seg = 'seg%d' % nf if nf > 1 else ''
        if strided:
            stride = rng.choice([0, eew // 8, -eew // 8, nf * eew // 8, 3, 17, -24, 0 if nf > 1 else 20])
            self.emit('li x30, %d' % stride)
            insn = 'v%ss%se%d.v v%d, (x29), x30%s' % (verb, seg, eew, vd, self.mask(vm))
            if store and abs(stride) < nf * eew // 8 and nf > 1:
                return
            config += ' stride=%d' % stride
        else:
            ff = 'ff' if not store and not rng.randrange(5) else ''
            insn = 'v%s%se%d%s.v v%d, (x29)%s' % (verb, seg, eew, ff, vd, self.mask(vm))
        config += self.maybe_vstart()
        self.emit(insn)
        self.record(config + ': ' + insn, vd=vd)

    def v_indexed(self, store):
        rng = self.rng
        log = {8: 0, 16: 1, 32: 2, 64: 3}
        sew, ieew = rng.choice([8, 16, 32, 64]), rng.choice([8, 16, 32, 64])
        lmul = self.lmul_for(sew)
        iemul = lmul + log[ieew] - log[sew]
        if not -3 <= iemul <= 3:
            return
        vm = bool(rng.randrange(2))
        nf = rng.choice([1, 1, 1] + [n for n in range(2, 9) if n << max(lmul, 0) <= 8])
        size = nf << max(lmul, 0)
        index = self.vgroup(iemul, [] if vm else [(0, 0)])
        isize = 1 << max(iemul, 0)
        bases = [r for r in range(0, 32, 1 << max(lmul, 0)) if r + size <= 32 and (vm or r) and
                 (r + size <= index or index + isize <= r)]
        if not bases:
            return
        vd = rng.choice(bases)
        if nf == 1 and ieew == sew and not rng.randrange(3):
            vd = index
        self.emit('la x30, index%d + %d' % (ieew, rng.randrange(0, 2048, 8)))
        self.emit('vl%dre8.v v%d, (x30)' % (isize, index))
        config = self.set_vtype(sew, lmul)
        seg = 'seg%d' % nf if nf > 1 else ''
        # unordered stores to equal addresses have no defined winner
        order = 'o' if store else rng.choice('ou')
        insn = 'v%s%sx%sei%d.v v%d, (x29), v%d%s' % ('s' if store else 'l', order, seg, ieew, vd, index, self.mask(vm))
        config += self.maybe_vstart()
        self.emit(insn)
        self.record(config + ': ' + insn, vd=vd)

    # -- scalar -----------------------------------------------------------

    def scalar_int(self):
        rng = self.rng
        d, a, b = self.xreg(), self.xreg(), self.xreg()
        if rng.randrange(3) == 0:
            a = d                       # what the C extension is about
        kind = rng.randrange(10)
        if kind < 4:
            insn = '%s %s, %s, %s' % (rng.choice(isa.X_RR), d, a, b)
        elif kind == 4:
            insn = '%s %s, %s, %d' % (rng.choice(isa.X_RI), d, a, rng.choice([rng.randrange(-2048, 2048), rng.randrange(-32, 32)]))
        elif kind == 5:
            insn = '%s %s, %s, %d' % (rng.choice(isa.X_SHIFT64), d, a, rng.randrange(64))
        elif kind == 6:
            insn = '%s %s, %s, %d' % (rng.choice(isa.X_SHIFT32), d, a, rng.randrange(32))
        elif kind == 7:
            insn = '%s %s, %s' % (rng.choice(isa.X_UNARY), d, a)
        elif kind == 8:
            insn = rng.choice(['lui %s, %d' % (d, rng.getrandbits(20)), 'li %s, %d' % (d, rng.randrange(-2**63, 2**63))])
        else:
            self.label += 1
            insn = '%s %s, %s, 9%df; addi %s, %s, 1; 9%d:' % (rng.choice(isa.X_BRANCH), a, b, self.label, d, d, self.label)
        self.emit(insn)
        self.record(insn, rd=d)

    def scalar_memory(self):
        rng = self.rng
        d = self.xreg()
        f = self.freg()
        size_log = rng.choice([2, 3])
        self.emit('la x29, mem + %d' % (MEM // 2 + 8 * rng.randrange(16)))
        kind = rng.randrange(6)
        off = rng.choice([rng.randrange(-256, 256), 8 * rng.randrange(8)])
        if kind == 0:
            insn = '%s %s, %d(x29)' % (rng.choice(list(isa.X_LOAD)), d, off)
        elif kind == 1:
            insn = '%s %s, %d(x29)' % (rng.choice(list(isa.X_STORE)), d, off)
        elif kind == 2:
            insn = '%s %s, %d(x29)' % (rng.choice(['flh', 'flw', 'fld']), f, off)
        elif kind == 3:
            insn = '%s %s, %d(x29)' % (rng.choice(['fsh', 'fsw', 'fsd']), f, off)
        elif kind == 4:
            insn = '%s.%s%s %s, %s, (x29)' % (rng.choice(isa.X_AMO), 'w' if size_log == 2 else 'd',
                                              rng.choice(['', '.aq', '.rl', '.aqrl']), d, self.xreg())
        else:
            s = 'w' if size_log == 2 else 'd'
            insn = 'lr.%s %s, (x29); sc.%s %s, %s, (x29)' % (s, self.xreg(), s, d, self.xreg())
        self.emit(insn)
        self.record(insn, rd=d, frd=f)

    def scalar_fp(self):
        rng = self.rng
        sew = rng.choice([16, 32, 64])
        s = FMT[sew]
        d, a, b, c = (self.freg() for _ in range(4))
        x = self.xreg()
        for r in (a, b, c):
            if rng.randrange(8):
                self.load_f(r, sew)
        config = self.set_rounding()
        rm = rng.choice(['', '', ', rne', ', rtz', ', rdn', ', rup', ', rmm', ', dyn'])
        kind = rng.randrange(10)
        if kind < 2:
            insn = '%s.%s %s, %s, %s%s' % (rng.choice(isa.FP_RM), s, d, a, b, rm)
        elif kind < 4:
            insn = '%s.%s %s, %s, %s, %s%s' % (rng.choice(isa.FP_FMA), s, d, a, b, c, rm)
        elif kind == 4:
            insn = '%s.%s %s, %s, %s' % (rng.choice(isa.FP_NO_RM), s, d, a, b)
        elif kind == 5:
            insn = '%s.%s %s, %s, %s' % (rng.choice(isa.FP_CMP), s, x, a, b)
        elif kind == 6:
            insn = rng.choice(['fsqrt.%s %s, %s%s' % (s, d, a, rm), 'fclass.%s %s, %s' % (s, x, a)])
        elif kind == 7:
            insn = 'fcvt.%s.%s %s, %s%s' % (rng.choice(['w', 'wu', 'l', 'lu']), s, x, a, rm)
        elif kind == 8:
            to_fp = rng.choice(['w', 'wu', 'l', 'lu'])
            exact = s == 'd' and to_fp in ('w', 'wu')
            insn = 'fcvt.%s.%s %s, %s%s' % (s, to_fp, d, x, '' if exact else rm)
        else:
            other = rng.choice([o for o in (16, 32, 64) if o != sew])
            if rng.randrange(4) == 0:
                mv = {16: 'h', 32: 'w', 64: 'd'}[sew]
                insn = rng.choice(['fmv.x.%s %s, %s' % (mv, x, a), 'fmv.%s.x %s, %s' % (mv, d, x)])
            else:
                insn = 'fcvt.%s.%s %s, %s%s' % (FMT[other], s, d, a, rm if other < sew else '')
        self.emit(insn)
        self.record(config + ': ' + insn, rd=x, frd=d)

    # -- the program ------------------------------------------------------

    def begin_block(self):
        rng = self.rng
        self.block += 1
        self.fp_sew = rng.choice([16, 32, 64])
        pool = rng.choice(['fpool%d' % self.fp_sew] * 3 + ['ipool'])
        self.emit('la x28, %s' % pool)
        for reg in range(0, 32, 8):
            self.emit('la x30, %s + %d' % (pool, rng.randrange(0, POOL - 4096, 8)))
            self.emit('vl8re8.v v%d, (x30)' % reg)
        self.emit('la x30, ipool + %d' % rng.randrange(0, POOL - 4096, 8))
        for reg in range(28):
            self.emit('ld x%d, %d(x30)' % (reg, 8 * reg))
        self.emit('vl1re8.v v0, (x30)')
        for reg in range(32):
            self.load_f('f%d' % reg, rng.choice([16, 32, 64]))

    def end_block(self):
        self.emit('la x29, checksum')
        self.emit('jalr x30, x29')
        self.emit('mv x27, x29')
        self.record('sum of the memory (rd)', rd='x27')

    def generate(self, count):
        steps = [self.vector_int] * 4 + [self.vector_fp] * 4 + [self.vector_memory] * 3 + [self.vector_mask] + \
                [self.vector_permute] * 2 + [self.scalar_int] * 2 + [self.scalar_fp] * 2 + [self.scalar_memory]
        while len(self.listing) < count:
            self.begin_block()
            for _ in range(BLOCK):
                self.rng.choice(steps)()
            self.end_block()

    def data_words(self, size, value, sew):
        words = []
        for _ in range(size // 8):
            word = 0
            for i in range(64 // sew):
                word |= value(self.rng, sew) << (i * sew)
            words.append('\t.dword 0x%x' % word)
        return words

    def write(self, path):
        with open(path, 'w') as f:
            f.write('\t.text\n\t.globl _start\n_start:\n\tla x31, buffer\n')
            f.write('\n'.join(self.out))
            f.write('\n' + EPILOGUE)
            for reg in range(4):
                f.write(RECORD % (reg, 8 * reg))
            f.write('\t.data\n\t.balign 4096\nmem:\n')
            f.write('\n'.join(self.data_words(MEM, int_value, 32)))
            f.write('\nipool:\n' + '\n'.join(self.data_words(POOL, int_value, 32)))
            for sew in (16, 32, 64):
                f.write('\nfpool%d:\n' % sew + '\n'.join(self.data_words(POOL, fp_value, sew)))
            for sew in (8, 16, 32, 64):
                limit = min(1 << sew, 4096)
                f.write('\nindex%d:\n' % sew +
                        '\n'.join(self.data_words(8192, lambda rng, s: rng.randrange(limit), sew)))
            f.write('\n\t.bss\n\t.balign 4096\nbuffer:\n\t.skip %d\n' % (len(self.listing) * (RECORD_HEAD + 8 * 256)))


# x31 is the end of the buffer
EPILOGUE = '''
	la a1, buffer
	sub a2, x31, a1
	li a0, 1
	li a7, 64
	la x28, buffer
	add x28, x28, a2
1:	ecall
	add a1, a1, a0
	sub a2, x28, a1
	li a0, 1
	bgtz a2, 1b
	li a0, 0
	li a7, 93
	ecall
checksum:
	la x29, mem
	li x28, %d
	li x27, 0
2:	ld x26, 0(x29)
	slli x25, x27, 5
	add x27, x27, x25
	add x27, x27, x26
	addi x29, x29, 8
	addi x28, x28, -8
	bnez x28, 2b
	mv x29, x27
	jr x30
''' % MEM

RECORD = '''record%d:
	csrr x29, fcsr
	sd x29, 16(x31)
	csrr x29, vcsr
	sd x29, 24(x31)
	csrr x29, vl
	sd x29, 32(x31)
	csrr x29, vtype
	sd x29, 40(x31)
	csrr x29, vstart
	sd x29, 48(x31)
	sd x0, 56(x31)
	addi x31, x31, 64
	vs8r.v v%d, (x31)
	csrr x29, vlenb
	slli x29, x29, 3
	add x31, x31, x29
	jr x30
'''


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    gen = Generator(int(sys.argv[1]))
    gen.generate(int(sys.argv[2]))
    gen.write(sys.argv[3])
    with open(sys.argv[4], 'w') as f:
        f.write('\n'.join(gen.listing) + '\n')


if __name__ == '__main__':
    main()
