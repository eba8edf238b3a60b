/* SPDX-License-Identifier: MIT */
/*
 * Control and status registers: floating point, vector, counters, and the
 * wave's place in its grid.
 */
#include <time.h>

#include "exec.h"
#include "fpenv.h"

enum {
   CSR_FFLAGS = 0x001,
   CSR_FRM = 0x002,
   CSR_FCSR = 0x003,
   CSR_VSTART = 0x008,
   CSR_VXSAT = 0x009,
   CSR_VXRM = 0x00a,
   CSR_VCSR = 0x00f,
   CSR_CYCLE = 0xc00,
   CSR_TIME = 0xc01,
   CSR_INSTRET = 0xc02,
   CSR_VL = 0xc20,
   CSR_VTYPE = 0xc21,
   CSR_VLENB = 0xc22,
};

void
cg_rm_set(struct cg_wave *w, unsigned rm)
{
   w->rm = rm;
   cg_fp_set_rm(rm);
   cg_vcfg_update(w);
}

uint32_t
cg_fflags_get(const struct cg_wave *w)
{
   return w->fflags | cg_fp_flags();
}

static void
fflags_set(struct cg_wave *w, uint32_t flags)
{
   cg_fp_clear_flags();
   w->fflags = flags & 0x1f;
}

static void
frm_set(struct cg_wave *w, uint32_t frm)
{
   w->frm = frm & 7;
   cg_rm_set(w, w->frm);
}

static uint64_t
time_ns(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool
csr_read_grid(const struct cg_wave *w, unsigned csr, uint64_t *value)
{
   const struct cg_group *g = w->group;
   unsigned n = csr - COLIBRI_CSR_WG_ID(0);
   switch (n / 3) {
   case 0: *value = g->wg_id[n % 3]; return true;
   case 1: *value = g->wg_size[n % 3]; return true;
   case 2: *value = g->wg_size_nom[n % 3]; return true;
   case 3: *value = g->grid_size[n % 3]; return true;
   }
   switch (csr) {
   case COLIBRI_CSR_WAVE_IN_WG: *value = w->wave_in_wg; return true;
   case COLIBRI_CSR_KERNARG: *value = g->kernarg; return true;
   case COLIBRI_CSR_DIMS: *value = g->dims; return true;
   case COLIBRI_CSR_WAVES_IN_WG: *value = g->num_waves; return true;
   }
   return false;
}

static bool
csr_read(const struct cg_wave *w, unsigned csr, uint64_t *value)
{
   switch (csr) {
   case CSR_FFLAGS: *value = cg_fflags_get(w); return true;
   case CSR_FRM: *value = w->frm; return true;
   case CSR_FCSR: *value = cg_fflags_get(w) | w->frm << 5; return true;
   case CSR_VSTART: *value = w->vstart; return true;
   case CSR_VXSAT: *value = w->vxsat; return true;
   case CSR_VXRM: *value = w->vxrm; return true;
   case CSR_VCSR: *value = w->vxsat | w->vxrm << 1; return true;
   case CSR_CYCLE:
   case CSR_TIME: *value = time_ns(); return true;
   case CSR_INSTRET: *value = w->instret; return true;
   case CSR_VL: *value = w->vl; return true;
   case CSR_VTYPE: *value = w->vtype; return true;
   case CSR_VLENB: *value = w->vlenb; return true;
   default: return csr_read_grid(w, csr, value);
   }
}

static bool
csr_write(struct cg_wave *w, unsigned csr, uint64_t value)
{
   switch (csr) {
   case CSR_FFLAGS:
      fflags_set(w, value);
      return true;
   case CSR_FRM:
      frm_set(w, value);
      return true;
   case CSR_FCSR:
      fflags_set(w, value);
      frm_set(w, value >> 5);
      return true;
   case CSR_VSTART:
      w->vstart = value & (8 * w->vlenb - 1);
      cg_vcfg_update(w);
      return true;
   case CSR_VXSAT:
      w->vxsat = value & 1;
      return true;
   case CSR_VXRM:
      w->vxrm = value & 3;
      return true;
   case CSR_VCSR:
      w->vxsat = value & 1;
      w->vxrm = value >> 1 & 3;
      return true;
   default:
      return false;
   }
}

/* op->form is funct3, op->imm the CSR's number, op->rs1 the immediate of the I forms. */
CG_HANDLER(csr)
{
   unsigned csr = op->imm;
   uint64_t source = op->form & 4 ? op->rs1 : w->x[op->rs1];
   bool writes = (op->form & 3) == 1 || op->rs1 != 0;
   uint64_t old;

   if (!csr_read(w, csr, &old))
      return cg_illegal(w, op);
   if (writes) {
      uint64_t value = (op->form & 3) == 1 ? source :
                       (op->form & 3) == 2 ? old | source : old & ~source;
      if (!csr_write(w, csr, value))
         return cg_illegal(w, op);
   }
   w->x[op->rd] = old;
   return op + op->len;
}
