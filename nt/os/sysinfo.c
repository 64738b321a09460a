/* SPDX-License-Identifier: MIT */
/* nt/os/sysinfo.c - the machine as the sandbox shows it, and small files of it. */
#include "linux/fs/fs.h"
#include "linux/fs/vfs.h"
#include "linux/linux.h"
#include "nt/mm/mm.h"
#include "nt/os/map.h"
#include "nt/os/status.h"
#include "nt/os/sysinfo.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

uint32_t os_cpus(void)
{
	return MAX(lx_state()->ncpus, 1u);
}

void os_machine(struct os_machine *m)
{
	*m = (struct os_machine){ .cpus = os_cpus(), .total_pages = lx_state()->memtotal / PAGE_SIZE };
}

void os_machine_memory(struct os_machine *m)
{
	struct arena_root *a = arena_root();
	uint64_t used;

	os_machine(m);
	arena_ask();
	used = atomic_load(&a->pages_used) + atomic_load(&a->data_pages_used) + atomic_load(&a->guest_resident);
	m->free_pages = m->total_pages > used ? m->total_pages - used : 0;
	m->committed_pages = arena_in_use();
	m->shared_pages = atomic_load(&a->data_pages_used);
}

uint64_t os_boot_monotonic(void)
{
	return (uint64_t)lx_state()->boot_mono_ns;
}

uint32_t os_host_name(char *to, uint32_t room)
{
	return (uint32_t)str_copy(to, lx_state()->hostname, room);
}

char *os_read_file(const char *path, uint32_t max, uint32_t *size)
{
	struct file *f = os_open(path);
	uint64_t said = f == NULL ? 0 : os_file_size(f), room = said == 0 ? max : MIN(said, max); /* files of /proc say 0 */
	char *text = f == NULL ? NULL : heap_alloc_dirty(room + 1);
	uint64_t n = text == NULL ? UINT64_MAX : os_pread(f, text, room, 0);

	os_close(f);
	if (n == UINT64_MAX) {
		heap_free(text);
		return NULL;
	}
	text[n] = '\0';
	*size = (uint32_t)n;
	return text;
}

bool os_read_link(const char *path, char *to, uint32_t room)
{
	struct lx_thread *t = lx_current();
	struct path p;
	char *text;
	long n = -ENOMEM;

	if (path_walk(t, AT_FDCWD, path, 0, &p, NULL) != 0)
		return false;
	text = path_buf();
	if (text != NULL && IS_LNK(p.dentry->inode) && inode_ops(p.dentry->inode)->readlink != NULL)
		n = inode_ops(p.dentry->inode)->readlink(t, p.dentry->inode, text, PATH_MAX);
	path_put(&p);
	if (n > 0 && n < (long)room) {
		memcpy(to, text, (size_t)n);
		to[n] = '\0';
	}
	path_buf_free(text);
	return n > 0 && n < (long)room;
}

NTSTATUS os_map_whole_file(struct nt_mm *mm, const char *path, uint64_t *address, uint64_t *size)
{
	struct file *f = os_open(path);
	NTSTATUS status;

	if (f == NULL)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	*address = 0;
	*size = PAGE_UP(os_file_size(f));
	status = *size == 0 ? (NTSTATUS)STATUS_INVALID_FILE_FOR_SECTION : nt_mm_reserve(mm, address, *size, MEM_MAPPED, PAGE_READONLY, 0, 0);
	if (status == STATUS_SUCCESS) {
		status = os_map_file(*address, *size, OS_R, f, 0);
		if (status == STATUS_SUCCESS)
			status = nt_mm_mapped(mm, *address, *size, PAGE_READONLY);
		if (status != STATUS_SUCCESS)
			(void)nt_mm_release(mm, *address);
	}
	os_close(f);
	return status;
}

uint64_t os_write_stderr(uint64_t va, uint64_t size)
{
	long n = lx_sys_write(lx_current(), 2, (struct gva){ va }, size);

	return n < 0 ? 0 : (uint64_t)n;
}
