/* SPDX-License-Identifier: MIT */
/*
 * pico/lock.h - locks in the arena, lock classes, and the annotations that check them.
 *
 * Every lock belongs to a class.  pico/lockorder.def lists the classes in the order
 * they may be taken, and that list feeds clang's -Wthread-safety at compile time
 * and the held-lock checker in debug builds at run time.  The annotations name
 * the class, not the instance (clang before 22 cannot in C).
 *
 * A lock may lie in the arena (shared) or the private heap.  Contended locks spin
 * a little, then queue the calling pico_thread and wait on its lock_event.  A thread
 * that dies holding one panics the sandbox.  No lock is held on return to the
 * guest, across a blocking Dk call, or across a last put; DkEventSet, pico_wake
 * and pico_interrupt may be called with locks held.
 */
#ifndef PICO_LOCK_H
#define PICO_LOCK_H

#include "rt/base.h"

#if defined(__clang__)
#define LOCK_ATTR(x) __attribute__((x))
#else
#define LOCK_ATTR(x)
#endif
#define GUARDED_BY(cls) LOCK_ATTR(guarded_by(LC_##cls))
#define ACQUIRES(cls)   LOCK_ATTR(acquire_capability(LC_##cls))
#define RELEASES(cls)   LOCK_ATTR(release_capability(LC_##cls))
#define REQUIRES(cls)   LOCK_ATTR(requires_capability(LC_##cls))
#define EXCLUDES(cls)   LOCK_ATTR(locks_excluded(LC_##cls))
#define LOCK_PRIMITIVE  LOCK_ATTR(no_thread_safety_analysis)

struct LOCK_ATTR(capability("lock")) lock_class {
	const char *name;
};
#define LOCK_CLASS(cls, outer) extern struct lock_class LC_##cls;
#include "pico/lockorder.def"
#undef LOCK_CLASS

enum lock_class_id {
#define LOCK_CLASS(cls, outer) LOCK_##cls,
#include "pico/lockorder.def"
#undef LOCK_CLASS
	LOCK_CLASSES
};

/* 32 bytes.  Zeroed memory is a free lock of class 0; use lock_init. */
struct lock {
	_Atomic uint32_t word;  /* 0 free, 1 held, 2 held and somebody queues */
	_Atomic uint32_t qspin; /* guards head and tail */
	uint32_t class;         /* enum lock_class_id */
	uint32_t owner;         /* DK thread handle of the holder: for panics and debuggers */
	struct pico_thread *head, *tail; /* waiting threads, by lock_link of their own */
};

void lock_init(struct lock *l, enum lock_class_id class);
void lock_take(struct lock *l);
bool lock_try(struct lock *l);
void lock_drop(struct lock *l);
bool lock_is_held(const struct lock *l); /* by anybody; for ASSERT */
/* Takes two locks of one class in address order (rename, socket pairs); a == b takes one. */
void lock_take2(struct lock *a, struct lock *b);
void lock_drop2(struct lock *a, struct lock *b);
#endif
