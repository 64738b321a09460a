/* SPDX-License-Identifier: MIT */
/*
 * nt/io/io.h - file objects: what every kind of device shares, and what the rest of nt/ uses of io/.
 *
 * A file object (OB_FILE) is one open.  Its kind chooses the operations, as in linux/: a table in the image (io/kinds.c).
 * A request is a call under way: on the caller's stack as long as it can be answered at once, else in the arena as a struct
 * io_irp (io/irp.h).  Locks: NTFILE guards one file object's position and directory scan and may be held while nt/os/ works;
 * NTIO what opens of one file share (share modes, byte ranges, delete pending), io/node.c.
 */
#ifndef NT_IO_IO_H
#define NT_IO_IO_H

#include "nt/nt.h"

struct file;
struct io_irp;
struct io_node;
struct os_path;
struct npfs_end;

/* What a file object is of; a new one gets a row in io/kinds.c. */
enum io_kind { IO_NONE, IO_DISK, IO_DIRECTORY, IO_STREAM /* what linux/ has open: pipes, terminals, devices */, IO_NULL, IO_PIPE /* one end */,
	IO_NPFS /* the pipe device itself */, IO_RAWDISK /* a volume or a disk as a device */, IO_MAILSLOT, IO_MSFS /* the mailslot device itself */, IO_CONSOLE, IO_AFD, IO_NSI, IO_HTTP, IO_MOUNTMGR,
	IO_KINDS };

struct io_file {
	struct ob_object ob;      /* first; OB_FILE.  Signalled while no request of its own is under way */
	uint32_t kind;            /* [I] enum io_kind */
	uint32_t access, share, options; /* [I] as it was opened: FILE_* */
	struct file *f;           /* [I] a reference; NULL: kinds that have none */
	struct io_node *node;     /* [I] what it shares with other opens of the same file; NULL: none */
	struct os_path *link;     /* [I] arena: the symbolic link that it was opened by, or NULL */
	LOCK(NTFILE) lock;
	uint64_t position;        /* [NTFILE] */
	struct io_scan *scan;     /* [NTFILE] NtQueryDirectoryFile's; io/directory.c */
	struct list irps;         /* [NTIO: the irps lock, io/irp.c] pending requests, by irp->on_file */
	struct ob_object *port;   /* [NTOBJ] completion port, a reference; NULL: none */
	uint64_t port_key;
	uint32_t port_modes;      /* FILE_SKIP_... of FileIoCompletionNotificationInformation */
	uint32_t closed;          /* [a] its last handle is gone */
	uint32_t shared_position; /* [I] the position is the description's: others have it as a descriptor */
	uint32_t mode;            /* FileModeInformation, if it was set */
	uint32_t io_priority;
	uint32_t posix_delete;    /* its name goes with its own last handle, whoever else has the file open */
	void *object;             /* the kind's own */
	uint64_t priv[4];
};

/* Rights and options, as the SDK has them. */
#define FILE_READ_DATA        0x0001u
#define FILE_WRITE_DATA       0x0002u
#define FILE_APPEND_DATA      0x0004u
#define FILE_READ_EA          0x0008u
#define FILE_WRITE_EA         0x0010u
#define FILE_EXECUTE          0x0020u
#define FILE_DELETE_CHILD     0x0040u
#define FILE_READ_ATTRIBUTES  0x0080u
#define FILE_WRITE_ATTRIBUTES 0x0100u
#define FILE_ALL_ACCESS       0x1f01ffu
#define FILE_SHARE_READ   1u
#define FILE_SHARE_WRITE  2u
#define FILE_SHARE_DELETE 4u
enum { FILE_SUPERSEDE, FILE_OPEN, FILE_CREATE, FILE_OPEN_IF, FILE_OVERWRITE, FILE_OVERWRITE_IF };
enum { FILE_SUPERSEDED, FILE_OPENED, FILE_CREATED, FILE_OVERWRITTEN, FILE_EXISTS, FILE_DOES_NOT_EXIST };
#define FILE_DIRECTORY_FILE            0x00000001u
#define FILE_WRITE_THROUGH             0x00000002u
#define FILE_SEQUENTIAL_ONLY           0x00000004u
#define FILE_NO_INTERMEDIATE_BUFFERING 0x00000008u
#define FILE_SYNCHRONOUS_IO_ALERT      0x00000010u
#define FILE_SYNCHRONOUS_IO_NONALERT   0x00000020u
#define FILE_SYNCHRONOUS (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT)
#define FILE_NON_DIRECTORY_FILE        0x00000040u
#define FILE_DELETE_ON_CLOSE           0x00001000u
#define FILE_OPEN_BY_FILE_ID           0x00002000u
#define FILE_OPEN_REPARSE_POINT        0x00200000u
#define FILE_OPTIONS_VALID             0x00ffffffu
#define FILE_ATTRIBUTE_READONLY  0x001u
#define FILE_ATTRIBUTE_HIDDEN    0x002u
#define FILE_ATTRIBUTE_SYSTEM    0x004u
#define FILE_ATTRIBUTE_DIRECTORY 0x010u
#define FILE_ATTRIBUTE_ARCHIVE   0x020u
#define FILE_ATTRIBUTE_NORMAL    0x080u
#define FILE_ATTRIBUTE_TEMPORARY 0x100u
#define FILE_ATTRIBUTE_REPARSE_POINT 0x400u
#define FILE_DEVICE_DISK              0x07u
#define FILE_DEVICE_DISK_FILE_SYSTEM  0x08u
#define FILE_DEVICE_MAILSLOT          0x0cu
#define FILE_DEVICE_NAMED_PIPE        0x11u
#define FILE_DEVICE_NULL              0x15u
#define FILE_DEVICE_UNKNOWN           0x22u
#define FILE_DEVICE_CONSOLE           0x50u
#define FILE_DEVICE_NETWORK           0x12u
#define FILE_SKIP_COMPLETION_PORT_ON_SUCCESS 1u /* port_modes */
#define FILE_SKIP_SET_EVENT_ON_HANDLE        2u
#define FILE_USE_FILE_POINTER_POSITION 0xfffffffffffffffeull
#define FILE_WRITE_TO_END_OF_FILE      0xffffffffffffffffull

/* One call under way.  Members are the caller's arguments; event is a reference. */
struct io_request {
	struct nt_thread *thread;
	struct io_file *file;
	struct ob_object *event;
	uint64_t apc, apc_context, iosb; /* of the guest; apc 0: apc_context is a completion port's value */
	uint32_t code;            /* ioctls: the code */
	uint32_t write;
	uint64_t buffer, offset;  /* reads and writes; the output of ioctls */
	uint32_t size, key;
	uint64_t in;              /* ioctls: input */
	uint32_t in_size, more;   /* more: IO_BLOCKS, IO_PENDS */
	uint64_t done;            /* answer: Information */
};
#define IO_BLOCKS 1u /* the call waits, whatever the file object's options say */
#define IO_PENDS  2u /* it never does */
static inline bool io_is_sync(const struct io_file *f)
{
	return (f->options & FILE_SYNCHRONOUS) != 0;
}

/* What a kind does.  NULL members: STATUS_INVALID_DEVICE_REQUEST, or nothing to do. */
struct io_ops {
	const char *name;
	uint32_t device;          /* FILE_DEVICE_* */
	/* A status that is final, with r->done; STATUS_PENDING: r went into a struct io_irp (io_irp_new). */
	NTSTATUS (*read)(struct io_request *r);
	NTSTATUS (*write)(struct io_request *r);
	NTSTATUS (*ioctl)(struct io_request *r); /* NtDeviceIoControlFile */
	NTSTATUS (*fsctl)(struct io_request *r); /* NtFsControlFile */
	NTSTATUS (*flush)(struct io_request *r);
	/* Information classes of their own: STATUS_INVALID_INFO_CLASS: the usual ones are tried.  buf is the guest's. */
	NTSTATUS (*query)(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size, uint64_t *done);
	NTSTATUS (*set)(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size);
	WCHAR *(*name_of)(struct io_file *f, uint32_t *size); /* heap memory; NULL: a file's */
	/* irp is to end if it is still queued: takes it out, io_irp_take. */
	void (*cancel)(struct io_irp *irp, struct list *done);
	void (*irp_gone)(struct io_irp *irp); /* one that has something of its own (irp->own) goes; no lock is held */
	void (*cleanup)(struct io_file *f); /* its last handle is gone: what is pending ends */
	void (*destroy)(struct io_file *f); /* the last reference */
};
extern const struct io_ops *const io_kinds[IO_KINDS];
static inline const struct io_ops *io_ops(const struct io_file *f)
{
	return io_kinds[f->kind];
}

/* ---- For the rest of nt/ ---- */

/* Handles 4, 8, 12 of the new process p: file objects over descriptors 0, 1, 2 of the calling lx_proc.  A descriptor that is not open
   gives handle 0. */
NTSTATUS io_std_handles(struct nt_process *p, uint64_t handle[3]);
/* The sandbox's file behind a file object, borrowed from it; NULL: it has none (pipes, consoles). */
static inline struct file *io_linux_file(const struct ob_object *o)
{
	return ((const struct io_file *)o)->f;
}
/* The file behind an OB_FILE object, with a reference.  STATUS_INVALID_FILE_FOR_SECTION: it is none that can be mapped. */
NTSTATUS io_file_of(struct ob_object *o, struct file **out);
/* Its NT name, heap memory with a 0 behind; size in bytes without it. */
NTSTATUS io_name_of(struct ob_object *o, WCHAR **name, uint32_t *size);
/* by (1 or -1) sections more of the file behind an OB_FILE object: while there are any it is neither emptied nor deleted. */
enum io_section { IO_SECTION_DATA, IO_SECTION_WRITABLE /* and data: nobody opens it who does not share writing */, IO_SECTION_IMAGE /* nobody opens it to write */ };
void io_file_section(struct ob_object *o, enum io_section kind, int by);
/* A file object on a file of the sandbox (its reference is taken over); *out has one reference.  For descriptors and sockets. */
NTSTATUS io_file_wrap(struct file *f, uint32_t access, uint32_t options, struct io_file **out);
/* The name as NtQueryObject says it, heap memory, *size bytes; NULL: it has none. */
WCHAR *io_file_name(struct io_file *f, uint32_t *size);
/* Opens, relative to nothing, an NT name for the kernel's own use: RtlCreateUserProcess' images, hives.  *out: a reference. */
NTSTATUS io_open_name(const WCHAR *name, uint32_t size, uint32_t access, struct io_file **out);
/* Drops what t has under way: it ends.  By t itself, or by kproc. */
void io_thread_ended(struct nt_thread *t);
void io_boot(void); /* behind ob_boot: names of drives and devices */
void io_process_ended(struct nt_process *p); /* its last thread is gone and its handles are closed */

/* ---- For the kinds ---- */

struct io_file *io_file_new(enum io_kind kind, uint32_t access, uint32_t share, uint32_t options);
/*
 * A call begins: finds the handle's object (access: any bit of it is enough) and the event, which is cleared.  On failure nothing
 * is held.  io_end answers it: the status block, event, APC and completion port, unless it is pending; drops what begin took.
 */
NTSTATUS io_begin(struct nt_thread *t, struct io_request *r, uint64_t handle, uint32_t access, uint64_t event, uint64_t apc, uint64_t context,
	uint64_t iosb);
NTSTATUS io_end(struct io_request *r, NTSTATUS status);
NTSTATUS io_end_pended(struct io_request *r); /* with success, of a call that says STATUS_PENDING, though it is over */
#endif
