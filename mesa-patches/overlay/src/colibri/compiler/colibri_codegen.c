/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* From LLVM IR to machine code, and the compiler's entry point. */
#include <llvm-c/Analysis.h>
#include <llvm-c/Support.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "colibri_elf.h"
#include "colibri_llvm.h"
#include "colibri_nir.h"
#include "lib/colibri_debug.h"
#include "util/u_call_once.h"
#include "util/u_math.h"

/*
 * NIR has done most of the work: this cleans up after the translation. Loops
 * are left as they are, and nothing that would make library calls is run.
 */
static const char passes[] =
   "function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,"
   "simplifycfg,loop-mssa(licm),early-cse<memssa>,"
   "instcombine<no-verify-fixpoint>,simplifycfg)";

/*
 * The stack is measured by what the entry block reserves (colibri_stack.c), so
 * that must not move to where it is first needed. LLVM has no other way to say
 * so than an option.
 */
static void
init_llvm(void)
{
   static const char *const options[] = {"colibri",
                                         "-enable-shrink-wrap=false"};

   LLVMParseCommandLineOptions(ARRAY_SIZE(options), options, NULL);
   LLVMInitializeRISCVTargetInfo();
   LLVMInitializeRISCVTarget();
   LLVMInitializeRISCVTargetMC();
   LLVMInitializeRISCVAsmPrinter();
   LLVMInitializeRISCVAsmParser();
}

static LLVMTargetMachineRef
create_target_machine(char **error)
{
   LLVMTargetRef target;
   char *message = NULL;

   if (LLVMGetTargetFromTriple(COLIBRI_TARGET_TRIPLE, &target, &message)) {
      *error = strdup(message);
      LLVMDisposeMessage(message);
      return NULL;
   }
   return LLVMCreateTargetMachine(target, COLIBRI_TARGET_TRIPLE, "generic-rv64",
                                  COLIBRI_TARGET_FEATURES,
                                  LLVMCodeGenLevelDefault, LLVMRelocStatic,
                                  LLVMCodeModelMedium);
}

static void
print_module(LLVMModuleRef module, const char *when)
{
   char *text = LLVMPrintModuleToString(module);

   fprintf(stderr, "; LLVM IR %s\n%s\n", when, text);
   LLVMDisposeMessage(text);
}

static bool
verify(LLVMModuleRef module, char **error)
{
   char *message = NULL;
   bool bad = LLVMVerifyModule(module, LLVMReturnStatusAction, &message);

   if (bad && asprintf(error, "invalid LLVM IR: %s", message) < 0)
      *error = NULL;
   LLVMDisposeMessage(message);
   return !bad;
}

static bool
optimize(LLVMModuleRef module, LLVMTargetMachineRef tm, char **error)
{
   if (colibri_debug(COLIBRI_DBG_NOOPT))
      return true;

   LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
   LLVMErrorRef err = LLVMRunPasses(module, passes, tm, options);
   LLVMDisposePassBuilderOptions(options);
   if (!err)
      return true;

   char *message = LLVMGetErrorMessage(err);
   *error = strdup(message);
   LLVMDisposeErrorMessage(message);
   return false;
}

static void
print_assembly(LLVMModuleRef module, LLVMTargetMachineRef tm)
{
   LLVMModuleRef clone = LLVMCloneModule(module);
   LLVMMemoryBufferRef text = NULL;
   char *message = NULL;

   if (LLVMTargetMachineEmitToMemoryBuffer(tm, clone, LLVMAssemblyFile,
                                           &message, &text)) {
      LLVMDisposeMessage(message);
   } else {
      fwrite(LLVMGetBufferStart(text), 1, LLVMGetBufferSize(text), stderr);
      LLVMDisposeMemoryBuffer(text);
   }
   LLVMDisposeModule(clone);
}

static bool
emit(LLVMModuleRef module, LLVMTargetMachineRef tm,
     struct colibri_shader *shader, char **error)
{
   LLVMMemoryBufferRef object = NULL;
   char *message = NULL;

   if (LLVMTargetMachineEmitToMemoryBuffer(tm, module, LLVMObjectFile, &message,
                                           &object)) {
      *error = strdup(message);
      LLVMDisposeMessage(message);
      return false;
   }
   const char *data = LLVMGetBufferStart(object);
   const size_t size = LLVMGetBufferSize(object);
   bool ok = colibri_elf_link(data, size, shader, error);

   /* Without lines messages say less, and nothing else changes. */
   if (ok && !colibri_read_debug_lines(data, size, &shader->lines))
      colibri_lines_finish(&shader->lines);
   LLVMDisposeMemoryBuffer(object);
   return ok;
}

bool
colibri_llvm_codegen(LLVMModuleRef module, struct colibri_shader *shader,
                     char **error)
{
   LLVMTargetMachineRef tm = create_target_machine(error);
   if (!tm)
      return false;

   LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(tm);
   LLVMSetModuleDataLayout(module, layout);
   LLVMDisposeTargetData(layout);
   if (colibri_debug(COLIBRI_DBG_LLVM))
      print_module(module, "as translated");

   bool ok = verify(module, error) && optimize(module, tm, error);
   if (ok && colibri_debug(COLIBRI_DBG_LLVM))
      print_module(module, "optimized");
   if (ok && colibri_debug(COLIBRI_DBG_ASM))
      print_assembly(module, tm);
   ok = ok && emit(module, tm, shader, error);
   LLVMDisposeTargetMachine(tm);
   return ok;
}

/* What LLVM would say on stderr before it gives up becomes the error. */
static void
keep_diagnostic(LLVMDiagnosticInfoRef info, void *data)
{
   char **error = data;

   if (LLVMGetDiagInfoSeverity(info) != LLVMDSError || *error)
      return;
   char *message = LLVMGetDiagInfoDescription(info);
   *error = strdup(message);
   LLVMDisposeMessage(message);
}

bool
colibri_compile_nir(nir_shader *nir, const struct colibri_shader_key *key,
                    const char *name, struct colibri_shader *shader,
                    char **error)
{
   static util_once_flag once = UTIL_ONCE_FLAG_INIT;

   if (nir->scratch_size > COLIBRI_MAX_PRIVATE) {
      *error = strdup("it needs more private memory than a work-item can have");
      return false;
   }

   util_call_once(&once, init_llvm);
   struct colibri_debug_info *debug_info = colibri_nir_prepare(nir, key);
   if (colibri_debug(COLIBRI_DBG_NIR))
      nir_print_shader(nir, stderr);

   LLVMContextRef context = LLVMContextCreate();
   char *diagnostic = NULL;
   bool ok = false;

   LLVMContextSetDiagnosticHandler(context, keep_diagnostic, &diagnostic);
   struct colibri_shader_info info = {0};
   LLVMModuleRef module =
      colibri_nir_to_llvm(nir, key, debug_info, &info, name, context, error);
   if (module) {
      ok = colibri_llvm_codegen(module, shader, error);
      LLVMDisposeModule(module);
   }
   LLVMContextDispose(context);

   if (ok && diagnostic) {
      colibri_lines_finish(&shader->lines);
      free(shader->code);
      shader->code = NULL;
      ok = false;
   }
   if (!ok && diagnostic && !*error) {
      *error = diagnostic;
      diagnostic = NULL;
   }
   free(diagnostic);
   shader->info.private_size = ALIGN_POT(nir->scratch_size, 16);
   shader->info.local_slack = info.local_slack;
   return ok;
}
