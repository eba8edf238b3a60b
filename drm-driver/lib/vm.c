// SPDX-License-Identifier: MIT
/*
 * Address spaces and bindings, see libcolibri_drm.h.
 */
#include "libcolibri_drm.h"

static int create(const struct colibri_device *dev, uint32_t flags, uint32_t *vm)
{
	struct drm_colibri_vm_create args = { .flags = flags };
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_VM_CREATE, &args);
	if (!ret)
		*vm = args.vm_id;
	return ret;
}

int colibri_vm_create(const struct colibri_device *dev, uint32_t *vm)
{
	return create(dev, 0, vm);
}

int colibri_vm_create_fenced(const struct colibri_device *dev, uint32_t *vm)
{
	return create(dev, DRM_COLIBRI_VM_FENCED, vm);
}

int colibri_vm_destroy(const struct colibri_device *dev, uint32_t vm)
{
	struct drm_colibri_vm_destroy destroy = { .vm_id = vm };

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_VM_DESTROY, &destroy);
}

int colibri_vm_get_state(const struct colibri_device *dev, uint32_t vm,
			 struct drm_colibri_vm_state *state)
{
	struct drm_colibri_vm_state answer = { .vm_id = vm };
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_VM_STATE, &answer);
	if (!ret)
		*state = answer;
	return ret;
}

int colibri_vm_bind(const struct colibri_device *dev, const struct drm_colibri_vm_bind *bind)
{
	struct drm_colibri_vm_bind args = *bind;

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_VM_BIND, &args);
}

int colibri_vm_mirror(const struct colibri_device *dev, uint32_t vm)
{
	const struct drm_colibri_vm_bind bind = {
		.vm_id = vm,
		.op = DRM_COLIBRI_VM_BIND_OP_MIRROR,
	};

	return colibri_vm_bind(dev, &bind);
}

int colibri_vm_map(const struct colibri_device *dev, uint32_t vm, const struct colibri_bo *bo,
		   uint64_t addr, uint32_t flags)
{
	const struct drm_colibri_vm_bind bind = {
		.vm_id = vm,
		.op = DRM_COLIBRI_VM_BIND_OP_MAP,
		.handle = bo->handle,
		.flags = flags,
		.addr = addr,
		.range = bo->size,
	};

	return colibri_vm_bind(dev, &bind);
}

int colibri_vm_unmap(const struct colibri_device *dev, uint32_t vm, uint64_t addr, uint64_t range)
{
	const struct drm_colibri_vm_bind bind = {
		.vm_id = vm,
		.op = DRM_COLIBRI_VM_BIND_OP_UNMAP,
		.addr = addr,
		.range = range,
	};

	return colibri_vm_bind(dev, &bind);
}

int colibri_vm_prefetch(const struct colibri_device *dev, uint32_t vm, uint64_t addr,
			uint64_t range, uint32_t location)
{
	const struct drm_colibri_vm_bind bind = {
		.vm_id = vm,
		.op = DRM_COLIBRI_VM_BIND_OP_PREFETCH,
		.addr = addr,
		.range = range,
		.location = location,
	};

	return colibri_vm_bind(dev, &bind);
}
