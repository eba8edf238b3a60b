/* SPDX-License-Identifier: MIT */
/*
 * The rules of the V extension about register groups.
 */
#include "vec.h"

bool
cg_emul_ok(int emul)
{
   return emul >= -3 && emul <= 3;
}

bool
cg_group_ok(unsigned reg, int emul)
{
   return emul <= 0 || (reg & ((1u << emul) - 1)) == 0;
}

static unsigned
group_regs(int emul)
{
   return emul > 0 ? 1u << emul : 1;
}

bool
cg_groups_touch(unsigned a, int aemul, unsigned b, int bemul)
{
   return a < b + group_regs(bemul) && b < a + group_regs(aemul);
}

bool
cg_overlap_ok(unsigned vd, int demul, int deew, unsigned vs, int semul, int seew)
{
   if (deew == seew || !cg_groups_touch(vd, demul, vs, semul))
      return true;
   if (deew < seew)
      return vd == vs;   /* the lowest part of the source */
   /* the highest part of the destination */
   return semul >= 0 && vs + group_regs(semul) == vd + group_regs(demul);
}
