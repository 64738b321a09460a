/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/hostagain_dk.c - files of -v folders that are opened again and again.
 *
 * An open that asks the monitor takes ten times as long as the host's own.  A file that is
 * opened for reading for the third time within TRUST_NS therefore keeps its stream, and
 * opens that follow share it, if pal knows that the name still leads to this file and that its
 * rights are what they were (DK_ATTR_SAME).  That is exact: a change that was over on the
 * host before the open began is seen.  It is relied on for TRUST_NS, as all that is believed
 * of such folders; then the file is opened anew.
 *
 * A stream has nothing of a single open: offsets and O_APPEND go along with each read and write,
 * locks have a stream of their own.  So only streams for reading are shared, since who may write,
 * and keeps others from running the file, is seen from outside.
 *
 * What is known of the length and times may be older than such an open: inode.priv's reopened
 * says so to who asks through an open file, and is told by DK_ATTR_STAT, without a trip.
 *
 * The inodes wait in a ring, which has a reference; the oldest goes.  Large files are not kept: one
 * removed on the host would keep its room for as long.
 */
#include "linux/fs/hostfs.h"

#define AGAIN_OPENS 3u
#define AGAIN_SIZE  (1u << 20)

bool again_wanted(struct inode *i)
{
	struct host_priv *h = host(i);
	uint64_t now = pico_now_coarse();

	if (now > h->opens_until) {
		h->opens = 0;
		h->opens_until = now + TRUST_NS;
	}
	if (h->opens < AGAIN_OPENS)
		h->opens++; /* a hint: no lock */
	return h->opens == AGAIN_OPENS && i->size <= AGAIN_SIZE;
}

void again_drop(struct inode *i)
{
	struct host_priv *h = host(i);
	dk_handle stream;

	if (LIKELY(h->again == DK_NO_HANDLE))
		return;
	lock_take(&i->lock);
	stream = h->again;
	h->again = DK_NO_HANDLE;
	lock_drop(&i->lock);
	if (stream != DK_NO_HANDLE)
		(void)DkObjectClose(stream);
}

bool again_open(struct file *f)
{
	struct host_priv *h = host(f->inode);
	dk_handle stream;
	bool believed;
	uint64_t done;
	enum dk_status status = DK_NOT_FOUND;

	if (h->again == DK_NO_HANDLE)
		return false;
	lock_take(&f->inode->lock);
	stream = h->again;
	believed = pico_now_coarse() < h->again_until;
	if (stream != DK_NO_HANDLE && DkObjectReference(stream) != DK_OK)
		stream = DK_NO_HANDLE;
	lock_drop(&f->inode->lock);
	if (stream == DK_NO_HANDLE)
		return false;
	if (believed)
		status = DkStreamAttributesQueryByHandle(stream, DK_ATTR_SAME, NULL, 0, &done);
	if (status == DK_OK) {
		f->stream = stream;
		h->reopened = true;
		return true;
	}
	(void)DkObjectClose(stream);
	if (status != DK_AGAIN)
		again_drop(f->inode);
	return false;
}

/* The ring takes the inode if it is not there; what was longest in it goes. */
static void wait_in_ring(struct inode *i)
{
	struct vfs *v = vfs();
	struct idle_ring *r = &v->again;
	struct inode *old = NULL;

	lock_take(&v->idle_lock);
	if (!host(i)->in_ring) {
		host(i)->in_ring = true;
		inode_get(i);
		old = r->slot[r->next];
		r->slot[r->next] = i;
		r->next = (r->next + 1) % IDLE_SLOTS;
		if (old != NULL)
			host(old)->in_ring = false;
	}
	lock_drop(&v->idle_lock);
	if (old != NULL) {
		again_drop(old);
		inode_put(old);
	}
}

void again_keep(struct file *f)
{
	struct host_priv *h = host(f->inode);

	lock_take(&f->inode->lock);
	if (h->again == DK_NO_HANDLE && DkObjectReference(f->stream) == DK_OK) {
		h->again = f->stream;
		h->again_until = pico_now_coarse() + TRUST_NS;
	}
	lock_drop(&f->inode->lock);
	wait_in_ring(f->inode);
}
