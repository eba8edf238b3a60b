// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory, see libcolibri_drm.h.
 */
#include "libcolibri_drm.h"

int colibri_svm_prefetch(const struct colibri_device *dev, uint32_t vm, const void *addr,
			 uint64_t size, uint32_t location)
{
	struct drm_colibri_svm_prefetch prefetch = {
		.vm_id = vm,
		.location = location,
		.addr = (uintptr_t)addr,
		.size = size,
	};

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_SVM_PREFETCH, &prefetch);
}

int colibri_svm_get_stats(const struct colibri_device *dev, uint32_t vm,
			  struct drm_colibri_svm_stats *stats)
{
	struct drm_colibri_svm_stats answer = { .vm_id = vm };
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_SVM_STATS, &answer);
	if (!ret)
		*stats = answer;
	return ret;
}

int colibri_svm_advise(const struct colibri_device *dev, uint32_t vm, const void *addr,
		       uint64_t size, uint32_t advice, uint32_t value)
{
	struct drm_colibri_svm_advise advise = {
		.vm_id = vm,
		.advice = advice,
		.value = value,
		.addr = (uintptr_t)addr,
		.size = size,
	};

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_SVM_ADVISE, &advise);
}

int colibri_svm_query(const struct colibri_device *dev, uint32_t vm, const void *addr,
		      uint64_t size, uint16_t *pages)
{
	struct drm_colibri_svm_query query = {
		.vm_id = vm,
		.addr = (uintptr_t)addr,
		.size = size,
		.pages = (uintptr_t)pages,
	};

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_SVM_QUERY, &query);
}
