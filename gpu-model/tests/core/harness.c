/* SPDX-License-Identifier: MIT */
/*
 * See harness.h.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "harness.h"

static enum cg_xlate_result
translate(void *priv, uint32_t asid, uint64_t va, uint8_t access, struct cg_xlate *out)
{
   struct machine *m = priv;
   uint64_t page = va & ~4095ull;
   if (page < GUEST_BASE || page >= GUEST_BASE + GUEST_SIZE)
      return CG_XLATE_FAULT;
   *out = (struct cg_xlate){
      .host = m->mem + (page - GUEST_BASE), .size = 4096,
      .perm = CG_PERM_R | CG_PERM_W | CG_PERM_X | CG_PERM_A,
   };
   return CG_XLATE_OK;
}

void
machine_init(struct machine *m, uint32_t vlen)
{
   memset(m, 0, sizeof(*m));
   m->mem = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
   m->cfg = (struct cg_core_config){ .vlen = vlen, .sys_atomics = true, .translate = translate, .priv = m };
   m->core = cg_core_create(&m->cfg);
   m->wave = cg_wave_create(&m->cfg);
   m->group = (struct cg_group){
      .asid = 1, .wg_size = { 64, 1, 1 }, .wg_size_nom = { 64, 1, 1 }, .grid_size = { 64, 1, 1 },
      .dims = 1, .num_waves = 1, .lds = m->lds, .lds_size = sizeof(m->lds),
      .private_size = 256, .stack_size = 65536,
   };
   if (m->mem == MAP_FAILED || !m->core || !m->wave) {
      fprintf(stderr, "no memory for the test machine\n");
      exit(99);
   }
}

void
machine_fini(struct machine *m)
{
   cg_wave_destroy(m->wave);
   cg_core_destroy(m->core);
   munmap(m->mem, GUEST_SIZE);
}

void
machine_start(struct machine *m, uint64_t entry)
{
   cg_core_tlb_flush(m->core);
   if (!cg_wave_reset(m->wave, &m->group, 0, entry)) {
      fprintf(stderr, "no memory for the wave\n");
      exit(99);
   }
}

static void
load_segment(struct machine *m, FILE *f, const Elf64_Phdr *ph, const char *path)
{
   if (ph->p_type != PT_LOAD)
      return;
   bool inside = ph->p_vaddr >= GUEST_BASE && ph->p_vaddr + ph->p_memsz <= GUEST_BASE + GUEST_SIZE;
   if (!inside || fseek(f, (long)ph->p_offset, SEEK_SET) ||
       fread(machine_ptr(m, ph->p_vaddr), 1, ph->p_filesz, f) != ph->p_filesz) {
      fprintf(stderr, "%s: cannot load the segment at %#lx\n", path, (unsigned long)ph->p_vaddr);
      exit(99);
   }
}

void
machine_load(struct machine *m, const char *path)
{
   Elf64_Ehdr eh;
   Elf64_Phdr ph[16];
   FILE *f = fopen(path, "rb");
   if (!f || fread(&eh, sizeof(eh), 1, f) != 1 || eh.e_phnum > 16 || fseek(f, (long)eh.e_phoff, SEEK_SET) ||
       fread(ph, sizeof(ph[0]), eh.e_phnum, f) != eh.e_phnum) {
      fprintf(stderr, "%s: not a program\n", path);
      exit(99);
   }
   for (unsigned i = 0; i < eh.e_phnum; i++)
      load_segment(m, f, &ph[i], path);
   fclose(f);
   machine_start(m, eh.e_entry);
}

bool
machine_at_ecall(struct machine *m, enum cg_stop stop)
{
   uint32_t insn = 0;
   uint64_t pc = cg_wave_pc(m->wave);
   if (stop == CG_STOP_ERROR && pc >= GUEST_BASE && pc < GUEST_BASE + GUEST_SIZE)
      memcpy(&insn, machine_ptr(m, pc), sizeof(insn));
   return insn == 0x73;
}
