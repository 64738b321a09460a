/* SPDX-License-Identifier: MIT */
/*
 * nt/io/mountmgr.c - \Device\MountPointManager: which names the volumes have.
 *
 * One volume a drive, with a letter and a name by a GUID; nobody mounts others.  Wine's DLLs ask the manager for more than
 * volumes: for the host's key ring (CredWrite does before it keeps a credential in the registry), the host's folders and what
 * the host has mounted.  There is nothing of the host's to hand out: STATUS_NOT_SUPPORTED, and they go on without.
 */
#include "nt/io/irp.h"
#include "nt/io/name.h"
#include "nt/ke/user.h"
#include "nt/os/file.h"
#include "nt/rtl/upcase.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define IOCTL_MOUNTMGR_QUERY_POINTS 0x6d0008u

void io_volume_of(char letter, struct io_volume *v)
{
	uint32_t number = letter == 'C' ? 1 : letter == 'Z' ? 2 : (uint32_t)(letter - 'A') + 3;

	fmt_snprintf(v->device, sizeof v->device, "HarddiskVolume%u", number);
	fmt_snprintf(v->drive, sizeof v->drive, "%c:", letter);
	fmt_snprintf(v->guid, sizeof v->guid, "Volume{61ab8ec6-3d5f-4b0e-9f2c-0c6d1f0a7c%02x}", number);
}

struct MOUNTMGR_MOUNT_POINT { /* offsets from the start of what it is in */
	uint32_t link, link_size, id, id_size, device, device_size; /* sizes are USHORTs, which a gap follows */
};
_Static_assert(sizeof(struct MOUNTMGR_MOUNT_POINT) == 24, "MOUNTMGR_MOUNT_POINT");
#define IN_MAX 2048u
#define DRIVES 26u

struct question {
	struct MOUNTMGR_MOUNT_POINT p; /* a size of 0: any */
	uint8_t bytes[IN_MAX];
};

static NTSTATUS question_in(const struct io_request *r, struct question *q)
{
	NTSTATUS status = r->in_size < sizeof q->p || r->in_size > IN_MAX ? STATUS_INVALID_PARAMETER : user_read(q->bytes, r->in, r->in_size);

	if (status != STATUS_SUCCESS)
		return status;
	memcpy(&q->p, q->bytes, sizeof q->p);
	q->p.link_size &= 0xffff;
	q->p.id_size &= 0xffff;
	q->p.device_size &= 0xffff;
	return (uint64_t)q->p.link + q->p.link_size > r->in_size || (uint64_t)q->p.id + q->p.id_size > r->in_size ||
	       (uint64_t)q->p.device + q->p.device_size > r->in_size ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

static bool is_text(const struct question *q, uint32_t at, uint32_t size, const char *text)
{
	return size == 0 || rtl_equal_ascii((const WCHAR *)(const void *)(q->bytes + at), size, text);
}

struct point {
	char link[64], device[40], id[8];
};

/* The volume's drive letter (which 0), or its name by GUID. */
static void point_of(const struct io_volume *v, uint32_t which, struct point *p)
{
	fmt_snprintf(p->link, sizeof p->link, which == 0 ? "\\DosDevices\\%s" : "\\??\\%s", which == 0 ? v->drive : v->guid);
	fmt_snprintf(p->device, sizeof p->device, "\\Device\\%s", v->device);
	memcpy(p->id, v->guid + strlen(v->guid) - 9, 8);
}

static bool asked_for(const struct question *q, const struct point *p)
{
	return is_text(q, q->p.link, q->p.link_size, p->link) && is_text(q, q->p.device, q->p.device_size, p->device) &&
	       (q->p.id_size == 0 || (q->p.id_size == sizeof p->id && memcmp(q->bytes + q->p.id, p->id, sizeof p->id) == 0));
}

static uint32_t put_text(uint8_t *out, uint32_t at, const char *text, uint32_t *size)
{
	WCHAR *to = (WCHAR *)(void *)(out + at);
	uint32_t n = 0;

	for (; text[n] != '\0'; n++)
		to[n] = (WCHAR)text[n];
	*size = n * 2;
	return at + n * 2;
}

/* The next name that is asked for, from *i on: two a letter.  False: there is none. */
static bool next_point(const struct question *q, uint32_t *i, struct point *p)
{
	struct io_volume v;

	while (*i < 2 * DRIVES) {
		char letter = (char)('A' + *i / 2);
		uint32_t which = (*i)++ % 2;

		if (!(os_drives() & os_drive_bit(letter)))
			continue;
		io_volume_of(letter, &v);
		point_of(&v, which, p);
		if (asked_for(q, p))
			return true;
	}
	return false;
}

/* The answer to q: heads, then texts and ids.  Bytes of it. */
static uint32_t answer(const struct question *q, uint8_t *out)
{
	struct point p;
	uint32_t count = 0, at;

	for (uint32_t i = 0; next_point(q, &i, &p);)
		count++;
	at = 8 + count * (uint32_t)sizeof q->p;
	for (uint32_t i = 0, k = 0; next_point(q, &i, &p); k++) {
		struct MOUNTMGR_MOUNT_POINT m = { .link = at };

		m.id = put_text(out, at, p.link, &m.link_size);
		m.id_size = sizeof p.id;
		memcpy(out + m.id, p.id, sizeof p.id);
		m.device = m.id + m.id_size;
		at = put_text(out, m.device, p.device, &m.device_size);
		memcpy(out + 8 + k * sizeof m, &m, sizeof m);
	}
	memcpy(out, &at, sizeof at);
	memcpy(out + 4, &count, sizeof count);
	return at;
}

#define ANSWER_MAX (8 + 2 * DRIVES * (24 + 64 * 2 + 8 + 40 * 2))

static NTSTATUS query_points(struct io_request *r)
{
	struct question *q = heap_alloc(sizeof *q);
	uint8_t *out = heap_alloc(ANSWER_MAX);
	NTSTATUS status = q == NULL || out == NULL ? STATUS_NO_MEMORY : r->size < 8 + sizeof q->p ? STATUS_INVALID_PARAMETER : question_in(r, q);
	uint32_t size;

	if (status == STATUS_SUCCESS) {
		size = answer(q, out);
		r->done = size <= r->size ? size : 8; /* what it takes, and how many there are */
		status = size == 8 ? STATUS_OBJECT_NAME_NOT_FOUND : user_write(r->buffer, out, r->done);
		if (status == STATUS_SUCCESS && size > r->size)
			status = STATUS_BUFFER_OVERFLOW;
	}
	heap_free(out);
	heap_free(q);
	return status;
}

static NTSTATUS mountmgr_ioctl(struct io_request *r)
{
	return r->code == IOCTL_MOUNTMGR_QUERY_POINTS ? query_points(r) : (NTSTATUS)STATUS_NOT_SUPPORTED;
}

extern const struct io_ops io_mountmgr_ops;
const struct io_ops io_mountmgr_ops = {
	.name = "mountmgr",
	.device = FILE_DEVICE_NETWORK,
	.ioctl = mountmgr_ioctl,
};
