/* SPDX-License-Identifier: MIT */
/* nt/io/npfs_create.c - the server's end of a named pipe: NtCreateNamedPipeFile. */
#include "nt/io/name.h"
#include "nt/io/npfs.h"
#include "nt/ke/user.h"
#include "ntcalls.gen.h"

static NTSTATUS may_join(const struct npfs_pipe *p, const struct npfs_wish *w, const struct io_open *o)
{
	if (p->ninstances == 0)
		return STATUS_SUCCESS;
	if (p->ninstances >= p->maximum)
		return STATUS_INSTANCE_NOT_AVAILABLE;
	if (o->disposition == FILE_CREATE)
		return STATUS_ACCESS_DENIED;
	return p->configuration != w->configuration ? STATUS_ACCESS_DENIED : STATUS_SUCCESS; /* its type stays the first one's */
}

/* STATUS_REPARSE: the pipe went meanwhile. */
static NTSTATUS create_instance(const struct npfs_wish *w, struct io_open *o, struct io_file **out)
{
	struct npfs_pipe *p;
	struct npfs_end *e;
	NTSTATUS status = npfs_pipe_for(w, o, &p);

	if (status == STATUS_SUCCESS && o->information == FILE_CREATED) {
		status = se_assign(&p->secured, w->security);
		if (status != STATUS_SUCCESS)
			npfs_put(p);
	}
	if (status != STATUS_SUCCESS)
		return status;
	*out = npfs_end_file(p, NPFS_SERVER, o);
	if (*out == NULL) {
		npfs_put(p);
		return STATUS_NO_MEMORY;
	}
	e = npfs_end_of(*out);
	e->message_mode = w->message_mode && p->message_type;
	e->nowait = w->nowait;
	lock_take(&p->lock);
	status = p->gone ? STATUS_REPARSE : may_join(p, w, o);
	if (status == STATUS_SUCCESS) {
		list_append(&p->instances, &e->link);
		p->ninstances++;
	}
	lock_drop(&p->lock);
	if (status != STATUS_SUCCESS)
		ob_put(&(*out)->ob);
	else
		npfs_listening();
	npfs_put(p);
	return status;
}

static NTSTATUS wish_name(uint64_t oa, struct ob_lookup *l, struct io_name *n, struct npfs_wish *w)
{
	NTSTATUS status = oa_in(l, oa);

	if (status != STATUS_SUCCESS)
		return status;
	status = io_name_parse(l, n);
	if (status != STATUS_SUCCESS) {
		oa_free(l);
		return status;
	}
	if (n->where == IO_AT_PIPE && (n->rest_size != 0 || (n->root != NULL && n->root->kind == IO_NPFS))) {
		w->name = n->rest;
		w->size = n->rest_size;
		w->security = l->security;
		return STATUS_SUCCESS;
	}
	io_name_done(n);
	oa_free(l);
	return STATUS_OBJECT_NAME_INVALID;
}

static NTSTATUS check_wish(const struct npfs_wish *w, const struct io_open *o, uint32_t type, uint32_t read_mode)
{
	if (o->share == 0 || o->share > 3 || o->disposition > FILE_OVERWRITE_IF) /* Wine's kernelbase says FILE_OVERWRITE_IF */
		return STATUS_INVALID_PARAMETER;
	if ((type & ~3u) != 0 || read_mode > 1 || (read_mode == 1 && !(type & 1)) || w->maximum == 0)
		return STATUS_INVALID_PARAMETER;
	return w->timeout > 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

NTSTATUS NtCreateNamedPipeFile(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa, uint64_t iosb, uint32_t share, uint32_t disposition,
	uint32_t options, uint32_t type, uint32_t read_mode, uint32_t nowait, uint32_t maximum, uint32_t in_quota, uint32_t out_quota, uint64_t timeout)
{
	static const uint8_t configurations[4] = { 0, NPFS_OUTBOUND, NPFS_INBOUND, NPFS_DUPLEX };
	struct io_open o = { ob_map_access(OB_FILE, access), 0, share, disposition, options, 0, 0 };
	struct npfs_wish w = { .message_type = type & 1, .message_mode = read_mode, .nowait = nowait, .maximum = maximum, .in_quota = in_quota,
		.out_quota = out_quota, .configuration = configurations[share & 3] };
	struct ob_lookup l;
	struct io_name n;
	struct io_file *f;
	NTSTATUS status = ob_handle_clear(handle);

	if (status == STATUS_SUCCESS)
		status = timeout != 0 && oa != 0 ? user_read(&w.timeout, timeout, sizeof w.timeout) : STATUS_INVALID_PARAMETER;
	if (status == STATUS_SUCCESS)
		status = check_wish(&w, &o, type, read_mode);
	if (status == STATUS_SUCCESS)
		status = wish_name(oa, &l, &n, &w);
	if (status != STATUS_SUCCESS)
		return status;
	do {
		status = create_instance(&w, &o, &f);
	} while (status == STATUS_REPARSE);
	io_name_done(&n);
	if (status == STATUS_SUCCESS) {
		status = user_io_status(iosb, STATUS_SUCCESS, o.information);
		if (status == STATUS_SUCCESS)
			status = ob_handle_out(&f->ob, f->access, l.attributes, handle);
		ob_put(&f->ob);
	}
	oa_free(&l);
	return status;
}
