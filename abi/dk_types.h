/* SPDX-License-Identifier: MIT */
/*
 * abi/dk_types.h - handles, statuses, flags and structs of the Dk ABI.
 *
 * Freestanding; includes nothing of ours but layout.h.  Sizes are in bytes,
 * times in nanoseconds; deadlines are absolute on the monotonic clock, DK_FOREVER
 * = never.  dk.abi has the calls; docs/design/01-abi.md the reasons.
 */
#ifndef ABI_DK_TYPES_H
#define ABI_DK_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"

enum dk_status {
#define STATUS(name, nr, err, ntstatus, text) DK_##name = nr,
#include "abi/dk_status.def"
#undef STATUS
	DK_STATUS_COUNT
};

/*
 * A handle is kind:4 | generation:8 | index:20 and never 0.  All kinds live in
 * tables that the whole sandbox shares, so a handle means the same everywhere in
 * it; what a stream needs locally (a descriptor) pal fetches on first use.
 */
typedef uint32_t dk_handle;
#define DK_NO_HANDLE 0u
enum dk_kind { DK_KIND_EVENT = 1, DK_KIND_SEMAPHORE, DK_KIND_THREAD, DK_KIND_PROCESS, DK_KIND_STREAM, DK_KIND_STREAM_EVENT };
#define DK_HANDLE(kind, gen, index) ((uint32_t)(kind) << 28 | ((uint32_t)(gen)&0xff) << 20 | (uint32_t)(index))
#define DK_HANDLE_KIND(h)  ((h) >> 28)
#define DK_HANDLE_GEN(h)   ((h) >> 20 & 0xff)
#define DK_HANDLE_INDEX(h) ((h)&0xfffff)

#define DK_FOREVER UINT64_MAX

/* DkVirtualMemoryAlloc type, Free type, protections. */
#define DK_MEM_RESERVE  1u  /* inaccessible; commit later */
#define DK_MEM_COMMIT   2u
#define DK_MEM_FIXED    4u  /* at the wish exactly, replacing what is there */
#define DK_MEM_SHARED   8u  /* shared with CLONE children (otherwise copy-on-write) */
#define DK_MEM_NOREPLACE 16u /* with FIXED: EXISTS if something is there */
#define DK_MEM_POPULATE 32u
/* Alloc with one of these, or POPULATE, and neither RESERVE nor COMMIT: about what is mapped there. */
#define DK_MEM_HUGE     64u  /* huge pages are welcome */
#define DK_MEM_NOHUGE   128u
#define DK_MEM_COLD     256u /* not needed soon */
#define DK_MEM_DECOMMIT 1u  /* Free: drop the contents, keep the range */
#define DK_MEM_RELEASE  2u
#define DK_MEM_LAZY     4u  /* with DECOMMIT: the contents go when memory is short; a write keeps the page */

/* Query. */
#define DK_QUERY_RESIDENT 0u /* a byte a page of the range, 1 = in memory; the caller's own memory */
#define DK_QUERY_TOTAL    2u /* one struct dk_memory_usage for the whole sandbox */
#define DK_QUERY_USAGE    1u /* struct dk_memory_usage of the process, or (process 0) of each process there is */
struct dk_memory_usage {
	dk_handle process; /* as DkProcessCreate gave it; DK_NO_HANDLE: one that has not started */
	uint32_t pad;
	uint64_t anon, file, shared; /* resident pages of 4 KB: private; of files; of memory that the sandbox shares */
};
#define DK_PROT_R       1u
#define DK_PROT_W       2u
#define DK_PROT_X       4u
#define DK_PROT_GUARD   8u

/* DkStreamOpen. */
#define DK_READ    1u
#define DK_WRITE   2u
#define DK_EXECUTE 4u
#define DK_APPEND  8u
enum dk_disposition {
	DK_OPEN_EXISTING,   /* NOT_FOUND if there is none */
	DK_CREATE_NEW,      /* EXISTS if there is one */
	DK_OPEN_OR_CREATE,
	DK_TRUNCATE,        /* open existing and cut to 0 */
	DK_CREATE_ALWAYS    /* create or cut to 0 */
};
enum dk_file_type { DK_TYPE_NONE, DK_TYPE_FILE, DK_TYPE_DIR, DK_TYPE_SYMLINK, DK_TYPE_FIFO,
	DK_TYPE_SOCKET, DK_TYPE_CHAR, DK_TYPE_BLOCK, DK_TYPE_LINK };
#define DK_OPTION_TYPE(t)   ((uint32_t)(t)&0xf) /* what to create; 0 = regular file */
#define DK_OPTION_DIRECTORY 0x10u               /* NOT_DIRECTORY unless it is one */
#define DK_OPTION_INLINE    0x20u               /* send a small file's contents along */
#define DK_OPTION_WALK      0x40u               /* follow links and tell the way: struct dk_walk */
#define DK_OPTION_KEEP      0x80u               /* DK_ATTR_SAME is going to be asked; on return only if it can be */

/* DkStreamRead and DkStreamWrite. */
#define DK_IO_NONBLOCK 1u
#define DK_IO_PEEK     2u
#define DK_IO_OOB      4u
#define DK_IO_WAITALL  8u
#define DK_IO_APPEND   16u
#define DK_IO_SYNC     32u
#define DK_IO_PEER     64u  /* the first segment is struct dk_datagram (abi/net.h) */
#define DK_IO_MORE     128u /* write: more follows at once, so a packet need not go out yet */
#define DK_OFFSET_NONE UINT64_MAX /* streams that cannot seek, or the host's own position */
struct dk_segment {
	void *base;
	uint64_t size;
};
#define DK_SEGMENTS_MAX 64u

#define DK_MAP_PRIVATE 1u
#define DK_MAP_SHARED  2u
#define DK_MAP_FIXED   4u
#define DK_MAP_NOREPLACE 8u
#define DK_MAP_POPULATE 16u
#define DK_MAP_MOVE     32u /* no stream: the private pages at offset, prot of them, go to address and become size bytes */

enum dk_length_mode { DK_LENGTH_TRUNCATE, DK_LENGTH_ALLOCATE, DK_LENGTH_ALLOCATE_KEEP, DK_LENGTH_PUNCH, DK_LENGTH_ZERO };
enum dk_flush_mode { DK_FLUSH_DATA, DK_FLUSH_ALL, DK_FLUSH_FS /* the file system that the stream is on */ };
enum dk_rename_mode { DK_RENAME_REPLACE, DK_RENAME_NOREPLACE, DK_RENAME_EXCHANGE, DK_RENAME_LINK };
enum dk_delete_mode { DK_DELETE_FILE, DK_DELETE_DIR, DK_DELETE_ANY, DK_DELETE_SIDE_READ, DK_DELETE_SIDE_WRITE,
	DK_DELETE_SIDE_BOTH };
enum dk_stream_event { DK_EVENT_READ, DK_EVENT_WRITE, DK_EVENT_HANGUP, DK_EVENT_ACCEPT, DK_EVENT_CHANGE };
enum dk_clock { DK_CLOCK_REALTIME, DK_CLOCK_MONOTONIC, DK_CLOCK_PROCESS_CPU, DK_CLOCK_THREAD_CPU,
	DK_CLOCK_MONOTONIC_COARSE, DK_CLOCK_REALTIME_COARSE, DK_CLOCK_BOOTTIME, DK_CLOCK_MONOTONIC_RAW };

/* DkObjectTimeQuery. */
enum dk_object_time { DK_TIME_CPU, DK_TIME_KERNEL };

/* DkObjectsWaitAny flags. */
#define DK_WAIT_UNINTERRUPTIBLE 1u /* DkThreadRaiseException does not end this wait */
#define DK_WAIT_MAX 64u            /* handles in one wait; more go into a waitset: stream */

/* DkDebugStringPrint levels.  PANIC ends the sandbox with this text. */
enum dk_log_level { DK_LOG_ERROR, DK_LOG_WARNING, DK_LOG_INFO, DK_LOG_TRACE, DK_LOG_PANIC, DK_LOG_ANSWER /* kproc: to what was asked */ };

/* Attributes of a named thing or a stream.  rights is what this sandbox may do (DK_READ...). */
struct dk_attributes {
	uint32_t type; /* enum dk_file_type */
	uint32_t mode; /* permission bits, 07777 */
	uint32_t uid, gid;
	uint64_t size;
	uint64_t allocated; /* bytes on the device */
	uint64_t device, inode, generation;
	uint32_t nlink, rights;
	uint64_t rdev;
	uint32_t block_size, flags;
	int64_t atime_ns, mtime_ns, ctime_ns, btime_ns; /* since 1970 UTC */
};
#define DK_ATTR_TTY 1u /* flags: a terminal */

/* DkStreamAttributesQuery classes: what the buffer gets, or AttributesSet takes. */
enum dk_attr_class {
	DK_ATTR_BASIC,    /* struct dk_attributes */
	DK_ATTR_CHAIN,    /* struct dk_attributes[] of each component of a file: path, from the root's
	                     first component on, up to the first that is missing or no directory; a
	                     symbolic link's text (size bytes of it) may follow behind the last one */
	DK_ATTR_TARGET,   /* a symbolic link's text, no NUL */
	DK_ATTR_FS,       /* struct dk_fs_info */
	DK_ATTR_XATTR,    /* value of the extended attribute named after '?' in the URI */
	DK_ATTR_XATTR_LIST,
	DK_ATTR_TERMIOS,  /* struct dk_termios */
	DK_ATTR_WINSIZE,  /* struct dk_winsize */
	DK_ATTR_POSITION, /* u64: host's own position of a std stream (seek) */
	DK_ATTR_TIMES,    /* Set: int64_t[2], atime and mtime in ns; INT64_MIN leaves one as it is */
	DK_ATTR_MODE,     /* Set: u32 */
	DK_ATTR_OWNER,    /* Set: u32[2]; UINT32_MAX leaves one as it is */
	DK_ATTR_LOCK,     /* Set: struct dk_lock on the host file */
	DK_ATTR_AVAILABLE,/* u64: bytes that can be read now */
	DK_ATTR_MEMBERS,  /* Set on waitset: struct dk_member[] (abi/net.h) */
	DK_ATTR_XATTR_REMOVE, /* Set, by URI: as DK_ATTR_XATTR, the attribute goes */
	DK_ATTR_CONTENTS, /* by URI: struct dk_contents of each of the names behind '?' in the URI of
	                     their folder, as many of them as there was room for */
	DK_ATTR_TREE,     /* by URI: the folders below it; abi/tree.h */
	DK_ATTR_SAME,     /* by handle, no buffer, of a stream opened with DK_OPTION_KEEP.  OK: to open it again by its URI would
	                     give the same file with the same mode, owner and links; AGAIN: that is not known at the moment;
	                     NOT_FOUND: it will not be known any more.  No trip */
	DK_ATTR_STAT,     /* by handle, of a file: as DK_ATTR_BASIC, but birth time, generation and rights, which stay what they
	                     are, are 0.  No trip */
	DK_ATTR_OPENED,   /* by URI: struct dk_opened of each of the names behind '?' in the URI of
	                     a folder */
	/* Of sockets (abi/net.h). */
	DK_ATTR_SOCKET_NAME,  /* struct dk_inet: own address */
	DK_ATTR_SOCKET_PEER,  /* struct dk_inet; NOT_CONNECTED */
	DK_ATTR_SOCKET_ERROR, /* u32: enum dk_status of what went wrong since it was asked last */
	DK_ATTR_SOCKET_LISTEN,/* Set on tcp.server: u32 backlog */
	DK_ATTR_SOCKET_UNSENT,/* u64: bytes that the peer has not acknowledged */
	DK_ATTR_SOCKET_OPTION,/* as DK_ATTR_OPTION(enum dk_socket_option): its value */
	DK_ATTR_READY,        /* by handle: u32, which DK_READY* (abi/net.h) hold now.  No trip */
	DK_ATTR_NET_COUNTS    /* of "net:": struct dk_net_counts (abi/net.h) */
};
struct dk_fs_info {
	uint64_t type, block_size, blocks, free, available, files, files_free, id, name_max, flags;
};
struct dk_termios { /* the host's struct termios2 */
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line, cc[19];
	uint32_t ispeed, ospeed;
	uint32_t when; /* Set: 0 now, 1 drain, 2 drain and flush input; 3.. flush only: 3 in, 4 out, 5 both */
};
struct dk_winsize {
	uint16_t rows, cols, xpixel, ypixel;
};
/* Of a byte range, held by the stream; the whole file as flock(2) locks it; would a range be free?  AGAIN = no. */
enum dk_lock_type { DK_LOCK_NONE, DK_LOCK_SHARED, DK_LOCK_EXCLUSIVE, DK_LOCK_WHOLE_NONE, DK_LOCK_WHOLE_SHARED,
	DK_LOCK_WHOLE_EXCLUSIVE, DK_LOCK_TEST_SHARED, DK_LOCK_TEST_EXCLUSIVE };
struct dk_lock {
	uint32_t type; /* enum dk_lock_type */
	uint32_t wait;
	uint64_t start, length; /* length 0 = to the end */
};

#define DK_DIRENT_TEXT 255u /* texts of up to so many bytes are told */
/* One entry of DkStreamEnumerateChildren; entries are packed, each aligned to 8. */
struct dk_dirent {
	uint32_t size;     /* of this entry, name and padding included */
	uint16_t name_len; /* bytes at name, without NUL */
	uint16_t text_len; /* of a symbolic link: bytes of its text behind the name, if that is told */
	struct dk_attributes attr;
	char name[];
};

/* DkStreamOpen's in and out, beyond the URI. */
struct dk_open {
	uint32_t access;      /* DK_READ | ... */
	uint32_t share;       /* NT share modes; 7 = all */
	uint32_t disposition; /* enum dk_disposition */
	uint32_t options;     /* DK_OPTION_*; out: without KEEP if that was not granted */
	uint32_t mode;        /* permission bits of what is created */
	uint32_t inline_size; /* in: room at inline_data; out: bytes there */
	void *inline_data;    /* with DK_OPTION_INLINE: whole contents if they fit, else none */
	struct dk_attributes attr; /* out */
	uint32_t walk_size;   /* out: bytes of struct dk_walk at inline_data, before the contents */
	uint32_t pad;
};

/*
 * What DK_OPTION_WALK puts at inline_data: segment behind segment, each the way along
 * one path without links before its end; where a segment ends at a link, the next is
 * the path that the link leads to.  The open succeeds whatever the walk met, with a
 * stream only if it ends at a regular file that may be opened for access: one trip
 * tells all that a path look-up and an open need.  access 0 = look only.
 */
struct dk_walk {
	uint32_t size;        /* of the segment, a multiple of 8 */
	uint32_t count;       /* entries: components of the path from the root's first, up to the
	                         first that is missing or no directory */
	uint32_t path_len, target_len; /* target: text of the link that the last entry is, or 0 */
	/* struct dk_attributes[count] | path, NUL | target, NUL */
};
#define DK_WALK_MAX    24576u /* bytes of all segments */
#define DK_WALK_INLINE 16384u /* of contents behind them */

/*
 * DK_ATTR_CONTENTS: small files of one folder, read as DkStreamOpen for reading with INLINE
 * would, without a stream.  The names follow the '?' with a '/' between two: at most
 * DK_CONTENTS_NAMES.  One record for each in their order, from the first on; if there are
 * fewer than names, the rest is to be asked for again.  The buffer is DK_CONTENTS_ROOM bytes.
 * Behind a second '/' may come as many names more: those that will be asked for next, in a request of
 * just these; they are read while the asker works, and when_ns says when.
 */
struct dk_contents {
	uint32_t size;     /* of the record, a multiple of 8 */
	uint32_t status;   /* enum dk_status of this name; not OK: nothing more is known of it */
	uint32_t complete; /* 1: the file is regular and small, and data_len bytes are all of it */
	uint32_t data_len;
	uint64_t when_ns;  /* by the host's coarse monotonic clock: not older than that */
	struct dk_attributes attr;
	/* data_len bytes of contents */
};
#define DK_CONTENTS_NAMES 64u
#define DK_CONTENTS_ROOM  98304u
#define DK_CONTENTS_FILE  16384u /* the largest file that counts as small */

/*
 * DK_ATTR_OPENED: files of one folder, opened for reading in one trip for who is about to open
 * one after the other.  Names as for DK_ATTR_CONTENTS, at most DK_OPENED_NAMES; one record for
 * each.  It is only ever tried: what would have to be waited for says AGAIN.
 */
struct dk_opened {
	uint32_t status; /* enum dk_status of this name */
	uint32_t flags;  /* the monitor's: MON_FD_* */
	uint64_t stream; /* dk_handle; DK_NO_HANDLE: it is not a regular file, or status says why not.  From the monitor: its number */
	struct dk_attributes attr;
};
#define DK_OPENED_NAMES 24u

#define DK_PAGE_RESIDENT 0u
#define DK_PAGE_DIRTY    1u

/* Registers as an upcall gets them; the order is Linux's pt_regs. */
struct dk_context {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	uint64_t rax, rcx, rdx, rsi, rdi;
	uint64_t orig_rax; /* system call number, or -1 */
	uint64_t rip, cs, rflags, rsp, ss;
};

enum dk_exception_kind {
	DK_EXC_SYSCALL,   /* a trapped system call; rip is behind it, orig_rax has the number */
	DK_EXC_MEMORY,    /* address is what could not be reached; code as x86's page fault error */
	DK_EXC_BUS,       /* a mapped file ends before the address, or its device failed */
	DK_EXC_ILLEGAL, DK_EXC_ARITHMETIC, DK_EXC_BREAKPOINT, DK_EXC_STEP, DK_EXC_ALIGNMENT,
	DK_EXC_INTERRUPT, /* DkThreadRaiseException */
	DK_EXC_SYSCALL_FOREIGN /* int 0x80 or x32: answer ENOSYS */
};
struct dk_exception {
	uint32_t kind; /* enum dk_exception_kind */
	uint32_t code; /* page fault error code, or the host's si_code */
	uint64_t address;
	uint32_t signo, trapno; /* as the host's signal frame had them */
	uint64_t call_site;     /* SYSCALL: address of the instruction itself */
};

/* Numbers of DkProcessCreate's flags. */
#define DK_PROCESS_CLONE 1u /* copy-on-write copy of the caller, with the calling thread only */
#define DK_PROCESS_KPROC 2u /* the sandbox's kproc, if it has not been started yet */

#define DK_DEATH_MEMORY 0x10000u /* no death: the sandbox's memory is used up, somebody has to end */
/* Record read from the kproc's deaths stream. */
struct dk_death {
	dk_handle process;    /* DK_NO_HANDLE: no death, a terminal signal; wait_status is its Linux number (0: nothing), or _MEMORY */
	uint32_t wait_status; /* the host's, as waitpid gives it */
	uint32_t ask, number; /* not DK_ASK_NOTHING: a question with this number; wait_status is its argument */
};
/* What is asked.  Argument of the first three: a process, 0 = all; of TRACE: 0 none, UINT32_MAX all, else a process. */
enum dk_ask { DK_ASK_NOTHING, DK_ASK_PROCESSES, DK_ASK_THREADS, DK_ASK_FILES, DK_ASK_TRACE, DK_ASKS };
#endif
