/* SPDX-License-Identifier: MIT */
/*
 * abi/monitor.h - what pal and the monitor say to each other.
 *
 * Each picoprocess has one SOCK_SEQPACKET channel to the monitor; a request is
 * one message, a reply one message, descriptors ride on replies (SCM_RIGHTS).
 * The kernel copies messages, so neither side can change one after it was
 * checked, and the two share no memory: a ring that could be torn does not exist.
 * Both sides spin a bounded while (receive without waiting) before they sleep,
 * which is what a shared ring would have bought: docs/design/05-channel.md.
 *
 * pal keeps at most one request outstanding a channel, and one CLONE that used a channel
 * given in advance, whose answer it takes when it comes by.  The monitor checks the
 * message's size against its op, copies, and answers nonsense by ending the
 * picoprocess.  Integers are host order; both sides are the same build.  Texts have
 * no NUL at their end (text_len says it all).  What is not marked "no reply" gets one.
 */
#ifndef ABI_MONITOR_H
#define ABI_MONITOR_H

#include "abi/dk_types.h"

#define MON_PROTOCOL   1u
#define MON_CHANNEL_FD 3       /* the only descriptor of a fresh picoprocess */
#define MON_TEXT_MAX   8192    /* URIs and other bytes behind a request */
#define MON_DATA_MAX   (96 * 1024) /* bytes behind a reply */
#define MON_INLINE_MAX 16384
#define MON_FDS_MAX    32 /* descriptors of one message */
#define MON_FETCH_MORE 31 /* streams beside the one asked for whose descriptors a FETCH may bring */
#define MON_GATHER_NS  20000000u
#define MON_PROCESSES  16384u  /* process indexes, and so entries of pal's process table */

/* Requests, pal to monitor.  Columns: name, number, what. */
#define MON_OPS(X)                                                                                   \
	X(HELLO, 0, "first message of a clone or copy; kernel credentials tell the pid. no reply")    \
	X(OPEN, 1, "text: uri. args: access, disposition, options, mode; share. reply: value[0] = stream number, attr, fd, inline data; kept: value[2] = place in struct mon_changes + 1, value[3] = its number") \
	X(FETCH, 2, "stream: number, text: u64[] of others wanted. reply: fd of a stream opened elsewhere, then those of data's u64[]; stream 0: what is readable while changes of kept ones are not told yet") \
	X(CLOSE, 3, "stream. no reply")                                                              \
	X(QUERY, 4, "text: uri or stream, args[0] = class. reply: data; DK_ATTR_OPENED: fds too")        \
	X(SET, 5, "text: uri NUL value or stream, args[0] = class, bytes. reply: status")            \
	X(ENUM, 6, "text: uri, args[0] = cursor, args[1] = room. reply: data, value[0] = next cursor") \
	X(DELETE, 7, "text: uri, args[0] = mode")                                                    \
	X(RENAME, 8, "text: from NUL to, args[0] = mode")                                            \
	X(LENGTH, 9, "stream, args[0] = offset, args[1] = length, args[2] = mode")                   \
	X(FLUSH, 10, "stream, args[0] = mode (of files only FS; the others are done directly)")                          \
	X(SPAWN, 11, "text: image; args[0] = parameter, args[1] = process index in pal's table, 0 = kproc, if it is not there yet. value[0] = pico number") \
	X(CLONE, 12, "a copy is about to be made. args[0] = process index, nobody's; args[1] = pico number given in advance, 0 = none; args[2] = 1: give one more in advance. reply: value[0] = pico number, fd = channel of the child to be, if none was there in advance; value[1] = one for the next copy and fd behind, 0 = none") \
	X(CLONED, 13, "args[0] = pico number, args[1] = 0: the clone failed, forget it. no reply")   \
	X(LOG, 14, "args[0] = level, text. no reply")                                                \
	X(PANIC, 15, "text: ends the sandbox. no reply")                                             \
	X(EXIT, 16, "args[0] = exit code of the sandbox, 0..255, or 256 + signal; ignored from the first when there is a kproc. no reply") \
	X(BEAT, 17, "args[0]: 1 = this picoprocess wants a warm spare soon; args[1]: not 0 = kproc is wanted in so many ms. no reply") \
	X(SPREAD, 18, "the first, if its boot message said gathered: it is about to have a second thread") \
	X(USAGE, 19, "args[0] = process index, MON_USAGE_ALL or _TOTAL. reply: data = struct mon_usage[]") \
	X(ACCEPT, 20, "stream, args[0] = how many at most. reply: data = struct dk_accepted[], fds") \
	X(SEND, 21, "stream, text: struct dk_inet (zeros: to the peer that the stream has), then a datagram, or its first part (args[0] = 1: more follows). reply: status") \
	X(RECEIVE, 22, "stream of datagrams, args[0] = room for its bytes, args[1] = 1: it stays. reply: data = struct dk_datagram, bytes") \
	X(TUNE, 23, "stream, args[0] = enum dk_socket_option, args[1] = its value as an int; or MON_TUNE_SHUT: its WRITE side is shut. no reply")

#define MON_TUNE_SHUT 256u

enum mon_op {
#define X(name, nr, text) MON_##name = nr,
	MON_OPS(X)
#undef X
	MON_OP_COUNT
};

/*
 * URIs with a part behind '?' (symbolic link text, existing path of a hard link,
 * name of an extended attribute): in the part before it '%' is written %25 and '?'
 * %3F; the part behind the first '?' is literal.  In all other requests a '?' in a
 * path is an ordinary character.  Directories are opened without a descriptor
 * (fds = 0); their FETCH says IS_DIRECTORY.
 */
struct mon_request {
	uint32_t op;    /* enum mon_op */
	uint32_t seq;   /* echoed in the reply */
	uint64_t stream; /* stream number, 0 = none */
	uint64_t args[5];
	uint32_t text_len; /* bytes behind this struct */
	uint32_t pad;
};

struct mon_reply {
	uint32_t op, seq;
	uint32_t status;  /* enum dk_status */
	uint32_t fds;     /* descriptors along: 0 or 1; FETCH and DK_ATTR_OPENED: up to 1 + MON_FETCH_MORE */
	uint64_t value[4];
	struct dk_attributes attr;
	uint32_t data_len; /* bytes behind this struct */
	uint32_t fd_flags; /* MON_FD_* of the descriptor */
	uint32_t gathered, zero; /* 1: the first picoprocess is on one CPU with the monitor still, if its boot message said so */
};

/*
 * In the first page of pal's shared area, and written by the monitor alone: what happened to
 * streams that are kept (DK_OPTION_KEEP).  Each has a place; when its file's name, mode, owner or
 * links, or a folder on the way, may have changed, the place's number is raised.  What FETCH of
 * stream 0 gives is readable from before the change is over until it is told here.  So who finds
 * it not readable, then telling 0, and then the number he was told, knows that nothing changed.
 */
#define MON_KEPT         256u
#define MON_CHANGES_AT   2048u /* bytes from the area's start */
struct mon_changes {
	_Atomic uint32_t telling; /* numbers are being raised */
	_Atomic uint32_t number[MON_KEPT];
};

#define MON_FD_NOWAIT 1u /* RWF_NOWAIT works on it */
#define MON_FD_SEEK   2u /* a regular file: pread */
#define MON_FD_SOCKET 4u
#define MON_FD_TTY    8u
#define MON_FD_CONNECTION MON_FD_TTY /* with MON_FD_SOCKET: of TCP */
#define MON_FD_READ   16u
#define MON_FD_WRITE  32u
#define MON_FD_SERVER 64u  /* a tcp.server: reads are ACCEPT; without MON_FD_SOCKET: a waitset */
#define MON_FD_DATAGRAM 128u /* a write is one datagram; without MON_FD_SOCKET: it is received by RECEIVE, the descriptor is readable when there is one */

/*
 * First message to a fresh picoprocess, right after exec, with MON_BOOT_FDS
 * descriptors in the order of enum mon_boot_fd, those not there left out as told
 * by fd_mask.
 */
enum mon_boot_fd { MON_BFD_ARENA, MON_BFD_DATA, MON_BFD_PALSHARED, MON_BFD_PERSONALITY,
	MON_BFD_CONFIG, MON_BFD_DEATHS, MON_BFD_EXT /* .. + 15 */, MON_BOOT_FDS = MON_BFD_EXT + EXT_SLOTS };
struct mon_boot {
	uint32_t protocol, role; /* enum dk_role */
	uint32_t fd_mask, ext_count;
	uint64_t pico;           /* this picoprocess's number */
	uint64_t config_size;
	uint64_t memory_limit, pids_limit, cpu_quota;
	uint32_t ncpus;
	uint32_t network;        /* 1: there is one outside, and so pal's filter has what that takes */
	uint32_t memory_watched; /* 1: the monitor says when the limit is reached (MON_NOTE_MEMORY) */
	uint32_t gathered;       /* on one CPU with the monitor, until it says SPREAD or MON_GATHER_NS are over */
	/* Host mappings that make up vvar and vdso, relative to the vdso's start (same for each
	   process of one kernel); the monitor reads them from its own maps. */
	struct { int64_t start; uint64_t size; } vdso[6];
	uint32_t vdso_count, vdso_index; /* which of them AT_SYSINFO_EHDR points to */
	char trace[64];
	char ext_arg[EXT_SLOTS][64];
};

/*
 * Next messages to a fresh one, which a spare gets later: what to be (START), or, any
 * number of times before that, to make another like itself (COPY), whose channel comes
 * along.  The copy says hello on it and waits for messages of its own.
 */
struct mon_start {
	uint64_t parameter;
	uint64_t process_index; /* START: own entry in pal's process table; COPY: the copy's number */
	uint32_t kind, pad;
};
#define MON_KPROC_INDEX 0u /* of kproc's process entry, which the first picoprocess makes; its own is the next */
#define MON_FIRST_INDEX 1u
#define MON_START 0u
#define MON_COPY  1u

#define MON_USAGE_ALL   UINT64_MAX       /* each picoprocess */
#define MON_USAGE_TOTAL (UINT64_MAX - 1) /* one record for all of them, without counting pages twice if the host tells */

/* Memory of a picoprocess, in pages of 4 KB. */
struct mon_usage {
	uint64_t process_index;
	uint64_t anon, file, shared;
};

/* Record on kproc's deaths stream: pico number's process index is dead. */
struct mon_death {
	uint64_t process_index;
	uint64_t pico;
	uint32_t wait_status; /* the host's; 0xffff = unknown */
	uint32_t kind;        /* MON_NOTE_*: deaths, a signal the terminal sent to `bailey`, a question */
};
#define MON_NOTE_DEATH  0u
#define MON_NOTE_SIGNAL 1u /* wait_status = Linux signal number for the foreground group */
#define MON_NOTE_MEMORY 4u /* the sandbox's memory is used up */
#define MON_NOTE_START  2u /* unused by deaths; reserved */
#define MON_NOTE_ASK    3u /* process_index = enum dk_ask, pico = its number, wait_status = its argument */

/*
 * Settings for the library OS (MON_BFD_CONFIG): records "key=value" each ended by
 * a NUL, an empty record last.  Keys, in any order, repeated where it makes sense:
 *   arg=  env=  cwd=  cwd_later=1 (need not be looked up before it is used)  uid=  gid=  groups=1,2  umask=0022  hostname=  domainname=
 *   exe=PATH            the program as the command line has it (search in PATH is the guest's)
 *   mount=KIND:FLAGS:GUEST-PATH   KIND overlay|host|tmpfs|proc|dev|sys, FLAGS ro|rw, in order.
 *                       "overlay:rw:/" = host root below, memory above; host file system at
 *                       GUEST-PATH is named by URIs file:GUEST-PATH/...
 *   stdin=KIND stdout=KIND stderr=KIND   tty|pipe|file|null|socket
 *   stdin_attr=HEX ...  struct dk_attributes of it, as opening it gives
 *   tty=0|1             make a terminal the controlling one
 *   stats=1             say at the end how many system calls trapped
 *   net=none|rules|host  what there is beyond the sandbox (abi/net.h): only what net_publish says; what rules allow; all.
 *                       No such record: none, and no net_publish
 *   net_publish=I:tcp|udp:GUESTPORT:[ADDR]:HOSTPORT   in order, I from 0; ADDR as in URIs
 *   net_dns=all|names   dns: is there, for all names or for those of rules
 *   net_loopback=1      a rule allows something of the host's loopback
 *   net_address=ADDR/LEN  an address of the host, with net=host or rules, that what goes out comes from
 *   boot_id=HEX32  seed=HEX64  memtotal=BYTES  cpus=N
 */
#endif
