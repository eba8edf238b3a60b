/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * cl_colibri_svm_advise: how memory of the process is going to be used.
 *
 * With fine-grained system SVM a kernel reaches all memory of the process, and the driver moves it between
 * system memory and the device's own. clEnqueueSVMMigrateMem() moves it ahead; advice changes where it goes when
 * it is used, and stays with the addresses until they are unmapped. It never changes what a kernel or the
 * process reads, but for CL_SVM_ATOMIC_NONE_COLIBRI.
 *
 * The function comes from clGetExtensionFunctionAddressForPlatform().
 */
#ifndef CL_EXT_COLIBRI_H
#define CL_EXT_COLIBRI_H

#include <CL/cl.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CL_COLIBRI_SVM_ADVISE_EXTENSION_NAME "cl_colibri_svm_advise"

typedef cl_uint cl_svm_advice_colibri;

/* cl_svm_advice_colibri, and its values. The first value is the default. */
#define CL_SVM_ADVICE_PREFERRED_LOCATION_COLIBRI 0
#define CL_SVM_PREFER_ANY_COLIBRI                0
#define CL_SVM_PREFER_DEVICE_COLIBRI             1 /* it goes there with the device's first use, and is evicted last */
#define CL_SVM_PREFER_HOST_COLIBRI               2 /* it stays in system memory, where the device accesses it */

#define CL_SVM_ADVICE_TOUCH_COLIBRI              1
#define CL_SVM_TOUCH_MIGRATE_COLIBRI             0 /* the device's first use moves a page */
#define CL_SVM_TOUCH_REMOTE_COLIBRI              1 /* it accesses the page where it is; much used, it moves */

#define CL_SVM_ADVICE_READ_MOSTLY_COLIBRI        2 /* CL_FALSE, or CL_TRUE: the device may read a copy */
#define CL_SVM_ADVICE_ACCESSED_BY_COLIBRI        3 /* CL_FALSE, or CL_TRUE: map ahead of the first use, in place */

#define CL_SVM_ADVICE_ATOMIC_COLIBRI             4
#define CL_SVM_ATOMIC_ALL_COLIBRI                0 /* host and device, at the same time */
#define CL_SVM_ATOMIC_DEVICE_COLIBRI             1 /* the device alone */
#define CL_SVM_ATOMIC_NONE_COLIBRI               2 /* the host alone: the device's are errors of their command */

/*
 * Advises the pages that [svm_pointer, svm_pointer + size) touches, which clSVMAlloc(), malloc() or mmap() made.
 * Effective at once, and not ordered with commands.
 *
 * CL_INVALID_CONTEXT
 * CL_INVALID_DEVICE     device is not of the context
 * CL_INVALID_OPERATION  device has not the extension
 * CL_INVALID_VALUE      NULL or an empty range, or there is no such advice or value
 * CL_OUT_OF_RESOURCES   there is no memory to keep the advice
 */
typedef cl_int CL_API_CALL clSVMAdviseCOLIBRI_t(cl_context context, cl_device_id device, const void *svm_pointer,
                                                size_t size, cl_svm_advice_colibri advice, cl_uint value);
typedef clSVMAdviseCOLIBRI_t *clSVMAdviseCOLIBRI_fn;

#ifdef __cplusplus
}
#endif

#endif /* CL_EXT_COLIBRI_H */
