/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * A linker for one object file of one function.
 *
 * Sections that are loaded are laid out one after the other, code first, and
 * the few kinds of relocation that the medium code model gives are applied. All
 * of them are relative to the program counter, so the result runs anywhere.
 * Whatever else the object asks for - a library call, a writable section - is
 * an error that names it.
 */
#include "colibri_elf.h"

#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "colibri_compiler.h"
#include "colibri_stack.h"
#include "util/macros.h"
#include "util/u_math.h"

/* What a section may ask for at most; also how the code itself is placed. */
#define MAX_ALIGN 64

struct elf {
   const uint8_t *data;
   size_t size;
   const Elf64_Ehdr *header;
   const Elf64_Shdr *sections;

   /** Offset of each section in the result, or NOT_LOADED. */
   uint32_t *place;

   uint8_t *out;
   uint32_t out_size;
   /** Of that, machine code. */
   uint32_t text_size;
   char **error;
};

#define NOT_LOADED UINT32_MAX

static bool PRINTFLIKE(2, 3)
fail(struct elf *elf, const char *fmt, ...)
{
   va_list args;

   va_start(args, fmt);
   if (vasprintf(elf->error, fmt, args) < 0)
      *elf->error = NULL;
   va_end(args);
   return false;
}

static bool
in_file(const struct elf *elf, uint64_t offset, uint64_t size)
{
   return offset <= elf->size && size <= elf->size - offset;
}

static bool
open_object(struct elf *elf)
{
   elf->header = (const Elf64_Ehdr *)elf->data;
   if (!in_file(elf, 0, sizeof(Elf64_Ehdr)) ||
       memcmp(elf->header->e_ident, ELFMAG, SELFMAG) ||
       elf->header->e_machine != EM_RISCV || elf->header->e_type != ET_REL ||
       !in_file(elf, elf->header->e_shoff,
                (uint64_t)elf->header->e_shnum * sizeof(Elf64_Shdr)))
      return fail(elf, "LLVM gave no RISC-V object file");
   elf->sections =
      (const Elf64_Shdr *)(elf->data + elf->header->e_shoff);
   return true;
}

static bool
place_section(struct elf *elf, unsigned i)
{
   const Elf64_Shdr *section = &elf->sections[i];

   if (section->sh_flags & SHF_WRITE)
      return fail(elf, "the code has writable data");
   if (section->sh_type != SHT_PROGBITS ||
       !in_file(elf, section->sh_offset, section->sh_size))
      return fail(elf, "the object has a section of unknown type");
   elf->out_size = ALIGN_POT(elf->out_size,
                             CLAMP(section->sh_addralign, 1, MAX_ALIGN));
   elf->place[i] = elf->out_size;
   elf->out_size += section->sh_size;
   return true;
}

/* Code comes first: the entry point is at its start. */
static bool
place_sections(struct elf *elf)
{
   const unsigned count = elf->header->e_shnum;

   elf->place = malloc(count * sizeof(*elf->place));
   if (!elf->place)
      return fail(elf, "out of memory");
   for (unsigned i = 0; i < count; i++)
      elf->place[i] = NOT_LOADED;

   for (unsigned code = 0; code < 2; code++) {
      for (unsigned i = 0; i < count; i++) {
         const Elf64_Shdr *section = &elf->sections[i];
         bool is_code = section->sh_flags & SHF_EXECINSTR;

         if ((section->sh_flags & SHF_ALLOC) && section->sh_size &&
             is_code == !code && !place_section(elf, i))
            return false;
      }
      if (!code)
         elf->text_size = elf->out_size;
   }
   return elf->out_size ? true : fail(elf, "the object has no code");
}

static bool
copy_sections(struct elf *elf)
{
   elf->out = calloc(1, elf->out_size);
   if (!elf->out)
      return fail(elf, "out of memory");
   for (unsigned i = 0; i < elf->header->e_shnum; i++) {
      if (elf->place[i] != NOT_LOADED)
         memcpy(elf->out + elf->place[i],
                elf->data + elf->sections[i].sh_offset,
                elf->sections[i].sh_size);
   }
   return true;
}

/* Offset of a symbol in the result. */
static bool
symbol_value(struct elf *elf, const Elf64_Shdr *symtab, unsigned index,
             int64_t *value)
{
   const Elf64_Sym *symbols =
      (const Elf64_Sym *)(elf->data + symtab->sh_offset);

   if (index >= symtab->sh_size / sizeof(*symbols))
      return fail(elf, "a relocation has no symbol");
   const Elf64_Sym *symbol = &symbols[index];
   const char *names =
      (const char *)elf->data + elf->sections[symtab->sh_link].sh_offset;

   if (symbol->st_shndx == SHN_UNDEF ||
       symbol->st_shndx >= elf->header->e_shnum ||
       elf->place[symbol->st_shndx] == NOT_LOADED)
      return fail(elf, "the code needs %s, which the GPU has not",
                  names + symbol->st_name);
   *value = elf->place[symbol->st_shndx] + symbol->st_value;
   return true;
}

static uint32_t
read32(const uint8_t *p)
{
   uint32_t value;

   memcpy(&value, p, sizeof(value));
   return value;
}

static void
write32(uint8_t *p, uint32_t value)
{
   memcpy(p, &value, sizeof(value));
}

/* Upper 20 bits, rounded for a signed lower part; an lui or auipc holds them. */
static void
patch_u_type(uint8_t *insn, int64_t value)
{
   write32(insn,
           (read32(insn) & 0xfff) | ((uint32_t)(value + 0x800) & 0xfffff000));
}

static void
patch_i_type(uint8_t *insn, int64_t value)
{
   write32(insn, (read32(insn) & 0xfffff) | (uint32_t)(value & 0xfff) << 20);
}

static void
patch_s_type(uint8_t *insn, int64_t value)
{
   uint32_t low = value & 0xfff;

   write32(insn, (read32(insn) & 0x01fff07f) | (low & 0x1f) << 7 |
                    (low >> 5) << 25);
}

static void
patch_branch(uint8_t *insn, int64_t value)
{
   uint32_t v = value;
   uint32_t imm = (v >> 12 & 1) << 31 | (v >> 5 & 0x3f) << 25 |
                  (v >> 1 & 0xf) << 8 | (v >> 11 & 1) << 7;

   write32(insn, (read32(insn) & 0x01fff07f) | imm);
}

static void
patch_jump(uint8_t *insn, int64_t value)
{
   uint32_t v = value;
   uint32_t imm = (v >> 20 & 1) << 31 | (v >> 1 & 0x3ff) << 21 |
                  (v >> 11 & 1) << 20 | (v >> 12 & 0xff) << 12;

   write32(insn, (read32(insn) & 0xfff) | imm);
}

/*
 * A low part names the instruction with the high part, whose own relocation
 * tells the target.
 */
static bool
pcrel_of_high_part(struct elf *elf, const Elf64_Shdr *rela_section,
                   int64_t high_place, int64_t *value)
{
   const Elf64_Rela *relas =
      (const Elf64_Rela *)(elf->data + rela_section->sh_offset);
   const Elf64_Shdr *symtab = &elf->sections[rela_section->sh_link];
   uint32_t base = elf->place[rela_section->sh_info];

   for (unsigned i = 0; i < rela_section->sh_size / sizeof(*relas); i++) {
      if (ELF64_R_TYPE(relas[i].r_info) != R_RISCV_PCREL_HI20 ||
          base + (int64_t)relas[i].r_offset != high_place)
         continue;
      if (!symbol_value(elf, symtab, ELF64_R_SYM(relas[i].r_info), value))
         return false;
      *value += relas[i].r_addend - high_place;
      return true;
   }
   return fail(elf, "a relocation lacks its high part");
}

static bool
apply(struct elf *elf, const Elf64_Shdr *rela_section, const Elf64_Rela *rela)
{
   const unsigned type = ELF64_R_TYPE(rela->r_info);
   const Elf64_Shdr *symtab = &elf->sections[rela_section->sh_link];
   const int64_t place = elf->place[rela_section->sh_info] + rela->r_offset;
   int64_t value;

   if (type == R_RISCV_RELAX || type == R_RISCV_NONE)
      return true;
   if (place + 4 > elf->out_size)
      return fail(elf, "a relocation lies outside of the code");
   if (!symbol_value(elf, symtab, ELF64_R_SYM(rela->r_info), &value))
      return false;
   value += rela->r_addend;

   uint8_t *insn = elf->out + place;
   switch (type) {
   case R_RISCV_PCREL_HI20:
      patch_u_type(insn, value - place);
      return true;
   case R_RISCV_PCREL_LO12_I:
   case R_RISCV_PCREL_LO12_S:
      if (!pcrel_of_high_part(elf, rela_section, value, &value))
         return false;
      if (type == R_RISCV_PCREL_LO12_I)
         patch_i_type(insn, value);
      else
         patch_s_type(insn, value);
      return true;
   case R_RISCV_BRANCH:
      patch_branch(insn, value - place);
      return true;
   case R_RISCV_JAL:
      patch_jump(insn, value - place);
      return true;
   default:
      return fail(elf, "relocation type %u is not supported", type);
   }
}

static bool
relocate(struct elf *elf)
{
   for (unsigned i = 0; i < elf->header->e_shnum; i++) {
      const Elf64_Shdr *section = &elf->sections[i];

      if (section->sh_type != SHT_RELA ||
          section->sh_info >= elf->header->e_shnum ||
          elf->place[section->sh_info] == NOT_LOADED)
         continue;

      const Elf64_Rela *relas =
         (const Elf64_Rela *)(elf->data + section->sh_offset);
      for (unsigned r = 0; r < section->sh_size / sizeof(*relas); r++) {
         if (!apply(elf, section, &relas[r]))
            return false;
      }
   }
   return true;
}

bool
colibri_elf_link(const void *object, size_t size,
                 struct colibri_shader *shader, char **error)
{
   struct elf elf = {.data = object, .size = size, .error = error};
   bool ok = open_object(&elf) && place_sections(&elf) &&
             copy_sections(&elf) && relocate(&elf) &&
             colibri_stack_size(elf.out, elf.text_size,
                                &shader->info.stack_size, error);

   free(elf.place);
   if (!ok) {
      free(elf.out);
      return false;
   }
   shader->code = elf.out;
   shader->info.code_size = elf.out_size;
   shader->info.entry = 0;
   return true;
}
