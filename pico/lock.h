/* SPDX-License-Identifier: MIT */
/*
 * pico/lock.h - locks in the arena, lock classes, and the annotations that check them.
 *
 * Every lock belongs to a class.  pico/lockorder.def lists the classes in the order
 * they may be taken.  A member is declared LOCK(CLASS) name.  That is a struct lock;
 * but when LOCK_CHECK is defined (make lint) each class is a type of its own, taking
 * a lock acquires its class, and clang's -Wthread-safety checks in every function
 * that what is taken is dropped on all ways out, that REQUIRES holds where it is
 * called, and that classes are taken in the list's order.  What it cannot see: order
 * across calls of functions without annotation, and which of two locks of one class it is.
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
#define GUARDED_BY(cls)   LOCK_ATTR(guarded_by(LC_##cls))
#define ACQUIRES(cls)     LOCK_ATTR(acquire_capability(LC_##cls))
#define TRIES(cls)        LOCK_ATTR(try_acquire_capability(true, LC_##cls))
#define RELEASES(cls)     LOCK_ATTR(release_capability(LC_##cls))
#define REQUIRES(cls)     LOCK_ATTR(requires_capability(LC_##cls))
#define EXCLUDES(cls)     LOCK_ATTR(locks_excluded(LC_##cls))
#define LOCK_PRIMITIVE    LOCK_ATTR(no_thread_safety_analysis)
/* Not analysed, for a reason: two locks of one class, held only under a condition, kept for a later call. */
#define LOCK_UNCHECKED(why) LOCK_ATTR(no_thread_safety_analysis)

struct LOCK_ATTR(capability("lock")) lock_class {
	const char *name;
};
extern struct lock_class LC_NONE;
#define LOCK_CLASS(cls, outer) extern struct lock_class LC_##cls LOCK_ATTR(acquired_after(LC_##outer));
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

#ifdef LOCK_CHECK
#define LOCK(cls)    struct lock_##cls
#define LOCK_ANY(l)  (&(l)->any)
#define LOCK_TYPED   __attribute__((overloadable))
#define LOCK_CLASS(cls, outer)                                                                       \
	struct lock_##cls {                                                                           \
		struct lock any;                                                                      \
	};                                                                                            \
	LOCK_TYPED void lock_init(struct lock_##cls *l, enum lock_class_id class);                    \
	LOCK_TYPED void lock_take(struct lock_##cls *l) ACQUIRES(cls);                                \
	LOCK_TYPED bool lock_try(struct lock_##cls *l) TRIES(cls);                                    \
	LOCK_TYPED void lock_drop(struct lock_##cls *l) RELEASES(cls);                                \
	LOCK_TYPED bool lock_is_held(const struct lock_##cls *l);                                     \
	LOCK_TYPED void lock_take2(struct lock_##cls *a, struct lock_##cls *b) ACQUIRES(cls);         \
	LOCK_TYPED void lock_drop2(struct lock_##cls *a, struct lock_##cls *b) RELEASES(cls);
#include "pico/lockorder.def"
#undef LOCK_CLASS
#else
#define LOCK(cls)    struct lock
#define LOCK_ANY(l)  (l)
#define LOCK_TYPED
#endif

LOCK_TYPED void lock_init(struct lock *l, enum lock_class_id class);
LOCK_TYPED void lock_take(struct lock *l);
LOCK_TYPED bool lock_try(struct lock *l);
LOCK_TYPED void lock_drop(struct lock *l);
LOCK_TYPED bool lock_is_held(const struct lock *l); /* by anybody; for ASSERT */
/* Takes two locks of one class in address order (rename, socket pairs); a == b takes one. */
LOCK_TYPED void lock_take2(struct lock *a, struct lock *b);
LOCK_TYPED void lock_drop2(struct lock *a, struct lock *b);
#endif
