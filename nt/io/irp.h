/* SPDX-License-Identifier: MIT */
/* nt/io/irp.h - between the files of io/: requests that wait. */
#ifndef NT_IO_IRP_H
#define NT_IO_IRP_H

#include "nt/io/io.h"
#include "nt/ps/ps.h"

NTSTATUS io_by_handle(uint64_t handle, uint32_t access, struct io_file **out); /* with a reference */
/* Tells of a request's end, all but its status block. */
void io_answer(const struct io_request *r, NTSTATUS status, bool was_pending);

/*
 * A request that waits: its arguments, and what came of it.  One reference is the queue's that it is in (the kind's), until
 * io_irp_done; who asked waits for it on the irp itself (synchronous file objects), or is told as the call's arguments say, by a
 * thread of its own process.
 */
struct io_irp {
	struct ref ref;
	uint32_t state;           /* [the kind's lock] enum io_irp_state */
	struct list link;         /* [the kind's lock] in the kind's queue, then in a list of those that are done */
	struct list on_file, on_thread; /* [NTIO: irps lock] */
	struct io_request r;      /* holds references on file, event, thread */
	struct nt_process *process; /* a reference */
	struct pico_thread *waiter; /* who sleeps for it, or NULL */
	NTSTATUS status;
	void *data;               /* arena: what is to go to r.buffer */
	uint32_t data_at, data_size;
	uint32_t sync, pad;
	void *own;                /* the kind's, which its irp_gone gives back */
	struct ob_object *alert;  /* an alertable synchronous wait: an event that is signalled when it is done; a reference */
};
enum io_irp_state { IO_IRP_QUEUED, IO_IRP_TAKEN /* out of the queue, soon done */, IO_IRP_DONE };
/* r's references become the irp's, if there is memory for one. */
struct io_irp *io_irp_new(struct io_request *r);
void io_irp_put(struct io_irp *irp); /* a reference; no lock is held */
/*
 * The end of a call whose irp is in its queue: STATUS_PENDING, or, for a synchronous file object, the final status when it
 * is done.  No lock is held.
 */
NTSTATUS io_irp_wait(struct io_request *r, struct io_irp *irp);
/* Under the kind's lock: irp, out of its queue by now, is done; io_irps_finish with no lock. */
void io_irp_take(struct io_irp *irp, NTSTATUS status, uint64_t information, struct list *done);
void io_irps_finish(struct list *done);
LOCK(NTIO) *io_irps_lock(void); /* io/node.c */
void **io_npfs(void);           /* io/npfs.c's state; NULL until it is made */
struct io_list {
	LOCK(NTPIPE) lock;
	struct list all;
};
struct io_list *io_mailslots(void); /* of struct slot */
struct io_list *io_watches(void);   /* of struct io_watch */
/* Pending requests of f end with STATUS_CANCELLED: those of t, of its process, or with a status block at iosb; how many. */
uint32_t io_cancel(struct io_file *f, const struct nt_thread *t, const struct nt_process *p, uint64_t iosb);

/* ---- io/node.c: what the opens of one file share ---- */
struct io_node {
	struct list hash;         /* [NTIO of its bucket] */
	void *inode;              /* [I] compare only; each open's file keeps it */
	uint32_t opens;           /* [NTIO] file objects that refer to it */
	uint32_t counted, readers, writers, deleters, share_read, share_write, share_delete; /* [NTIO] of those that take part */
	uint32_t delete_pending;  /* [NTIO] */
	uint32_t handles;         /* [NTIO] file objects that have handles */
	struct list ranges;       /* [NTIO] byte ranges that are locked: io/range.c */
	_Atomic uint32_t nranges;
	_Atomic uint32_t sections; /* [NTIO to change] of its data: while there are any it cannot become shorter */
	_Atomic uint32_t images;   /* [NTIO to change] as a program or DLL */
	uint32_t writable;         /* [NTIO] those of sections that change it */
	struct waitq range_wait;  /* who waits for a range */
};
/* Joins the opens of this file: STATUS_SHARING_VIOLATION, _DELETE_PENDING. */
NTSTATUS io_node_open(void *inode, uint32_t access, uint32_t share, struct io_node **out);
void io_node_close(struct io_node *n); /* the file object goes */
/* One that joined so has no handle any more; true: it was the last one, and the file is to be deleted. */
bool io_node_handle_gone(struct io_node *n, uint32_t access, uint32_t share);
/* One joined with access and goes on with now; UINT32_MAX: it leaves altogether. */
void io_node_leave(struct io_node *n, uint32_t access, uint32_t share, uint32_t now);
bool io_node_delete_pending(struct io_node *n);
static inline bool io_node_is_mapped(const struct io_node *n)
{
	return atomic_load(&n->sections) != 0 || atomic_load(&n->images) != 0;
}
void io_node_set_delete(struct io_node *n, bool pending);
/* Before the first file is opened to be changed: those DLLs are images that every process has mapped, without sections that would say so. */
void io_node_know_dlls(void);
LOCK(NTIO) *io_node_lock(const struct io_node *n);

/* ---- io/create.c ---- */
/* What NtCreateFile does, but for the handle. */
struct io_open {
	uint32_t access, attributes, share, disposition, options;
	uint32_t information;     /* answer: FILE_OPENED ... */
	uint64_t qos;             /* va of the SECURITY_QUALITY_OF_SERVICE, or 0 */
};
struct io_name;
NTSTATUS io_open_at(const struct io_name *n, struct io_open *o, struct io_file **out);
NTSTATUS net_open(const struct io_name *n, struct io_open *o, struct io_file **out); /* IO_AT_AFD, IO_AT_NSI; net/afd.c */
NTSTATUS rawdisk_open(struct file *root, struct io_open *o, struct io_file **out); /* io/rawdisk.c; root: its volume's, taken over, or NULL */
NTSTATUS mailslot_open(const struct io_name *n, struct io_open *o, struct io_file **out); /* io/mailslot.c */
NTSTATUS io_open_device(const struct io_name *n, struct io_open *o, struct io_file **out); /* io/kinds.c */

/* ---- io/directory.c ---- */
void io_directory_destroy(struct io_file *f);
/* io/notify.c */
void io_directory_cleanup(struct io_file *f);
void io_directory_cancel(struct io_irp *irp, struct list *done);
void io_watch_free(struct io_file *f);

/* ---- io/rename.c: FileRenameInformation and FileLinkInformation, or their Ex; buf is the guest's ---- */
NTSTATUS io_set_rename(struct io_file *f, uint64_t buf, uint32_t size, bool ex);
NTSTATUS io_set_link(struct io_file *f, uint64_t buf, uint32_t size, bool ex);

/* ---- io/query.c ---- */
struct os_attr;
uint64_t io_volume_serial(uint64_t dev); /* the low half is what most classes show */
uint32_t io_attributes(const struct os_attr *a); /* FILE_ATTRIBUTE_* */
#endif
