// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Interrupts.
 */

/**
 * DOC: Interrupts
 *
 * One MSI-X vector for each kind of news.  Vectors that only wake somebody
 * (fence, migration, MMU) have a hard handler; those that read rings or
 * registers (fault, error) have a thread.
 */

#include <linux/interrupt.h>

#include "colibri_copy.h"
#include "colibri_device.h"
#include "colibri_fault.h"
#include "colibri_job.h"
#include "colibri_mmu.h"
#include "colibri_runlist.h"

#define COLIBRI_USED_VECS	(COLIBRI_VEC_SCHED + 1)

static irqreturn_t colibri_irq_fault(int irq, void *data)
{
	colibri_fault_handle_ring(data);
	return IRQ_HANDLED;
}

static irqreturn_t colibri_irq_fence(int irq, void *data)
{
	struct colibri_device *cdev = data;

	colibri_jobs_wake(cdev);
	return IRQ_HANDLED;
}

static irqreturn_t colibri_irq_migrate(int irq, void *data)
{
	colibri_copy_wake(data);
	return IRQ_HANDLED;
}

static irqreturn_t colibri_irq_error(int irq, void *data)
{
	colibri_runlist_handle_errors(data);
	return IRQ_HANDLED;
}

static irqreturn_t colibri_irq_mmu(int irq, void *data)
{
	colibri_mmu_wake(data);
	return IRQ_HANDLED;
}

static irqreturn_t colibri_irq_sched(int irq, void *data)
{
	colibri_runlist_wake(data);
	return IRQ_HANDLED;
}

static const struct {
	const char *name;
	irq_handler_t handler;
	irq_handler_t thread;
} colibri_irqs[COLIBRI_USED_VECS] = {
	[COLIBRI_VEC_FAULT] = { "colibri-fault", NULL, colibri_irq_fault },
	[COLIBRI_VEC_FENCE] = { "colibri-fence", colibri_irq_fence, NULL },
	[COLIBRI_VEC_MIGRATE] = { "colibri-migrate", colibri_irq_migrate, NULL },
	[COLIBRI_VEC_ERROR] = { "colibri-error", NULL, colibri_irq_error },
	[COLIBRI_VEC_MMU] = { "colibri-mmu", colibri_irq_mmu, NULL },
	[COLIBRI_VEC_SCHED] = { "colibri-sched", colibri_irq_sched, NULL },
};

/* Before the vectors are freed, which waits for their handlers. */
static void colibri_irq_stop(void *data)
{
	colibri_fault_stop(data, true);
}

static void colibri_irq_free_vectors(void *data)
{
	pci_free_irq_vectors(data);
}

/**
 * colibri_irq_disable() - have no handler called
 * @cdev: device
 *
 * Waits for those that run.
 */
void colibri_irq_disable(struct colibri_device *cdev)
{
	unsigned int i;

	colibri_fault_stop(cdev, true);
	for (i = 0; i < COLIBRI_USED_VECS; i++)
		disable_irq(pci_irq_vector(cdev->pdev, i));
}

/**
 * colibri_irq_enable() - undo colibri_irq_disable()
 * @cdev: device
 */
void colibri_irq_enable(struct colibri_device *cdev)
{
	unsigned int i;

	colibri_fault_stop(cdev, false);
	for (i = 0; i < COLIBRI_USED_VECS; i++)
		enable_irq(pci_irq_vector(cdev->pdev, i));
}

/**
 * colibri_irq_init() - allocate and request the vectors
 * @cdev: device
 *
 * Return: 0 or a negative errno.
 */
int colibri_irq_init(struct colibri_device *cdev)
{
	struct pci_dev *pdev = cdev->pdev;
	unsigned int i;
	int ret;

	ret = pci_alloc_irq_vectors(pdev, COLIBRI_USED_VECS, COLIBRI_USED_VECS, PCI_IRQ_MSIX);
	if (ret < 0)
		return ret;
	ret = devm_add_action_or_reset(&pdev->dev, colibri_irq_free_vectors, pdev);
	if (ret)
		return ret;

	for (i = 0; i < COLIBRI_USED_VECS; i++) {
		ret = devm_request_threaded_irq(&pdev->dev, pci_irq_vector(pdev, i),
						colibri_irqs[i].handler, colibri_irqs[i].thread,
						colibri_irqs[i].handler ? 0 : IRQF_ONESHOT,
						colibri_irqs[i].name, cdev);
		if (ret)
			return ret;
	}
	return devm_add_action_or_reset(&pdev->dev, colibri_irq_stop, cdev);
}
