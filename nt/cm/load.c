/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/load.c - trees to and from hive files: NtSaveKey, NtLoadKey, NtRestoreKey, NtUnloadKey.
 *
 * A loaded hive is a copy: the file is read whole, the new tree made without a lock and hung in under it.  Nothing writes the
 * file again but NtSaveKey.  The privileges are Windows': backup to save, restore for the rest.
 */
#include "nt/cm/hive.h"
#include "nt/ex/wait.h"
#include "nt/io/io.h"
#include "nt/ke/user.h"
#include "nt/os/map.h"
#include "nt/se/se.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define SE_BACKUP  17u
#define SE_RESTORE 18u

/* The file behind a handle, borrowed from *o, which is a reference. */
static NTSTATUS file_by_handle(uint64_t handle, uint32_t access, struct ob_object **o, struct file **f)
{
	NTSTATUS status = ob_by_handle(handle, OB_FILE, access, o);

	if (status != STATUS_SUCCESS)
		return status;
	*f = io_linux_file(*o);
	if (*f != NULL)
		return STATUS_SUCCESS;
	ob_put(*o);
	return STATUS_INVALID_PARAMETER;
}

NTSTATUS NtSaveKey(struct nt_thread *t, uint64_t key, uint64_t file)
{
	struct cm_state *s = cm_state();
	struct cm_body *b;
	struct ob_object *o;
	struct file *f;
	uint8_t *image = NULL;
	uint32_t size = 0;
	NTSTATUS status = se_need_privilege(t, SE_BACKUP);

	if (status == STATUS_SUCCESS)
		status = cm_by_handle(key, 0, &b);
	if (status != STATUS_SUCCESS)
		return status;
	status = file_by_handle(file, FILE_WRITE_DATA, &o, &f);
	if (status == STATUS_SUCCESS) {
		cm_lock(s);
		cm_expand_below(s, b->key);
		status = (b->key->flags & CM_DELETED) != 0 ? (NTSTATUS)STATUS_KEY_DELETED : hive_write(b->key, ex_system_time(), &image, &size);
		cm_unlock(s);
		if (status == STATUS_SUCCESS && os_pwrite(f, image, size, 0) != size)
			status = STATUS_DISK_FULL;
		if (status == STATUS_SUCCESS)
			heap_free(image);
		ob_put(o);
	}
	ob_put(&b->ob);
	return status;
}

static NTSTATUS tree_from(struct file *f, struct cm_key **root)
{
	uint64_t size = os_file_size(f);
	uint8_t *image = size > HIVE_MAX ? NULL : heap_alloc((size_t)size + 1);
	NTSTATUS status;

	*root = NULL;
	if (image == NULL)
		return size > HIVE_MAX ? STATUS_REGISTRY_CORRUPT : STATUS_NO_MEMORY;
	status = os_pread(f, image, size, 0) != size ? (NTSTATUS)STATUS_REGISTRY_IO_FAILED : hive_read(image, (uint32_t)size, root);
	heap_free(image);
	return status;
}

/* All below top, and top itself, are no keys any more. */
static void mark_deleted(struct cm_state *s, struct cm_key *top)
{
	for (struct cm_key *k = top; k != NULL; k = cm_next(k, top)) {
		k->flags = (k->flags & ~CM_LAZY) | CM_DELETED;
		cm_key_gone(s, k);
	}
}

static NTSTATUS restore(struct cm_key *k, struct cm_key *fresh)
{
	struct cm_state *s = cm_state();
	NTSTATUS status = STATUS_SUCCESS;

	cm_lock(s);
	cm_settle(s, k);
	if ((k->flags & CM_DELETED) != 0) {
		status = STATUS_KEY_DELETED;
	} else {
		cm_swap_contents(k, fresh);
		k->modified = ex_system_time();
		mark_deleted(s, fresh);
		cm_changed(s, k, REG_NOTIFY_CHANGE_NAME | REG_NOTIFY_CHANGE_LAST_SET);
	}
	cm_unlock(s);
	return status;
}

NTSTATUS NtRestoreKey(struct nt_thread *t, uint64_t key, uint64_t file, uint32_t flags)
{
	struct cm_body *b;
	struct ob_object *o;
	struct file *f;
	struct cm_key *fresh;
	NTSTATUS status = se_need_privilege(t, SE_RESTORE);

	(void)flags;
	if (status == STATUS_SUCCESS)
		status = cm_by_handle(key, 0, &b);
	if (status != STATUS_SUCCESS)
		return status;
	status = file_by_handle(file, FILE_READ_DATA, &o, &f);
	if (status == STATUS_SUCCESS) {
		status = tree_from(f, &fresh);
		if (status == STATUS_SUCCESS) {
			status = restore(b->key, fresh);
			cm_key_put(fresh);
		}
		ob_put(o);
	}
	ob_put(&b->ob);
	return status;
}

/* The tree of the file that OBJECT_ATTRIBUTES name. */
static NTSTATUS tree_of(uint64_t file_oa, struct cm_key **root)
{
	struct ob_lookup l;
	struct io_file *io;
	struct file *f;
	NTSTATUS status = oa_in(&l, file_oa);

	if (status != STATUS_SUCCESS)
		return status;
	status = l.root != 0 ? (NTSTATUS)STATUS_OBJECT_PATH_SYNTAX_BAD : io_open_name(l.name, l.size, FILE_READ_DATA, &io);
	oa_free(&l);
	if (status != STATUS_SUCCESS)
		return status;
	status = io_file_of((struct ob_object *)io, &f);
	if (status == STATUS_SUCCESS) {
		status = tree_from(f, root);
		os_close(f);
	}
	ob_put((struct ob_object *)io);
	return status;
}

/* Hangs fresh in where l says: a key of \Registry\Machine or \Registry\User that is not there yet. */
static NTSTATUS hang_in(const struct ob_lookup *l, struct cm_key *fresh)
{
	struct cm_state *s = cm_state();
	struct cm_walk w = { 0 };
	struct cm_key *start, *k, *named = NULL;
	NTSTATUS status = cm_start(l, &start, &w);

	if (status != STATUS_SUCCESS)
		return status;
	k = start;
	cm_lock(s);
	status = cm_walk(s, &k, &w);
	if (status == STATUS_SUCCESS) {
		status = STATUS_OBJECT_NAME_COLLISION;
	} else if (status == STATUS_OBJECT_NAME_NOT_FOUND && k->parent != s->root) {
		status = STATUS_INVALID_PARAMETER;
	} else if (status == STATUS_OBJECT_NAME_NOT_FOUND && cm_first(w.rest, w.size) == w.size) {
		named = cm_key_new(w.rest, w.size);
		status = named == NULL || !cm_child_add(k, named) ? STATUS_NO_MEMORY : STATUS_SUCCESS;
	}
	if (status == STATUS_SUCCESS) {
		named->modified = fresh->modified;
		named->flags |= CM_LOADED;
		cm_swap_contents(named, fresh);
		cm_changed(s, k, REG_NOTIFY_CHANGE_NAME);
		named = NULL;
	}
	cm_unlock(s);
	heap_free(w.made);
	cm_key_put(named);
	cm_key_put(start);
	return status;
}

NTSTATUS NtLoadKey(struct nt_thread *t, uint64_t key_oa, uint64_t file_oa)
{
	struct ob_lookup l;
	struct cm_key *fresh;
	NTSTATUS status = se_need_privilege(t, SE_RESTORE);

	if (status == STATUS_SUCCESS)
		status = oa_in(&l, key_oa);
	if (status != STATUS_SUCCESS)
		return status;
	status = tree_of(file_oa, &fresh);
	if (status == STATUS_SUCCESS) {
		status = hang_in(&l, fresh);
		cm_key_put(fresh);
	}
	oa_free(&l);
	return status;
}

NTSTATUS NtLoadKey2(struct nt_thread *t, uint64_t key_oa, uint64_t file_oa, uint32_t flags)
{
	(void)flags;
	return NtLoadKey(t, key_oa, file_oa);
}

NTSTATUS NtLoadKeyEx(struct nt_thread *t, uint64_t key_oa, uint64_t file_oa, uint32_t flags, uint64_t trust, uint64_t event, uint32_t access,
	uint64_t root_handle, uint64_t io)
{
	(void)flags;
	(void)trust;
	(void)event;
	(void)access;
	(void)io;
	return root_handle != 0 ? (NTSTATUS)STATUS_NOT_SUPPORTED : NtLoadKey(t, key_oa, file_oa);
}

/* Does a handle refer to it, or to something below? */
static bool in_use(struct cm_key *top)
{
	for (struct cm_key *k = top; k != NULL; k = cm_next(k, top))
		if (atomic_load_explicit(&k->ref.count, memory_order_relaxed) > 1)
			return true;
	return false;
}

NTSTATUS NtUnloadKey(struct nt_thread *t, uint64_t key_oa)
{
	struct cm_state *s = cm_state();
	struct ob_lookup l;
	struct cm_walk w = { 0 };
	struct cm_key *start, *k, *gone = NULL;
	NTSTATUS status = se_need_privilege(t, SE_RESTORE);

	if (status == STATUS_SUCCESS)
		status = oa_in(&l, key_oa);
	if (status != STATUS_SUCCESS)
		return status;
	status = cm_start(&l, &start, &w);
	if (status == STATUS_SUCCESS) {
		k = start;
		cm_lock(s);
		status = cm_walk(s, &k, &w);
		if (status == STATUS_SUCCESS && (k->flags & CM_LOADED) == 0)
			status = STATUS_INVALID_PARAMETER;
		else if (status == STATUS_SUCCESS && in_use(k))
			status = STATUS_CANNOT_DELETE;
		if (status == STATUS_SUCCESS) {
			gone = k;
			cm_changed(s, k->parent, REG_NOTIFY_CHANGE_NAME);
			cm_child_remove(k);
			mark_deleted(s, k);
		}
		cm_unlock(s);
		heap_free(w.made);
		cm_key_put(gone);
		cm_key_put(start);
	}
	oa_free(&l);
	return status;
}
