/* SPDX-License-Identifier: MIT */
/* linux/misc/cap.c - capabilities: capget, capset, and prctl's bounding and ambient sets. */
#include "linux/misc/cred.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "syscalls.gen.h"

#define CAP_ALL ((1ull << (CAP_LAST_CAP + 1)) - 1)

struct cap_header {
	uint32_t version;
	int pid;
};
struct cap_data {
	uint32_t effective, permitted, inheritable;
};

/* Number of data structs the version has; 0 = unknown, and ours is written back. */
static long header_in(struct gva from, struct cap_header *h, unsigned *n)
{
	if (copy_in(h, from, sizeof *h))
		return -EFAULT;
	*n = h->version == _LINUX_CAPABILITY_VERSION_1 ? 1 :
		h->version == _LINUX_CAPABILITY_VERSION_2 || h->version == _LINUX_CAPABILITY_VERSION_3 ? 2 : 0;
	if (!*n && PUT_USER(from, (uint32_t)_LINUX_CAPABILITY_VERSION_3))
		return -EFAULT;
	return *n ? 0 : -EINVAL;
}

static long caps_of(struct lx_thread *t, int pid, struct lx_cred *out)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *o;

	if (!pid || pid == t->vtid) {
		*out = t->cred;
		return 0;
	}
	lock_take(&lx->tasklist);
	o = thread_find(pid);
	if (o)
		*out = o->cred;
	lock_drop(&lx->tasklist);
	return o ? 0 : -ESRCH;
}

long lx_sys_capget(struct lx_thread *t, struct gva header, struct gva data)
{
	struct cap_header h;
	struct cap_data d[2];
	struct lx_cred c;
	unsigned n;
	long err = header_in(header, &h, &n);

	if (err)
		return err == -EINVAL && !data.va ? 0 : err;
	if (h.pid < 0)
		return -EINVAL;
	err = caps_of(t, h.pid, &c);
	if (err)
		return err;
	for (unsigned i = 0; i < 2; i++)
		d[i] = (struct cap_data){ (uint32_t)(c.cap_effective >> 32 * i), (uint32_t)(c.cap_permitted >> 32 * i),
			(uint32_t)(c.cap_inheritable >> 32 * i) };
	return data.va ? copy_out(data, d, n * sizeof d[0]) : 0;
}

static uint64_t join(uint32_t low, uint32_t high)
{
	return ((uint64_t)high << 32 | low) & CAP_ALL;
}

long lx_sys_capset(struct lx_thread *t, struct gva header, struct gva data)
{
	struct lx_cred new = t->cred;
	const struct lx_cred *old = &t->cred;
	struct cap_data d[2] = { { 0 } };
	struct cap_header h;
	unsigned n;
	long err = header_in(header, &h, &n);

	if (err)
		return err;
	if (h.pid && h.pid != t->vtid)
		return -EPERM;
	if (copy_in(d, data, n * sizeof d[0]))
		return -EFAULT;
	new.cap_effective = join(d[0].effective, d[1].effective);
	new.cap_permitted = join(d[0].permitted, d[1].permitted);
	new.cap_inheritable = join(d[0].inheritable, d[1].inheritable);
	if (!cap_own(t, CAP_SETPCAP) && (new.cap_inheritable & ~(old->cap_inheritable | old->cap_permitted)))
		return -EPERM;
	if (new.cap_inheritable & ~(old->cap_inheritable | old->cap_bounding))
		return -EPERM;
	if ((new.cap_permitted & ~old->cap_permitted) || (new.cap_effective & ~new.cap_permitted))
		return -EPERM;
	new.cap_ambient &= new.cap_permitted & new.cap_inheritable;
	cred_commit(t, &new);
	return 0;
}

static long ambient(struct lx_thread *t, uint64_t op, uint64_t cap)
{
	struct lx_cred new = t->cred;

	if (op == PR_CAP_AMBIENT_CLEAR_ALL) {
		if (cap)
			return -EINVAL;
		new.cap_ambient = 0;
		cred_commit(t, &new);
		return 0;
	}
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	if (op == PR_CAP_AMBIENT_IS_SET)
		return new.cap_ambient >> cap & 1;
	if (op == PR_CAP_AMBIENT_RAISE) {
		if (!(new.cap_permitted & new.cap_inheritable & 1ull << cap) || (new.securebits & SECBIT_NO_CAP_AMBIENT_RAISE))
			return -EPERM;
		new.cap_ambient |= 1ull << cap;
	} else if (op == PR_CAP_AMBIENT_LOWER) {
		new.cap_ambient &= ~(1ull << cap);
	} else {
		return -EINVAL;
	}
	cred_commit(t, &new);
	return 0;
}

static long set_securebits(struct lx_thread *t, uint64_t bits)
{
	struct lx_cred new = t->cred;
	uint64_t locked = (new.securebits & SECURE_ALL_LOCKS) >> 1;

	if (bits & ~(uint64_t)(SECURE_ALL_BITS | SECURE_ALL_LOCKS))
		return -EPERM;
	if (((new.securebits ^ bits) & locked) || (new.securebits & SECURE_ALL_LOCKS & ~bits) || !cap_own(t, CAP_SETPCAP))
		return -EPERM;
	new.securebits = (uint32_t)bits;
	cred_commit(t, &new);
	return 0;
}

static long keep_caps(struct lx_thread *t, uint64_t on)
{
	struct lx_cred new = t->cred;

	if (on > 1)
		return -EINVAL;
	if (new.securebits & SECBIT_KEEP_CAPS_LOCKED)
		return -EPERM;
	new.securebits = on ? new.securebits | SECBIT_KEEP_CAPS : new.securebits & ~(uint32_t)SECBIT_KEEP_CAPS;
	cred_commit(t, &new);
	return 0;
}

static long drop_bounding(struct lx_thread *t, uint64_t cap)
{
	struct lx_cred new = t->cred;

	if (!cap_own(t, CAP_SETPCAP))
		return -EPERM;
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	new.cap_bounding &= ~(1ull << cap);
	cred_commit(t, &new);
	return 0;
}

long cap_prctl(struct lx_thread *t, int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	switch (option) {
	case PR_CAPBSET_READ:
		return a > CAP_LAST_CAP ? -EINVAL : (long)(t->cred.cap_bounding >> a & 1);
	case PR_CAPBSET_DROP:
		return drop_bounding(t, a);
	case PR_GET_SECUREBITS:
		return t->cred.securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(t, a);
	case PR_GET_KEEPCAPS:
		return !!(t->cred.securebits & SECBIT_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return keep_caps(t, a);
	case PR_CAP_AMBIENT:
		return c || d ? -EINVAL : ambient(t, a, b);
	default:
		return -EINVAL;
	}
}
