/* SPDX-License-Identifier: MIT */
/*
 * linux/ns/ns.h - namespaces (namespaces(7)): objects, who is in which, capabilities
 * across user namespaces, numbers across pid namespaces.
 *
 * The initial namespace of each kind is an object in lx_state()->ns_initial that lives
 * for ever.  A thread that is in no other has nsset NULL, cred.user_ns NULL, and its
 * process pid_ns NULL: one compare is all that a sandbox without namespaces pays.
 *
 * A reference on a namespace is held by each struct nsset, by each thread (user) and
 * process (pid), by inodes of nsfs (open files and bind mounts of /proc/PID/ns/X), by mounts of
 * proc and mqueue (pid, ipc), and by child namespaces.  All of them are given back by
 * whoever frees the holder: the last thread on its way out, or kproc for a picoprocess that died.
 */
#ifndef LINUX_NS_NS_H
#define LINUX_NS_NS_H

#include "linux/linux.h"

struct inode;

enum ns_kind { NS_MNT, NS_UTS, NS_IPC, NS_USER, NS_PID, NS_NET, NS_TIME, NS_CGROUP, NS_KINDS };

#define NS_LEVELS 32u    /* user and pid namespaces nest so deep */
#define NO_ID     UINT32_MAX
#define ID_OVERFLOW 65534u

struct id_extent { /* ids [inside, inside + count) here are [global, ...) in the initial namespace */
	uint32_t inside, parent, global, count;
};
struct id_map { /* [T], set once */
	uint32_t count;
	struct id_extent *extent;
};
enum { MAP_UID, MAP_GID, MAP_PROJID, MAPS };

/* How many namespaces of each kind a user has made, as a user namespace counts. */
struct ns_count {
	struct ns_count *next;
	uint32_t uid;
	uint32_t n[NS_KINDS];
};

struct ns {
	struct ref ref;
	uint32_t kind;
	uint32_t ino;            /* [I] number that /proc/PID/ns shows */
	uint32_t level;          /* [I] user, pid: 0 = initial */
	struct ns *user;         /* [I] the user namespace it belongs to, a reference; of a user namespace: its parent */
	struct ns *parent;       /* [I] pid: a reference */
	_Atomic uint32_t members; /* places in nssets that are it */
	uint32_t owner, owner_gid; /* [I] whose process made it, global ids */
	union {
		struct {
			char host[65], domain[65]; /* [T] */
		} uts;
		struct {
			struct id_map map[MAPS];
			bool setgroups_denied;      /* [T] */
			bool parent_setfcap;        /* [I] the maker had CAP_SETFCAP */
			struct ns_count *counts;    /* [T] */
			uint32_t max[NS_KINDS];     /* [a] /proc/sys/user/max_* */
		} u;
		struct {
			struct list *by_nr, *by_global; /* [T] buckets of struct pid_nr */
			uint32_t buckets, count;        /* [T] */
			int last;                       /* [T] the last number given */
			struct lx_proc *init;           /* [T] process 1, live; NULL: none yet, or ended */
			bool dead;                      /* [T] process 1 has ended: no more processes */
			struct waitq wait;              /* process 1, ending, waits for the others here */
		} pid;
		struct {
			int64_t monotonic, boottime;    /* [T] ns to add; [I] once somebody is in it */
			bool used;                      /* [T] */
		} time;
		struct {
			struct mount *root;      /* [MOUNT] of its tree */
			uint64_t seq;            /* [I] order of making: a namespace may be mounted in older ones only */
			uint32_t mounts;         /* [MOUNT] */
			_Atomic uint32_t changes; /* [a] of its tree, counted */
		} mnt;
		void *ipc;               /* struct ipc_root */
		struct {
			uint32_t lo_down;  /* [a] net: its interface, lo, has not been set up */
			uint32_t lo_mtu;   /* [a] as SIOCSIFMTU set it; 0: the usual */
		};
	};
};

/* What a thread is in, beside its user and pid namespace.  Immutable. */
struct nsset {
	struct ref ref;
	struct ns *ns[NS_KINDS];     /* references; NS_USER, NS_PID: NULL */
	struct ns *pid_children, *time_children;
};

static inline struct ns *ns_initial(enum ns_kind kind)
{
	return (struct ns *)lx_state()->ns_initial + kind;
}
/* The thread's own, not of NS_USER and NS_PID; for another thread TASKLIST is held. */
static inline struct ns *ns_of(const struct lx_thread *t, enum ns_kind kind)
{
	return LIKELY(t->nsset == NULL) ? ns_initial(kind) : t->nsset->ns[kind];
}
static inline struct ns *cred_user_ns(const struct lx_cred *c)
{
	return LIKELY(c->user_ns == NULL) ? ns_initial(NS_USER) : c->user_ns;
}
static inline struct ns *user_ns_of(const struct lx_thread *t)
{
	return cred_user_ns(&t->cred);
}
static inline struct ns *pid_ns_of(const struct lx_proc *p)
{
	return LIKELY(p->pid_ns == NULL) ? ns_initial(NS_PID) : p->pid_ns;
}

/* ns.c */
void ns_boot(void);
/* A new one owned by user (a reference is taken), counted against its limits: -ENOSPC, -ENOMEM. */
long ns_new(struct lx_thread *t, enum ns_kind kind, struct ns *user, struct ns **out);
void ns_get(struct ns *ns);
void ns_put(struct ns *ns); /* hold no lock: a mount tree may go */
uint32_t ns_clone_flag(enum ns_kind kind);
const char *ns_name(enum ns_kind kind);
/* The namespace of that kind that thread t is in, with a reference, or NULL: it has ended. */
struct ns *ns_of_thread(struct lx_thread *t, enum ns_kind kind, bool for_children);

/* nsset.c.  flags: CLONE_NEW*. */
#define CLONE_NAMESPACES                                                                             \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME | CLONE_NEWCGROUP)
void nsset_get(struct nsset *s);
void nsset_put(struct nsset *s); /* NULL is fine; hold no lock */
/* A new thread's: from's namespaces, new ones for the flags.  fs: the child's, moved into a new mount tree. */
long ns_fork(struct lx_thread *child, struct lx_thread *from, uint64_t flags, struct fs_context *fs, const int *set_tid, uint32_t set_tids);
/* For setns: a copy of what t is in, with references, of one that nobody has yet (NULL: no memory). */
struct nsset *nsset_copy(struct lx_thread *t);
void nsset_put_at(struct ns **slot, struct ns *ns); /* takes over the reference on ns */
void nsset_enter_time(struct nsset *s);             /* into the time namespace its children were to be in */
void nsset_install(struct lx_thread *t, struct nsset *s); /* takes over the reference */
void userns_install(struct lx_thread *t, struct ns *user); /* takes over the reference; with new credentials */
/* What ns_fork gave, back; also of a thread that ends. */
void ns_exit(struct lx_thread *t);
/* execve: the namespaces that begin with the next program. */
void ns_exec(struct lx_thread *t);

/* userns.c: capabilities and ids */
bool cred_capable(const struct lx_cred *c, const struct ns *user, int cap);
static inline bool ns_capable(const struct lx_thread *t, const struct ns *user, int cap)
{
	return cred_capable(&t->cred, user, cap);
}
/* In the thread's own user namespace. */
static inline bool cap_own(const struct lx_thread *t, int cap)
{
	return t->cred.cap_effective >> cap & 1;
}
bool inode_capable(const struct lx_thread *t, const struct inode *i, int cap);
uint32_t id_to_global(const struct ns *user, unsigned map, uint32_t id);   /* NO_ID: it has no meaning there */
uint32_t id_from_global(const struct ns *user, unsigned map, uint32_t id); /* NO_ID: it has no number there */
uint32_t id_out_slow(const struct lx_thread *t, unsigned map, uint32_t id);
static inline uint32_t uid_out(const struct lx_thread *t, uint32_t uid)
{
	return LIKELY(t->cred.user_ns == NULL) ? uid : id_out_slow(t, MAP_UID, uid);
}
static inline uint32_t gid_out(const struct lx_thread *t, uint32_t gid)
{
	return LIKELY(t->cred.user_ns == NULL) ? gid : id_out_slow(t, MAP_GID, gid);
}
/* NO_ID stays; one that has no meaning becomes it. */
static inline uint32_t uid_in(const struct lx_thread *t, uint32_t uid)
{
	return LIKELY(t->cred.user_ns == NULL) ? uid : id_to_global(t->cred.user_ns, MAP_UID, uid);
}
static inline uint32_t gid_in(const struct lx_thread *t, uint32_t gid)
{
	return LIKELY(t->cred.user_ns == NULL) ? gid : id_to_global(t->cred.user_ns, MAP_GID, gid);
}
uint32_t user_ns_root(const struct ns *user); /* the global id of its user 0, or NO_ID */
void cred_enter_user_ns(struct lx_cred *c, struct ns *user);
long user_ns_new(struct lx_thread *t, struct ns **out);
bool setgroups_allowed(const struct ns *user);
void user_ns_free(struct ns *ns);
long ns_count_up(struct ns *user, uint32_t uid, enum ns_kind kind);
void ns_count_down(struct ns *user, uint32_t uid, enum ns_kind kind);

/* pidns.c: numbers.  All with TASKLIST held. */
long pid_ns_new(struct lx_thread *t, struct ns *parent, struct ns *user, struct ns **out);
void pid_ns_free(struct ns *ns);
/* Numbers for a new thread (and process, for its leader) in its namespace and those around it. */
long pid_ns_number(struct lx_thread *t, const int *set_tid, uint32_t set_tids) REQUIRES(TASKLIST); /* set_tid: by choice, innermost first */
void pid_ns_unnumber(struct lx_thread *t) REQUIRES(TASKLIST);
int pid_in_ns(const struct ns *ns, int global) REQUIRES(TASKLIST);    /* 0: not seen from there */
int pid_from_ns(const struct ns *ns, int nr) REQUIRES(TASKLIST);      /* 0: there is none */
bool pid_ns_inside(const struct ns *inner, const struct ns *outer);   /* the same counts */
/* A process of it has ended or was reaped: process 1, if that ends, looks. */
void pid_ns_changed(struct ns *ns);
/* Process 1 of a namespace ends: the others are killed; true while some are still there. */
bool pid_ns_kill(struct lx_proc *init) REQUIRES(TASKLIST);
/* A number as p's own processes see it, and back: p's namespace decides. */
static inline int pid_seen_by(const struct lx_proc *p, int global) REQUIRES(TASKLIST)
{
	return LIKELY(p->pid_ns == NULL) ? global : pid_in_ns(p->pid_ns, global);
}
static inline int pid_meant_by(const struct lx_proc *p, int nr) REQUIRES(TASKLIST)
{
	return LIKELY(p->pid_ns == NULL) ? nr : pid_from_ns(p->pid_ns, nr);
}
/* The same for one number, TASKLIST not held. */
int pid_out(const struct lx_thread *t, int global);
int pid_in(const struct lx_thread *t, int nr); /* -1: there is none */

/* mntns.c in fs/ */
long mnt_ns_new(struct lx_thread *t, struct ns *from, struct ns *user, struct fs_context *fs, struct ns **out);
void mnt_ns_free(struct ns *ns);
long mnt_ns_enter(struct lx_thread *t, struct ns *ns);

/* ipc/ */
struct ns;
long ipc_ns_init(struct ns *ns);
void ipc_ns_free(struct ns *ns);

/* timens.c */
uint64_t timens_add(const struct lx_thread *t, int clock, uint64_t ns); /* a host clock's reading as t is to see it */
uint64_t timens_sub(const struct lx_thread *t, int clock, uint64_t ns); /* and back */

/* nsfs.c */
long nsfs_path(struct ns *ns, struct path *out); /* takes a reference on ns of its own */
struct ns *nsfs_ns(const struct inode *i);       /* NULL: it is no namespace's */
struct ns *ns_of_file(const struct file *f);     /* borrowed */
void nsfs_boot(void);
#endif
