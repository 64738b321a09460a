/* SPDX-License-Identifier: MIT */
/* rt/list.h - circular doubly linked lists.  A head is a list that links to itself. */
#ifndef RT_LIST_H
#define RT_LIST_H

#include "rt/base.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/* Puts n behind at. */
static inline void list_insert(struct list *at, struct list *n)
{
	n->prev = at;
	n->next = at->next;
	at->next->prev = n;
	at->next = n;
}

static inline void list_append(struct list *head, struct list *n)
{
	list_insert(head->prev, n);
}

/* Takes n out and makes it an empty list, so that removing twice does no harm. */
static inline void list_remove(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

#define LIST_ENTRY(p, type, member) CONTAINER_OF(p, type, member)
#define LIST_FIRST(head, type, member) LIST_ENTRY((head)->next, type, member)
#define LIST_FOR(p, head, type, member)                                                              \
	for (type *p = LIST_ENTRY((head)->next, type, member); &p->member != (head);                  \
	     p = LIST_ENTRY(p->member.next, type, member))
/* The same, when the body may remove p. */
#define LIST_FOR_SAFE(p, n, head, type, member)                                                      \
	for (type *p = LIST_ENTRY((head)->next, type, member),                                        \
		  *n = LIST_ENTRY(p->member.next, type, member);                                      \
	     &p->member != (head); p = n, n = LIST_ENTRY(n->member.next, type, member))
#endif
