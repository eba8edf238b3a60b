/* SPDX-License-Identifier: MIT */
/*
 * A circular doubly linked list whose links live inside the elements.  An
 * element that is on no list points at itself, so removal may be repeated.
 */
#ifndef CG_LIST_H
#define CG_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct cg_list {
   struct cg_list *prev, *next;
};

#define cg_container(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

static inline void
cg_list_init(struct cg_list *l)
{
   l->prev = l->next = l;
}

static inline bool
cg_list_empty(const struct cg_list *l)
{
   return l->next == l;
}

static inline void
cg_list_add_tail(struct cg_list *l, struct cg_list *head)
{
   l->prev = head->prev;
   l->next = head;
   head->prev->next = l;
   head->prev = l;
}

static inline void
cg_list_add_head(struct cg_list *l, struct cg_list *head)
{
   cg_list_add_tail(l, head->next);
}

static inline void
cg_list_del(struct cg_list *l)
{
   l->prev->next = l->next;
   l->next->prev = l->prev;
   cg_list_init(l);
}

/** Removes and returns the first element, NULL when there is none. */
static inline struct cg_list *
cg_list_pop(struct cg_list *head)
{
   struct cg_list *l = head->next;

   if (l == head)
      return NULL;
   cg_list_del(l);
   return l;
}

#define cg_list_for_each(pos, head) \
   for (struct cg_list *pos = (head)->next; pos != (head); pos = pos->next)

/* The body may remove pos. */
#define cg_list_for_each_safe(pos, head)                                          \
   for (struct cg_list *pos = (head)->next, *pos##_next = pos->next; pos != (head); \
        pos = pos##_next, pos##_next = pos->next)

#endif /* CG_LIST_H */
