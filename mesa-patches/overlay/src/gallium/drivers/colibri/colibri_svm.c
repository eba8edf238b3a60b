/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* Where memory is: migration ahead of its use, and advice. */
#include "colibri_svm.h"

#define CL_TARGET_OPENCL_VERSION 300

#include <CL/cl_ext_colibri.h>
#include <errno.h>

#include "colibri_context.h"
#include "colibri_resource.h"
#include "colibri_screen.h"

/* What the extension says is what the kernel takes. */
static_assert(CL_SVM_ADVICE_PREFERRED_LOCATION_COLIBRI ==
                 DRM_COLIBRI_SVM_ADVISE_PREFERRED, "");
static_assert(CL_SVM_PREFER_DEVICE_COLIBRI == DRM_COLIBRI_SVM_PREFER_VRAM, "");
static_assert(CL_SVM_PREFER_HOST_COLIBRI == DRM_COLIBRI_SVM_PREFER_SYSTEM, "");
static_assert(CL_SVM_ADVICE_TOUCH_COLIBRI == DRM_COLIBRI_SVM_ADVISE_TOUCH, "");
static_assert(CL_SVM_TOUCH_REMOTE_COLIBRI == DRM_COLIBRI_SVM_TOUCH_REMOTE, "");
static_assert(CL_SVM_ADVICE_READ_MOSTLY_COLIBRI ==
                 DRM_COLIBRI_SVM_ADVISE_READ_MOSTLY, "");
static_assert(CL_SVM_ADVICE_ACCESSED_BY_COLIBRI ==
                 DRM_COLIBRI_SVM_ADVISE_ACCESSED_BY, "");
static_assert(CL_SVM_ADVICE_ATOMIC_COLIBRI == DRM_COLIBRI_SVM_ADVISE_ATOMIC, "");
static_assert(CL_SVM_ATOMIC_DEVICE_COLIBRI == DRM_COLIBRI_SVM_ATOMIC_DEVICE, "");
static_assert(CL_SVM_ATOMIC_NONE_COLIBRI == DRM_COLIBRI_SVM_ATOMIC_NONE, "");

static int
colibri_advise(struct pipe_screen *pscreen, const void *ptr, size_t size,
               unsigned advice, unsigned value)
{
   if (advice > CL_SVM_ADVICE_ATOMIC_COLIBRI)
      return -EINVAL;
   return colibri_ws_advise(&colibri_screen(pscreen)->ws, ptr, size, advice,
                            value);
}

static void
colibri_svm_migrate(struct pipe_context *pctx, unsigned num_ptrs,
                    const void *const *ptrs, const size_t *sizes,
                    bool to_device, bool content_undefined)
{
   struct colibri_context *ctx = colibri_context(pctx);

   /* In order with the kernels around it. */
   colibri_context_finish(ctx);
   for (unsigned i = 0; i < num_ptrs; i++)
      colibri_ws_prefetch(&ctx->screen->ws, ptrs[i], sizes[i], to_device);
}

static void
colibri_resource_migrate(struct pipe_context *pctx, struct pipe_resource *pres,
                         unsigned offset, unsigned size, bool to_device,
                         bool content_undefined)
{
   struct colibri_resource *res = colibri_resource(pres);
   const void *ptr = (const char *)res->ptr + offset;
   const size_t bytes = size ? size : colibri_resource_size(res) - offset;

   colibri_svm_migrate(pctx, 1, &ptr, &bytes, to_device, content_undefined);
}

void
colibri_init_screen_svm(struct pipe_screen *pscreen)
{
   pscreen->svm_advise = colibri_advise;
}

void
colibri_init_context_svm(struct pipe_context *pctx)
{
   pctx->svm_migrate = colibri_svm_migrate;
   pctx->resource_migrate = colibri_resource_migrate;
}
