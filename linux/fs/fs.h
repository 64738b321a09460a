/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/fs.h - what the files of fs/ share among themselves.  Others use vfs.h
 * and inode_ops.h.
 */
#ifndef LINUX_FS_FS_H
#define LINUX_FS_FS_H

#include <linux/capability.h>
#include <linux/mount.h>

#include "linux/fs/inode_ops.h"
#include "pico/uaccess.h"
#include "rt/fmt.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

#define NAME_LIMIT 255u
#define RW_LIMIT   0x7ffff000ull /* what one read or write moves at most */
#define TRUST_NS   1000000000ull /* host names and attributes are believed this long */

#define S_IFMT_(m)  ((m) & S_IFMT)
#define IS_DIR(i)   (S_IFMT_((i)->mode) == S_IFDIR)
#define IS_REG(i)   (S_IFMT_((i)->mode) == S_IFREG)
#define IS_LNK(i)   (S_IFMT_((i)->mode) == S_IFLNK)
#define LX_S_ISGID  02000u
#define LX_S_ISUID  04000u
#define LX_S_ISVTX  01000u

/* dentry.flags */
#define D_HASHED     1u  /* in the hash, which holds a reference */
#define D_DELETED    2u  /* its name is gone */
#define D_REFERENCED 4u  /* used since the clock hand passed */
#define D_FILE       8u  /* stands for an open file without a name: priv[0] has it, with a reference */
#define D_OWN_NAME   16u /* name is an allocation of its own */

#define DCACHE_LOCKS 64u
#define DCACHE_FIRST 64u  /* a lock's buckets at first, */
#define DCACHE_MOST  512u /* and at most */

struct dcache {
	/* [DCACHE lock of bucket % LOCKS]; next NULL = never used.  A lock's buckets are doubled as its dentries become more. */
	struct list bucket[DCACHE_MOST * DCACHE_LOCKS];
	LOCK(DCACHE) lock[DCACHE_LOCKS];
	struct dcache_part {
		uint32_t buckets, count; /* [DCACHE lock] */
	} part[DCACHE_LOCKS];
	_Atomic uint32_t most;              /* buckets that a lock has: the highest number */
	LOCK(DCACHE) tree;                  /* parent and name of every dentry; innermost */
	_Atomic uint32_t count, hand;
	uint32_t limit;
};

#define IDLE_SLOTS    256u /* host files closed by all, kept open for the next */
#define HOST_WRITING  8192u
#define LISTING_SLOTS 512u /* folders of the host whose listings are remembered */

/* tree_dk.c: listings that came before anybody asked, by their folders' URIs. */
#define TREE_SLOTS   2048u
#define TREE_BUCKETS 512u
#define TREE_WALKS   4u
struct tree_cache {
	LOCK(INODE) lock;
	struct listing *bucket[TREE_BUCKETS];
	struct listing *slot[TREE_SLOTS]; /* in the order they came; NULL: taken */
	uint32_t first, next;    /* slots in use */
	uint64_t bytes;
	char hint;               /* what the last walk read turned out to be for: 'n', 'a', 'c', 0 */
	uint64_t slow_until;     /* contents came too late: none are asked for up to then */
	struct tree_walk {
		uint32_t pid;        /* 0 = free */
		char what, order;    /* abi/tree.h */
		bool host;           /* of a -v folder */
		char *root;          /* URI */
		uint64_t token, used;
		struct listing *last, *parts; /* what the next answer adds to; references */
		uint32_t files, current, looked, opened; /* current: files of the folder listed last; hints */
	} walk[TREE_WALKS];
};

/* lx_state()->vfs */
#define MOUNT_BUCKETS 256u
#define NAMES_LOCKS   32u

struct vfs {
	struct dcache dcache;
	LOCK(MOUNT) mount_lock;
	struct list mounts;      /* [MOUNT] struct mount.link, of all namespaces */
	struct waitq mounts_changed; /* woken when a tree has changed */
	struct list mount_hash[MOUNT_BUCKETS]; /* [MOUNT] by place; zero: never used */
	uint32_t visit;          /* [MOUNT] propagate.c */
	uint32_t next_group;     /* [MOUNT] */
	_Atomic(struct mount *) free_mounts; /* mount objects that were, by `below`; they stay mount objects */
	_Atomic uint64_t tree_gen; /* walkcache.c */
	_Atomic uint64_t host_names; /* counts changes of names of host folders, after the host made them */
	_Atomic uint64_t host_doubt; /* coarse monotonic ns of the last lock on a file of a -v folder */
	_Atomic uint32_t next_mount_id, next_minor;
	_Atomic uint64_t next_anon_ino;
	LOCK(RENAME) rename_lock;
	LOCK(NAMES) names_lock[NAMES_LOCKS]; /* of directories, hashed */
	LOCK(INODE) idle_lock;   /* the rings below */
	struct idle_ring {
		struct inode *slot[IDLE_SLOTS];
		uint32_t next;
	} idle, idle_small, again; /* with a stream; with contents alone; hostagain_dk.c */
	struct inode *listed[LISTING_SLOTS]; /* listing_dk.c: folders that have a listing */
	uint32_t listed_next;
	_Atomic uint64_t listing_bytes;
	struct tree_cache tree;  /* tree_dk.c */
	_Atomic uint64_t gathered; /* bytes of contents that listings have; gather_dk.c */
	uint32_t gather_window;    /* how many files at a time were worth it last; a hint, unlocked */
	struct host_writing {      /* hostsmall_dk.c: files of -v folders, by device and number hashed */
		_Atomic uint64_t last;    /* monotonic ns: when one was changed from inside */
		_Atomic uint64_t writers; /* open files that may change one */
	} writing[HOST_WRITING];
	struct mount_fs *memfd_fs; /* unnamed memory files: memfd_create, SysV shared memory */
	struct mount *anon_mount;  /* mount that paths of nameless files are in */
	uint64_t root_lower_dev;
	uint32_t umask;
	LOCK(INODE) locks_lock;  /* every inode's flocks; see lock.c */
	struct waitq locks_wait;
	struct list lock_waits;  /* [INODE: locks_lock] who waits for whom; lock.c */
	LOCK(IPC) fasync_lock;
	struct list fasyncs;     /* [IPC: fasync_lock] files with O_ASYNC; fasync.c */
	_Atomic uint32_t fasync_came;
	struct list dnotifies;   /* [IPC: fasync_lock] dnotify.c */
	_Atomic uint32_t dnotify_count;
	struct fhandles *fhandles; /* [a] fhandle.c; NULL until the first */
	struct fan_state *fan;   /* [a] fanotify.c; NULL until the first */
	struct shades *shades;   /* [a] hostshade.c; NULL until there is something to keep */
	struct loop_table *loops; /* [a] loop.c; NULL until somebody opens one */
};
static inline struct vfs *vfs(void)
{
	return lx_state()->vfs;
}

/*
 * May what is known of a -v folder until then still be believed?  Programs that share files with the host's
 * by locks look at names, sizes and contents when they have one: nothing known from before counts then.
 */
static inline bool host_believed(uint64_t until, uint64_t now)
{
	return until > now && until > atomic_load_explicit(&vfs()->host_doubt, memory_order_relaxed) + TRUST_NS;
}

/* dentry.c */
void dcache_boot(void);
uint32_t name_hash(const char *name, uint32_t len);
struct dentry *dentry_new(struct dentry *parent, const char *name, uint32_t len, struct inode *i); /* takes over i */
static inline void dentry_get(struct dentry *d)
{
	ref_get(&d->ref);
}
void dentry_put(struct dentry *d);
struct dentry *dentry_find(struct dentry *parent, const char *name, uint32_t len);
/* Hashes d: d, or the dentry that has the name already (with a reference), or NULL if the directory
   changed since gen was read. */
struct dentry *dentry_insert(struct dentry *d, uint64_t gen);
/* dir has the new name for i (taken over): its dentry, in the cache; NULL: no memory. */
struct dentry *dentry_made(struct dentry *dir, const char *name, uint32_t len, struct inode *i);
void dentry_drop(struct dentry *d);                 /* out of the hash */
void dentry_deleted(struct dentry *d);              /* and its name is gone */
void dentry_move(struct dentry *d, struct dentry *to_dir, const char *name, uint32_t len); /* under RENAME */
void dentry_swap(struct dentry *a, struct dentry *b); /* under RENAME */
struct dentry *dentry_parent(struct dentry *d);     /* a reference */
bool dentry_is_below(struct dentry *d, struct dentry *above); /* d == above counts */
/* The name's dentry, positive or negative, from the cache or the directory's lookup. */
long dentry_lookup(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint, struct dentry **out);

/* namei.c */
/* WALK_PARENT's *last ends at a NUL or a slash. */
uint32_t last_len(const char *last);
bool last_has_slash(const char *last);
bool last_is_dots(const char *last); /* "", "." or ".." */
long walk_last(struct lx_thread *t, const struct path *dir, const char *last, struct dentry **out); /* no link followed */
void walk_root(struct lx_thread *t, struct path *out);
struct mount *mount_at(struct mount *parent, struct dentry *d); /* topmost, a reference, or NULL */
/* walkcache.c.  How much of name leads to its last component, with slashes: 0 = no walk like that is remembered. */
uint32_t walk_prefix(const char *name, size_t len, uint32_t flags);
/* True: *out is where it leads, with references. */
bool walk_cached(struct lx_thread *t, const char *text, uint32_t len, struct lookup *hint, struct path *out);
/* A walk missed it: should it be remembered? */
bool walk_wanted(struct lx_thread *t, const char *text, uint32_t len);
/* gen: tree_gen before the walk that led to dir; until: when the first of its dentries is not trusted any more. */
void walk_remember(struct lx_thread *t, const char *text, uint32_t len, uint64_t gen, uint64_t until, const struct path *dir);
long user_walk(struct lx_thread *t, int dirfd, struct gva name, uint32_t flags, struct path *out);
/* The same, and a negative end is ENOENT; at_flags: AT_SYMLINK_(NO)FOLLOW, AT_EMPTY_PATH, AT_NO_AUTOMOUNT. */
struct dentry *dentry_for_file(struct file *f); /* a dentry that stands for a nameless file */
void fs_root_path(struct path *out); /* mntns.c: of the initial mount namespace */
long dentry_text(struct dentry *d, char *buf, size_t size); /* its path in its file system: length or -errno */

/* open.c */
#ifndef __O_TMPFILE
#define __O_TMPFILE 020000000
#endif
#define OPEN_KNOWN                                                                                    \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | FASYNC | O_DIRECT | \
		O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | __O_TMPFILE)
/* name is kernel memory, flags are known ones; walk: WALK_* of openat2's resolve. */
long open_flags(struct lx_thread *t, int dirfd, const char *name, int flags, uint32_t mode, uint32_t walk, struct file **out);
long may_write(struct lx_thread *t, const struct path *p);   /* EROFS */
long open_path(struct lx_thread *t, const struct path *p, int flags, struct file **out);
/* A name that becomes another file's all the time is tried so often. */
#define OPEN_TRIES 16
long open_for_exec(struct lx_thread *t, const struct path *p, struct file **out);
long open_quiet(struct lx_thread *t, const struct path *p, int flags, struct file **out); /* no events, nobody asked */
/* What exists, as open(2) does behind the walk. */
long open_checked(struct lx_thread *t, const struct path *p, int flags, struct file **out);
long may_create(struct lx_thread *t, const struct path *dir);
long may_delete(struct lx_thread *t, const struct path *dir, struct dentry *victim, bool directory);
uint32_t mode_with_umask(struct lx_thread *t, const struct inode *dir, uint32_t mode);
/* The mode of what is made in dir: without what its maker may not give, and umask applied. */
uint32_t create_mode(struct lx_thread *t, const struct inode *dir, uint32_t mode);

/* fsboot.c.  Mounts a "tmpfs" (options: mount(2)'s), or the host's folder named by options as an "overlay", at where in the initial
   name space, made in memory if need be: 0, -EBUSY (something is mounted there), -errno. */
long fs_boot_late(const char *kind, const char *where, const char *options);
/* The places of the folders that are mounted in the initial root, until fn says false; MOUNT is held, and m borrowed. */
void fs_mounted_places(bool (*fn)(void *arg, struct mount *m, const char *where), void *arg);

/* inode.c */
char *fs_text_copy(const char *s); /* in the arena; NULL: no memory */
bool inode_owner_or_capable(struct lx_thread *t, struct inode *i);
int64_t vfs_now(void); /* wall clock, ns */
void inode_touch(struct inode *i, bool content); /* mtime and ctime, or ctime alone */
void inode_take_owner(struct lx_thread *t, struct inode *dir, struct inode *i); /* uid, gid, set-gid rules */
struct mount_fs *mount_fs_new(uint32_t kind, const char *type, uint64_t magic);
void mount_fs_put(struct mount_fs *fs);
void mount_put(struct mount *m);
/* Where m is mounted, with references; false: it is the root of its tree. */
bool mount_above(struct mount *m, struct path *out);
/* d, a place of mounts, is about to be removed: -EBUSY if one is in the caller's namespace; in others they go. */
long mount_point_gone(struct lx_thread *t, struct dentry *d);

/* rw.c, iov.c */
long iov_in(struct gva vec, uint64_t count, struct dk_segment *fast, uint32_t nfast, struct iov *out);
void iov_done(struct iov *v, const struct dk_segment *fast);
/* The part of v from byte at on, at most n bytes, as up to DK_SEGMENTS_MAX segments. */
uint32_t iov_slice(const struct iov *v, uint64_t at, uint64_t n, struct dk_segment *out, uint64_t *bytes);
long rw_read_slices(dk_handle stream, const struct iov *v, uint64_t pos, uint32_t flags);
long rw_write_slices(dk_handle stream, const struct iov *v, uint64_t pos, uint32_t flags);
/* v from or to a stream: bytes, or -errno as of a wait.  Inline, as each return behind a host call costs 5 ns. */
static inline long rw_host_read(dk_handle stream, const struct iov *v, uint64_t pos, uint32_t flags)
{
	enum dk_status status;
	uint64_t done;

	if (UNLIKELY(v->count != 1))
		return rw_read_slices(stream, v, pos, flags);
	status = DkStreamRead(stream, pos, v->seg, 1, flags, &done);
	return status == DK_OK ? (long)done : lx_wait_err(status);
}
static inline long rw_host_write(dk_handle stream, const struct iov *v, uint64_t pos, uint32_t flags)
{
	enum dk_status status;
	uint64_t done;

	if (UNLIKELY(v->count != 1))
		return rw_write_slices(stream, v, pos, flags);
	status = DkStreamWrite(stream, pos, v->seg, 1, flags, &done);
	return status == DK_OK ? (long)done : lx_wait_err(status);
}
long file_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos);
long file_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos);
/* read, write and their p forms once the vector is in: offset counts unless HERE is set. */
#define FILE_RW_WRITE 1u
#define FILE_RW_HERE  2u /* at the description's own position */
long file_rw(struct lx_thread *t, struct file *f, const struct iov *v, int64_t offset, uint32_t how);
long file_sync(struct lx_thread *t, struct file *f, bool data_only);
long file_sync_range(struct lx_thread *t, struct file *f, int64_t offset, int64_t count, uint32_t flags);
long file_fallocate(struct lx_thread *t, struct file *f, int mode, int64_t offset, int64_t len);
long file_fadvise(struct file *f, uint64_t len, int advice);
/* splice and tee; the offsets are NULL, or where to read or write, moved on by what was done. */
long file_splice(struct lx_thread *t, struct file *in, uint64_t *in_off, struct file *out, uint64_t *out_off, uint64_t len, uint32_t flags);
long file_tee(struct lx_thread *t, struct file *in, struct file *out, uint64_t len, uint32_t flags);
long file_setxattr(struct lx_thread *t, struct file *f, struct gva attr, struct gva value, uint64_t size, int flags);
long file_getxattr(struct lx_thread *t, struct file *f, struct gva attr, struct gva value, uint64_t size);
/* open(2) and openat2(2) without the descriptor: a file with one reference in *out. */
long open_at(struct lx_thread *t, int dirfd, struct gva name, int flags, uint32_t mode, struct file **out);
long open_file_how(struct lx_thread *t, int dirfd, struct gva name, struct gva how, uint64_t size, bool *cloexec, struct file **out);
size_t iov_put_zero(const struct iov *v, uint64_t at, size_t n);

/* fileattr.c: FS_IOC_GETFLAGS and its like; -ENOTTY: none of them. */
long fileattr_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, struct gva arg);
#define IS_IMMUTABLE(i) (((i)->attr_flags & FS_IMMUTABLE_FL) != 0)
#define IS_APPEND(i)    (((i)->attr_flags & FS_APPEND_FL) != 0)
#define IS_FIXED(i)     (((i)->attr_flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) != 0) /* names and attributes stay */

/* attr.c */
long do_setattr(struct lx_thread *t, const struct path *p, struct inode_attr *a);
void mem_touch_atime(struct file *f); /* memfile.c: of a file or folder in memory that was read */
long do_truncate(struct lx_thread *t, const struct path *p, uint64_t length);
void file_remove_suid(struct lx_thread *t, struct file *f); /* set-id bits go when others write */

/* lock.c */
void locks_release_posix(struct file *f, struct fdtable *owner); /* f->inode->flocks is there */
void locks_release_file(struct file *f);
long lock_fcntl(struct lx_thread *t, struct file *f, uint32_t cmd, struct gva arg);

/* mount.c, fstypes.c */
long mount_new(struct lx_thread *t, const char *type, const char *data, const struct path *at, uint32_t flags, const char *source);
long mount_attach(struct lx_thread *t, struct mount_fs *fs, struct dentry *root, const struct path *at, uint32_t flags,
	const char *source, struct mount **out);

/* dk_dk.c: URIs */
void uri_append_name(char *uri, size_t size, const char *name, uint32_t len); /* "/name" */
char *uri_with_query(const char *uri, const char *query); /* heap */
uint32_t mode_of_type(uint32_t dk_type);
void inode_from_attr(struct inode *i, const struct dk_attributes *a);
/* One name below a host directory: attributes, from hint if it has them, else by one trip that asks ahead. */
long host_attr(struct lx_thread *t, struct inode *dir, const char *dir_uri, const char *name, uint32_t len,
	struct lookup *hint, struct dk_attributes *out, char **target);
void hint_done(struct lookup *hint); /* the walk is over: what it holds goes */
void hint_step(struct lookup *hint, struct inode *dir, struct inode *found);
uint64_t hint_now(struct lookup *hint);
long host_target(const char *uri, char *buf, size_t size);

/* A host directory's names, sorted by hash; shared by its readers. */
#define LISTING_TOUCHED 1024u
struct listing {
	struct ref ref;
	uint64_t when, until;   /* before it was read; lookups believe it up to then */
	uint32_t count;
	uint32_t last_dir, unlisted; /* subfolder that was listed last, UINT32_MAX = none; how many were not yet, then: hints */
	size_t bytes, text_size;
	struct listing_entry {
		uint64_t hash;  /* 61 bits; its place in the order and in the directory's positions */
		uint64_t inode;
		const char *name;
		const struct dk_attributes *attr; /* NULL: not known */
		struct gathered *got; /* [l: lock] contents that came ahead, or NULL */
		uint16_t name_len;
		uint8_t type;   /* enum dk_file_type */
		bool touched;   /* [a] made or removed from inside since: the host is asked for it */
	} *sorted;
	bool changed;           /* a name was made or removed from inside since: who lists the folder reads it again */
	uint64_t touched[LISTING_TOUCHED / 64]; /* [a] such names that are no entries, by their hashes */
	bool partial;           /* attributes are not known */
	bool large;             /* nothing is known but that it is to be read by itself */
	bool host;              /* of a -v folder; of one that came ahead */
	bool used;              /* since the clock of listing_remember came by */
	uint32_t looked, opened; /* files that were looked up, and opened: hints */
	/* tree_dk.c: */
	struct listing *next;   /* in its bucket [tree.lock] */
	uint32_t slot, walk;    /* walk: it came by, + 1; 0 = none */
	const char *uri;        /* of one that came ahead */
	struct dk_attributes self; /* the folder's, of one that came ahead */
	/* gather_dk.c [l: lock]: */
	LOCK(INODE) lock;
	uint32_t last;          /* entry opened last, UINT32_MAX = none */
	uint32_t window;        /* files to fetch in one trip; 0 = never did */
	uint32_t came, used_got; /* by the last fetch, beside the one opened; taken of those */
	uint32_t plain;         /* opens since nothing is fetched any more */
	uint32_t kept;          /* bytes of contents in entries */
	bool has_got;           /* some entry has or had some */
};
/* One with room for count entries and size bytes of text behind them (*text); the entries are the caller's to fill and sort. */
struct listing *listing_new(uint32_t count, size_t size, uint64_t when, char **text);
void listing_sort(struct listing *l); /* if it is not */
/* Any one that is there; one that is believed; and with attributes. */
enum listing_wanted { LISTING_ANY, LISTING_FRESH, LISTING_FULL };
struct listing *listing_fetch(const char *uri, long *err);
char *listing_target(struct listing *l, const char *name, uint32_t len); /* a link's text that came along, for arena_free, or NULL */
void listing_put(struct listing *l);
void listing_replaces(struct listing *l, const struct listing *old); /* what is known of its readers */
void listing_remember(struct inode *dir); /* dir got a listing: that of another folder may go */
uint32_t listing_index(const struct listing *l, const char *name, uint32_t len); /* in sorted; UINT32_MAX = not there */
void listing_touch(struct listing *l, const char *name, uint32_t len); /* made or removed from inside */
bool listing_touched(const struct listing *l, const char *name, uint32_t len); /* perhaps: the host is to be asked */
/* What l, of the folder dir_uri and believed, says of a name: 0, -ENOENT, -EAGAIN = ask for it, -ENODATA = a file
   whose attributes are not known. */
long listing_attr(struct listing *l, const char *dir_uri, const char *name, uint32_t len, struct dk_attributes *out);
/* The same of dir's listing l, whose reference is the caller's: where reading it again with attributes is worth it, full does
   that and *l becomes what it read, or NULL with -EAGAIN. */
long listing_ask(struct listing **l, struct dentry *dir, const char *dir_uri, const char *name, uint32_t len, struct dk_attributes *out,
	struct listing *(*full)(struct dentry *dir, enum listing_wanted what, long *err));
uint32_t listing_from(const struct listing *l, uint64_t hash); /* first index with at least this hash */
#define LISTING_POS (1ull << 62)
uint32_t dirent_type(uint32_t mode); /* DT_* */

/* gather_dk.c.  All of a small host file, and its attributes. */
struct gathered {
	struct dk_attributes attr;
	uint64_t when;          /* monotonic ns, before it was read */
	uint32_t size, no_data; /* no_data: attributes are all that came */
	char data[];
};
/*
 * The contents of the file of that name in the folder of the host that l lists: as they were less than trust ns
 * ago, or by a trip that brings those of files to be opened next.  The caller's, for arena_free.
 * NULL = open it.  Hold no lock.
 */
struct gathered *gather_take(struct listing *l, const char *dir_uri, const char *name, uint32_t len, uint64_t trust);
void gather_drop(struct listing *l); /* l goes */
/* Contents, or attributes alone, that came with a walk wait on entry k of l; takes over g. */
void gather_put(struct listing *l, uint32_t k, struct gathered *g);

/* tree_dk.c */
/* The listing of dir, a folder of the host named uri: what came ahead, or by a trip that may bring others.  A reference. */
struct listing *tree_listing(struct dentry *dir, const char *uri, long *err);
/* Attributes of the folder uri whose number is ino, if they come ahead; hold no lock. */
bool tree_attr(const char *uri, uint64_t ino, struct dk_attributes *out);
bool tree_more(const struct listing *l, const char *uri); /* more files of the folder uri, which l lists, came; hold no lock */
void tree_late(void); /* contents that came ahead were too old */
void tree_counts(const struct listing *l, bool opened); /* a file of l was looked up, or opened */

/* memfs */
struct inode *mem_inode_new(struct mount_fs *fs, uint32_t mode);
struct inode *mem_root_overlay(struct mount_fs *fs, const char *where);
struct inode *mem_boot_dir(struct dentry *dir, const char *name, uint32_t len, bool merged);
long mem_boot_file(struct dentry *dir, const char *name, uint32_t len, const char *text); /* root's, 0644; dir is one in memory: 0, -ENOMEM */
uint32_t mem_seals(struct inode *i);
long mem_add_seals(struct inode *i, uint32_t seals);
void mem_map_writers(struct inode *i, int delta); /* mm/: shared mappings of i that may write came or went */

/* hostfs */
struct inode *host_root(struct mount_fs *fs, const char *guest_path);
#endif
