/* SPDX-License-Identifier: MIT */
/*
 * Loads a program: an ELF executable, or raw code.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define PAGE 4096ull

uint8_t *
run_read_file(const char *path, size_t *size)
{
   FILE *f = fopen(path, "rb");
   uint8_t *data = NULL;
   size_t n = 0, room = 0, got;

   if (!f)
      run_die("cannot read '%s'", path);
   do {
      room = room ? room * 2 : 65536;
      data = realloc(data, room);
      if (!data)
         run_die("'%s' does not fit into memory", path);
      got = fread(data + n, 1, room - n, f);
      n += got;
   } while (n == room);
   if (ferror(f))
      run_die("cannot read '%s'", path);
   fclose(f);
   *size = n;
   return data;
}

struct image {
   const char *path;
   const uint8_t *data;
   size_t size;
};

static const void *
part(const struct image *img, uint64_t offset, uint64_t size)
{
   if (offset > img->size || size > img->size - offset)
      run_die("'%s' is cut off", img->path);
   return img->data + offset;
}

/* All segments as one piece: they may share pages. */
static void
load_segments(struct run_machine *m, const struct image *img, const Elf64_Ehdr *eh)
{
   const Elf64_Phdr *ph = part(img, eh->e_phoff, (uint64_t)eh->e_phnum * sizeof(*ph));
   uint64_t lo = UINT64_MAX, hi = 0;

   for (unsigned i = 0; i < eh->e_phnum; i++) {
      if (ph[i].p_type != PT_LOAD || !ph[i].p_memsz)
         continue;
      if (ph[i].p_filesz > ph[i].p_memsz || ph[i].p_vaddr > UINT64_MAX - ph[i].p_memsz)
         run_die("'%s' has a segment that makes no sense", img->path);
      if (ph[i].p_vaddr < lo)
         lo = ph[i].p_vaddr;
      if (ph[i].p_vaddr + ph[i].p_memsz > hi)
         hi = ph[i].p_vaddr + ph[i].p_memsz;
   }
   if (lo >= hi)
      run_die("'%s' has nothing to load", img->path);

   uint8_t *host = run_map(m, lo, hi - lo);

   for (unsigned i = 0; i < eh->e_phnum; i++) {
      if (ph[i].p_type == PT_LOAD)
         memcpy(host + (ph[i].p_vaddr - lo), part(img, ph[i].p_offset, ph[i].p_filesz),
                ph[i].p_filesz);
   }
}

static uint64_t
find_symbol(const struct image *img, const Elf64_Ehdr *eh, const char *name)
{
   const Elf64_Shdr *sh = part(img, eh->e_shoff, (uint64_t)eh->e_shnum * sizeof(*sh));

   for (unsigned i = 0; i < eh->e_shnum; i++) {
      if (sh[i].sh_type != SHT_SYMTAB || sh[i].sh_link >= eh->e_shnum)
         continue;

      const Elf64_Sym *sym = part(img, sh[i].sh_offset, sh[i].sh_size);
      const Elf64_Shdr *str = &sh[sh[i].sh_link];
      const char *names = part(img, str->sh_offset, str->sh_size);
      size_t len = strlen(name) + 1;

      for (uint64_t k = 0; k < sh[i].sh_size / sizeof(*sym); k++) {
         /* A source file may bear the name of its function. */
         if (sym[k].st_shndx != SHN_UNDEF && ELF64_ST_TYPE(sym[k].st_info) != STT_FILE &&
             sym[k].st_name < str->sh_size &&
             len <= str->sh_size - sym[k].st_name && !memcmp(names + sym[k].st_name, name, len))
            return sym[k].st_value;
      }
   }
   run_die("'%s' has no symbol '%s'", img->path, name);
}

uint64_t
run_load(struct run_machine *m, const char *path, uint64_t base, const char *entry)
{
   struct image img = {.path = path};

   img.data = run_read_file(path, &img.size);

   const Elf64_Ehdr *eh = (const void *)img.data;

   if (img.size < sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG)) {
      if (!img.size || entry)
         run_die(entry ? "'%s' is raw code: it has no symbols" : "'%s' is empty", path);
      memcpy(run_map(m, base, img.size), img.data, img.size);
      return base;
   }
   if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_machine != EM_RISCV ||
       (eh->e_type != ET_EXEC && eh->e_type != ET_DYN) || eh->e_phentsize != sizeof(Elf64_Phdr))
      run_die("'%s' is not a linked 64-bit RISC-V program", path);
   load_segments(m, &img, eh);
   return entry ? find_symbol(&img, eh, entry) : eh->e_entry;
}
