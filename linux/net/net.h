/* SPDX-License-Identifier: MIT */
/*
 * linux/net/net.h - numbers and structs of the socket calls that the kernel's user
 * headers leave to libc, and what net/ shares.
 */
#ifndef LINUX_NET_NET_H
#define LINUX_NET_NET_H

#include <asm/socket.h>
#include <linux/net.h>
#include <linux/un.h>

#include "linux/fs/fs.h"
#include "linux/fs/io.h"

#define AF_UNSPEC 0
#define AF_UNIX   1
#define AF_INET   2
#define AF_INET6  10
#define AF_NETLINK 16
#define AF_MAX    46
#define SOL_SOCKET_LEVEL 1

#define LX_SOCK_STREAM    1
#define LX_SOCK_DGRAM     2
#define LX_SOCK_RAW       3
#define LX_SOCK_SEQPACKET 5
#define LX_SOCK_TYPE_MASK 15
#define LX_SOCK_TYPE_MAX  11 /* first that no kernel knows */
#define LX_SOCK_NONBLOCK  O_NONBLOCK
#define LX_SOCK_CLOEXEC   O_CLOEXEC

#define MSG_OOB          1u
#define MSG_PEEK         2u
#define MSG_DONTROUTE    4u
#define MSG_CTRUNC       8u
#define MSG_TRUNC        0x20u
#define MSG_DONTWAIT     0x40u
#define MSG_EOR          0x80u
#define MSG_WAITALL      0x100u
#define MSG_ERRQUEUE     0x2000u
#define MSG_NOSIGNAL     0x4000u
#define MSG_MORE         0x8000u
#define MSG_WAITFORONE   0x10000u
#define MSG_CMSG_CLOEXEC 0x40000000u

#define SCM_RIGHTS      1
#define SCM_CREDENTIALS 2
#define SCM_PIDFD       4
/* Newer than the headers this is built with. */
#define LX_SO_PASSPIDFD 76
#define LX_SO_PEERPIDFD 77
#define SCM_MAX_FD      253u
#define MAX_BACKLOG     4096

#define SHUT_RD   0
#define SHUT_WR   1
#define SHUT_RDWR 2

struct sock;
void sock_put(struct sock *s);
/* f's socket of AF_NETLINK with a reference, or NULL. */
struct sock *sock_netlink(const struct file *f);
/* A message from the kernel for it; lost if there is no memory.  Hold no lock. */
void sock_tell(struct sock *to, const void *data, uint32_t size);

/* As the guest has them. */
struct lx_msghdr {
	struct gva name;
	int namelen, pad1;
	struct gva iov;
	uint64_t iovlen;
	struct gva control;
	uint64_t controllen;
	uint32_t flags, pad2;
};
struct lx_cmsghdr {
	uint64_t len;
	int level, type;
};
struct lx_ucred {
	int pid;
	uint32_t uid, gid;
};

/* IPv4 as ::ffff:a.b.c.d. */
struct inet_addr {
	uint8_t b[16];
};
struct inet_name {
	struct inet_addr addr;
	uint16_t port;
	bool plain4;          /* given as a struct sockaddr_in to a socket of AF_INET6 */
	uint32_t scope;       /* IPv6: number of an interface, 0 = none */
};
/* Of AF_UNIX: len bytes of sun_path count; 0 = none.  Path names are kept with their NUL.  Of AF_INET and AF_INET6: len is the
   size of in. */
struct sock_name {
	uint32_t len;
	union {
		char path[UNIX_PATH_MAX];
		struct inet_name in;
	};
};

/* Descriptors on their way: a reference each. */
struct fdset {
	uint32_t count;
	struct file *file[];
};

/* What goes along with bytes. */
struct scm {
	struct fdset *fds;    /* arena; NULL = none */
	struct lx_ucred cred;
	bool has_cred;
	uint64_t stamp_ns;    /* when it was sent, for SO_TIMESTAMP; 0 = nobody asked */
};
void fdset_put(struct fdset *s); /* drops all references; NULL is fine */
struct sock;
struct xfer;
/* cmsgs of a sendmsg on s into x: 0 or -errno. */
long scm_in(struct lx_thread *t, const struct sock *s, struct gva control, uint64_t len, struct xfer *x);
/* Writes what was received; takes over x->scm.fds.  hdr's controllen and flags are set. */
void scm_out(struct lx_thread *t, struct lx_msghdr *hdr, struct xfer *x, const struct sock *s);
/* The socket calls on a file (FILE_SOCKET) instead of a descriptor. */
long sock_send(struct lx_thread *t, struct file *f, struct gva buf, uint64_t len, uint32_t flags, struct gva addr, int addrlen);
long sock_recv(struct lx_thread *t, struct file *f, struct gva buf, uint64_t len, uint32_t flags, struct gva addr, struct gva addrlen);
long sock_sendmsg(struct lx_thread *t, struct file *f, struct gva msg, uint32_t flags);
long sock_recvmsg(struct lx_thread *t, struct file *f, struct gva msg, uint32_t flags);
/* The message goes to addr, whatever its header says. */
long sock_recvmsg_at(struct lx_thread *t, struct file *f, struct gva msg, uint32_t flags, uint64_t addr, uint64_t len);
long sock_connect(struct lx_thread *t, struct file *f, struct gva addr, int len);
long sock_shutdown(struct file *f, int how);
/* The accepted or new socket's file with one reference in *out: 0 or -errno. */
long sock_accept(struct lx_thread *t, struct file *f, struct gva addr, struct gva len, int flags, struct file **out);
long sock_make(struct lx_thread *t, int family, int type, int protocol, struct file **out);

struct fdset *fdset_copy(const struct fdset *s); /* for MSG_PEEK; NULL: no memory */

#endif
