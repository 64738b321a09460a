/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/persist.c - a registry that stays: HKLM\Software and the user's keys in a file of the host (bailey run --registry).
 *
 * cli/registry.c shows the file and its log at fixed places and has looked whether they are whole.  A hive file with both trees is read
 * once, when the registry is made.  Written is the whole hive: to the log first, with its length and sum, then to the file,
 * each until it is on the disk; then the log is emptied.  Whoever is killed in between leaves a whole file or a whole log.
 * That is done by NtFlushKey, and by each process that ends, if something changed.
 *
 * Keys that are made when somebody looks (lazy.c) are written as they are, and are made later if there is nothing below them.
 */
#include "nt/cm/hive.h"
#include "nt/cm/persist.h"
#include "nt/ex/wait.h"
#include "nt/os/file.h"
#include "nt/os/map.h"
#include "rt/mem.h"

#define FILE_PLACE "/run/bailey-registry"
#define LOG_PLACE  FILE_PLACE ".log"
#define TURN_NS    1000000u

static const WCHAR software[] = u"MACHINE\\SOFTWARE", user[] = u"USER\\S-1-5-21-0-0-0-1000";

struct registry_log { /* cli/registry.c */
	char magic[8];
	uint64_t size, sum;
};

static uint64_t sum_of(const uint8_t *p, uint32_t n)
{
	uint64_t sum = 0xcbf29ce484222325u;

	while (n-- != 0)
		sum = (sum ^ *p++) * 0x100000001b3u;
	return sum;
}

/* The key of that path below k, NULL if it is not there. */
static struct cm_key *find(struct cm_key *k, const WCHAR *path, uint32_t size)
{
	while (k != NULL && size != 0) {
		uint32_t first = cm_first(path, size), step = MIN(first + (uint32_t)sizeof(WCHAR), size);

		k = cm_child(k, path, first);
		path += step / sizeof(WCHAR);
		size -= step;
	}
	return k;
}
#define FIND(k, path) find(k, path, sizeof path - sizeof(WCHAR))

/* ---- Reading ---- */

/* What is made on demand is still to be made where the file has nothing of it. */
static void keep_lazy(struct cm_key *to)
{
	static const WCHAR classes[] = u"Classes", zones[] = u"Microsoft\\Windows NT\\CurrentVersion\\Time Zones";
	struct cm_key *k = FIND(to, classes);

	if (k != NULL)
		k->flags |= CM_FIXED | (k->nkeys == 0 ? CM_LAZY_CLASSES : 0);
	k = FIND(to, zones);
	if (k != NULL)
		k->flags |= CM_FIXED | (k->nkeys == 0 ? CM_LAZY_ZONES : 0);
	for (uint32_t i = 0; k != NULL && i < k->nkeys; i++)
		if (k->keys[i]->nkeys == 0)
			k->keys[i]->flags |= CM_LAZY_YEARS;
}

static void take(struct cm_key *seed, struct cm_key *tree)
{
	struct cm_key *fresh = seed == NULL ? NULL : cm_child(tree, seed->name, seed->name_size);

	if (fresh != NULL)
		cm_swap_contents(seed, fresh);
}

static bool read_file(struct cm_state *s, struct file *f)
{
	uint64_t size = os_file_size(f);
	uint8_t *image;
	struct cm_key *tree = NULL;
	NTSTATUS status = STATUS_REGISTRY_CORRUPT;

	if (size == 0)
		return true;
	image = size > HIVE_MAX ? NULL : heap_alloc((size_t)size);
	if (image != NULL && os_pread(f, image, size, 0) == size)
		status = hive_read(image, (uint32_t)size, &tree);
	heap_free(image);
	if (status != STATUS_SUCCESS)
		return false;
	take(FIND(s->root, software), tree);
	take(FIND(s->root, user), tree);
	keep_lazy(FIND(s->root, software));
	cm_key_put(tree);
	return true;
}

bool cm_persist_load(struct cm_state *s)
{
	struct file *f = os_open(FILE_PLACE);
	bool ok;

	if (f == NULL)
		return true;
	cm_seed_all(s->root);
	ok = read_file(s, f);
	os_close(f);
	s->kept[0] = ok ? FIND(s->root, software) : NULL;
	s->kept[1] = ok ? FIND(s->root, user) : NULL;
	return ok;
}

const char *cm_persist_problem(void)
{
	struct file *f;

	if (LIKELY(nt_state()->cm != NULL))
		return NULL;
	f = os_open(FILE_PLACE);
	if (f == NULL)
		return NULL;
	os_close(f);
	return cm_state() != NULL ? NULL : "the registry's file (--registry) is damaged; it is left as it is";
}

/* ---- Writing ---- */

static bool write_all(const char *place, const struct registry_log *head, const uint8_t *image, uint32_t size)
{
	struct file *f = os_open_write(place);
	uint64_t at = head != NULL ? sizeof *head : 0;
	bool ok = f != NULL;

	if (ok && head != NULL)
		ok = os_pwrite(f, head, at, 0) == at;
	ok = ok && os_pwrite(f, image, size, at) == size && os_file_set_size(f, at + size) == STATUS_SUCCESS && os_file_flush(f) == STATUS_SUCCESS;
	os_close(f);
	return ok;
}

static bool save(const uint8_t *image, uint32_t size)
{
	struct registry_log head = { { 'B', 'R', 'E', 'G', 'L', 'O', 'G', '1' }, size, sum_of(image, size) };

	return write_all(LOG_PLACE, &head, image, size) && write_all(FILE_PLACE, NULL, image, size) && write_all(LOG_PLACE, NULL, NULL, 0);
}

/* Both trees below one root that is nobody's key. */
static NTSTATUS both(struct cm_state *s, uint8_t **image, uint32_t *size)
{
	struct cm_key *keys[2] = { s->kept[1], s->kept[0] }; /* by their names */
	WCHAR name[] = u"\0";
	struct cm_key root = { .name = name, .nkeys = 2, .keys = keys, .modified = ex_system_time() };

	list_init(&root.notices);
	return hive_write(&root, root.modified, image, size);
}

static bool is_alive(uint32_t pid)
{
	struct nt_state *nt = nt_state();
	bool found = false;

	lock_take(&nt->procs_lock);
	LIST_FOR (p, &nt->processes, struct nt_process, all)
		found |= p->pid == pid;
	lock_drop(&nt->procs_lock);
	return found;
}

/* One at a time; the turn of a process that was killed is over. */
static void take_turn(struct cm_state *s)
{
	uint32_t nobody = 0, self = nt_current_process()->pid;

	while (!atomic_compare_exchange_strong(&s->saver, &nobody, self)) {
		if (!is_alive(nobody) && atomic_compare_exchange_strong(&s->saver, &nobody, self))
			return;
		nobody = 0;
		(void)pico_wait(pico_now() + TURN_NS, DK_WAIT_UNINTERRUPTIBLE);
	}
}

NTSTATUS cm_persist_save(void)
{
	struct cm_state *s = nt_state()->cm;
	uint8_t *image = NULL;
	uint32_t size = 0;
	NTSTATUS status = STATUS_SUCCESS;

	if (LIKELY(s == NULL || s->kept[0] == NULL || !s->unsaved))
		return STATUS_SUCCESS;
	take_turn(s);
	cm_lock(s);
	if (s->unsaved) {
		status = both(s, &image, &size);
		s->unsaved = status != STATUS_SUCCESS;
	}
	cm_unlock(s);
	if (image != NULL && !save(image, size)) {
		s->unsaved = true;
		status = STATUS_REGISTRY_IO_FAILED;
		log_line(DK_LOG_WARNING, "nt: the registry's file cannot be written");
	}
	heap_free(image);
	atomic_store(&s->saver, 0);
	return status;
}
