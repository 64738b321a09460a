/* SPDX-License-Identifier: MIT */
/*
 * nt/io/npfs.h - named pipes: names, instances, ends.
 *
 * A pipe (struct npfs_pipe) is there as long as it has an end, its name as long as it has instances.  Server ends are its instances; a client's end is made when one
 * connects, and stays its file's when it is disconnected, so that it never meets the next client.  What can be read at an
 * end is its queue of messages (byte pipes have messages too, whose borders mean nothing).  All ends of a name are under
 * the name's lock, NTPIPE; the table of names under one of NTIO, inside it.
 */
#ifndef NT_IO_NPFS_H
#define NT_IO_NPFS_H

#include "nt/io/irp.h"
#include "nt/se/se.h"
#include "pico/wait.h"

enum npfs_state { NPFS_DISCONNECTED = 1, NPFS_LISTENING, NPFS_CONNECTED, NPFS_CLOSING };
enum npfs_side { NPFS_CLIENT, NPFS_SERVER };
enum { NPFS_INBOUND, NPFS_OUTBOUND, NPFS_DUPLEX }; /* of bytes, as the server sees them */

struct npfs_message {
	struct list link;        /* in end->messages */
	uint32_t size, read;     /* read: bytes of it that are gone */
	struct io_irp *writer;   /* waits until there is room; its queue's reference.  Its end is connected with the queue's */
	struct se_client who;    /* of a client's: who wrote it, until it is read */
	uint8_t data[];
};

/* One open of the pipe: its file object's, freed with it. */
struct npfs_end {
	struct npfs_pipe *pipe;  /* [I] a reference */
	struct npfs_end *peer;   /* while it is connected: state NPFS_CONNECTED */
	struct list link;        /* servers: in pipe->instances */
	uint32_t side;           /* [I] enum npfs_side */
	uint32_t state;          /* enum npfs_state */
	uint32_t message_mode, nowait; /* FilePipeInformation */
	uint32_t bytes, count;   /* in messages */
	struct list messages;    /* to be read here, oldest first */
	struct list readers;     /* of struct io_irp by link */
	struct list flushers;    /* of the other end's NtFlushBuffersFile: until messages is empty */
	struct list listeners;   /* servers: FSCTL_PIPE_LISTEN, by link */
	struct se_client who;    /* clients: [I] what they said when they opened; servers: of what was read last */
	uint32_t pid, peer_pid;  /* client ids: who opened it; the last one it was connected with */
	struct waitq linux_wait; /* Linux programs that have it as a descriptor: npfs_linux.c */
};

struct npfs_pipe {
	struct ref ref;          /* one an end, and look-ups */
	LOCK(NTPIPE) lock;
	struct list hash;        /* [NTIO: the table's lock] */
	struct list instances;   /* [NTPIPE] the server ends; those that listen as they began to */
	uint32_t ninstances, maximum;
	uint32_t gone;           /* the last instance went: nobody finds it any more */
	struct ob_object secured; /* its security alone: the descriptor of all its ends */
	uint32_t message_type, configuration, in_quota, out_quota; /* [I] */
	int64_t timeout;         /* [I] as it was given: 100 ns, negative */
	uint32_t size;           /* [I] of name, bytes; 0: it has none, and one instance */
	WCHAR name[];            /* [I] */
};

static inline struct npfs_end *npfs_end_of(const struct io_file *f)
{
	return f->object;
}
/* What NtCreateNamedPipeFile asks for. */
struct npfs_wish {
	const WCHAR *name;       /* size 0: a pipe without a name */
	uint64_t security;       /* va of a descriptor */
	uint32_t size, message_type, message_mode, nowait, maximum, in_quota, out_quota, configuration;
	int64_t timeout;
};
/* A client that the server has thrown out: nothing is told to it any more. */
static inline bool npfs_is_cut_off(const struct npfs_end *e)
{
	return e->side == NPFS_CLIENT && __atomic_load_n(&e->state, __ATOMIC_RELAXED) == NPFS_DISCONNECTED;
}
/* npfs.c */
struct npfs_pipe *npfs_find(const WCHAR *name, uint32_t size); /* with a reference */
void npfs_put(struct npfs_pipe *p);
/* The name's pipe with a reference, a new one if need be. */
NTSTATUS npfs_pipe_for(const struct npfs_wish *w, struct io_open *o, struct npfs_pipe **out);
/* An end and its file object; the caller queues it and so on.  NULL: no memory. */
struct io_file *npfs_end_file(struct npfs_pipe *p, enum npfs_side side, const struct io_open *o);
/* The instance that the next client gets: which listens longest; NULL: none does. */
struct npfs_end *npfs_next_listener(struct npfs_pipe *p) REQUIRES(NTPIPE);
struct waitq *npfs_listeners(void); /* who waits for an instance that listens */
bool npfs_is_folder(const struct io_file *device); /* opened with a backslash behind its name */
/* An end's descriptor is its pipe's: STATUS_PIPE_DISCONNECTED. */
NTSTATUS npfs_secured(struct io_file *f, struct ob_object **out);
NTSTATUS npfs_open(const struct io_name *n, struct io_open *o, struct io_file **out); /* IO_AT_PIPE */
void npfs_listening(void); /* an instance listens: who waits for one looks */
void npfs_end_all(struct list *irps, NTSTATUS status, struct list *done) REQUIRES(NTPIPE); /* all irps of a queue end so */
/* npfs_wait.c */
NTSTATUS npfs_wait_for(struct io_request *r); /* FSCTL_PIPE_WAIT */
/* npfs_queue.c */
uint32_t npfs_quota(const struct npfs_end *e); /* how much may be queued at e before its writers wait */
static inline uint32_t npfs_left(const struct npfs_message *m)
{
	return m->size - m->read;
}

static inline uint32_t npfs_room(const struct npfs_end *e)
{
	return npfs_quota(e) - MIN(e->bytes, npfs_quota(e));
}
void npfs_message_free(struct npfs_message *m);
void npfs_heard(struct npfs_end *e, struct npfs_message *m) REQUIRES(NTPIPE); /* e reads of m: that is who it may impersonate */
/* m is read to its end.  Its writer, if it waits, is done. */
void npfs_message_gone(struct npfs_end *e, struct npfs_message *m, struct list *done) REQUIRES(NTPIPE);
void npfs_release_writers(struct npfs_end *e, struct list *done) REQUIRES(NTPIPE); /* room was made at e: those whose bytes fit now go on */
void npfs_purge(struct npfs_end *e, NTSTATUS status, struct list *done) REQUIRES(NTPIPE); /* all that is queued at e and waits there ends so */
/* npfs_rw.c */
/* Where read bytes go: to put, if it is not NULL, else to mem or the guest's memory at va. */
struct npfs_target {
	uint64_t va;
	char *mem;
	bool (*put)(void *arg, uint32_t at, const void *from, uint32_t n); /* false: a fault */
	void *arg;
	uint32_t room, done;
};
/* What is queued at e, which is not empty, as e reads: bytes, or a message, of which STATUS_BUFFER_OVERFLOW leaves a part. */
NTSTATUS npfs_take(struct npfs_end *e, struct npfs_target *t, struct list *done) REQUIRES(NTPIPE);
uint64_t npfs_wanted(const struct npfs_end *e) REQUIRES(NTPIPE); /* bytes that those who wait at e take of what comes now */
void npfs_append(struct npfs_end *peer, struct npfs_message *m, struct list *done) REQUIRES(NTPIPE); /* m comes to peer */
NTSTATUS npfs_read(struct io_request *r);
NTSTATUS npfs_write(struct io_request *r);
NTSTATUS npfs_flush(struct io_request *r);
NTSTATUS npfs_transceive(struct io_request *r);
void npfs_cancel(struct io_irp *irp, struct list *done);
/* npfs_linux.c: something about e has changed for who waits there as a Linux program. */
static inline void npfs_stir(struct npfs_end *e)
{
	if (e != NULL)
		waitq_wake_all(&e->linux_wait);
}
/* npfs_ctl.c */
NTSTATUS npfs_fsctl(struct io_request *r);
NTSTATUS npfs_query(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size, uint64_t *done);
NTSTATUS npfs_set(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size);
#endif
