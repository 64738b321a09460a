/* SPDX-License-Identifier: MIT */
/*
 * tests/lint/locks.c - mistakes that the lock checker must find: make lint compares
 * its warnings with the lines marked WRONG.  Never built into anything.
 */
#include "pico/lock.h"

struct things {
	LOCK(TASKLIST) tasks;
	LOCK(PROC) proc;
	LOCK(PROC) other;
	LOCK(PAGES) pages;
	LOCK(MM) mm;
	int n;
};

void change(struct things *t) REQUIRES(PROC);
void good(struct things *t, bool early);
void forgotten(struct things *t, bool early);
void twice(struct things *t);
void not_held(struct things *t);
void wrong_order(struct things *t);
void wrong_order_far(struct things *t);
void wrong_order_below_requires(struct things *t) REQUIRES(PROC);
void needs(struct things *t);
void tried(struct things *t);
void two(struct things *t);

void good(struct things *t, bool early)
{
	lock_take(&t->mm);
	lock_take(&t->tasks);
	lock_take(&t->proc);
	change(t);
	lock_drop(&t->proc);
	lock_drop(&t->tasks);
	if (early) {
		lock_drop(&t->mm);
		return;
	}
	lock_take(&t->pages);
	lock_drop(&t->pages);
	lock_drop(&t->mm);
}

void forgotten(struct things *t, bool early)
{
	lock_take(&t->proc);
	if (early)
		return;
	lock_drop(&t->proc);
} /* WRONG: not held on every path */

void twice(struct things *t)
{
	lock_take(&t->proc);
	lock_take(&t->proc); /* WRONG: already held */
	lock_drop(&t->proc);
}

void not_held(struct things *t)
{
	lock_drop(&t->proc); /* WRONG: not held */
}

void wrong_order(struct things *t)
{
	lock_take(&t->proc);
	lock_take(&t->tasks); /* WRONG: TASKLIST is outside PROC */
	lock_drop(&t->tasks);
	lock_drop(&t->proc);
}

void wrong_order_far(struct things *t)
{
	lock_take(&t->pages);
	lock_take(&t->mm); /* WRONG: twenty-six classes further out */
	lock_drop(&t->mm);
	lock_drop(&t->pages);
}

void wrong_order_below_requires(struct things *t)
{
	lock_take(&t->tasks); /* WRONG: the caller holds PROC */
	lock_drop(&t->tasks);
}

void needs(struct things *t)
{
	change(t); /* WRONG: PROC is not held */
}

void tried(struct things *t)
{
	if (lock_try(&t->proc)) {
		change(t);
		lock_drop(&t->proc);
	}
	change(t); /* WRONG: PROC is not held */
}

void two(struct things *t)
{
	lock_take2(&t->proc, &t->other);
	change(t);
	lock_drop2(&t->proc, &t->other);
}
