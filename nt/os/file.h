/* SPDX-License-Identifier: MIT */
/*
 * nt/os/file.h - files as the NT kernel sees its disk driver: open files of the sandbox's one file view, shared
 * with Linux programs.
 *
 * struct file is an open file description (linux/fs/vfs.h), struct os_path a place in the tree, existing
 * or not.  Texts are UTF-8, absolute, as the calling process sees its root.  Nothing here may be called with an NT lock held
 * but NTFILE.  A wait that is interrupted ends with STATUS_KERNEL_APC: the caller looks whether it has to go, and calls again.
 */
#ifndef NT_OS_FILE_H
#define NT_OS_FILE_H

#include "nt/os/status.h"

struct file;
struct os_path { /* holds references: os_path_put */
	void *mount, *dentry;
};

enum os_file_type { OS_FILE, OS_DIRECTORY, OS_LINK, OS_PIPE, OS_SOCKET, OS_CHAR, OS_BLOCK, OS_TTY };

/* Times are NT's: 100 ns since 1601.  dos: FILE_ATTRIBUTE_HIDDEN and _SYSTEM as they were set. */
struct os_attr {
	enum os_file_type type;
	uint32_t nlink, dos, readonly, deleted; /* readonly: nobody may write it */
	uint64_t ino, dev, size, allocated;
	int64_t btime, atime, mtime, ctime;
};
#define OS_TIME_EPOCH 116444736000000000ll /* 1970 */

/* ---- Places (path.c) ---- */

#define OS_PATH_MAX 4096u
/* A buffer of OS_PATH_MAX bytes; NULL: no memory. */
char *os_text(void);
void os_text_free(char *text);
#define OS_FIND_NOFOLLOW 1u /* a symbolic link at the end is meant itself */
#define OS_FIND_CASE     2u /* names must be written as they are */
#define OS_FIND_READ     4u /* it will be opened for reading */
/*
 * Where text (in a buffer of os_text) leads, without regard to case: text becomes what there is.
 * STATUS_OBJECT_NAME_NOT_FOUND: only the last name is missing, and text is what it can be made as; _PATH_NOT_FOUND.
 */
NTSTATUS os_path_find(char *text, uint32_t how, struct os_path *out);
void os_path_put(struct os_path *p); /* an empty one is fine */
NTSTATUS os_path_attr(const struct os_path *p, struct os_attr *a);
bool os_path_is_link(const struct os_path *p);
/* Identity of the file there: two names of one file have the same. */
void *os_path_inode(const struct os_path *p);
/* Its text in a buffer of size bytes: length, or -1.  A file whose name is gone has none. */
int os_path_text(const struct os_path *p, char *buf, uint32_t size);
int os_file_text(struct file *f, char *buf, uint32_t size);
/* A place of memory to be the root of drive C:, made by the first who asks: its text. */
const char *os_system_drive(void);
/* Drives, as bits from A: on: C:, Z:, which is the root, and X: for each folder /mnt/x on or below which something is mounted (bailey run
   -v) when the sandbox's first NT program starts. */
uint32_t os_drives(void);
static inline uint32_t os_drive_bit(char letter)
{
	return 1u << (letter - 'A');
}
/* Where a drive's root is: "" for Z:.  buf: for the answer. */
#define OS_DRIVE_ROOM 8u
const char *os_drive_place(char letter, char buf[OS_DRIVE_ROOM]);
/* The drive that shows a path of the sandbox, and the length of the path's part that is its root's. */
char os_drive_of(const char *path, uint32_t *skip);
/* Opens Wine's own DLL for reading, as a file of C:\\windows\\system32 if that shows it (which may have come ahead); NULL: not there. */
struct file *os_dll_open(const char *name);
/* The inode of a DLL in C:\\windows\\system32, which then stays in memory as long as the sandbox is there; NULL: not there. */
void *os_dll_keep(const char *name);
/* What is in a program's folder is read, unless it is Wine's: its DLLs are looked for there first. */
void os_folder_ahead(const struct file *program);
/* A guess: these files of a folder, or of C:\\windows\\system32, will be opened soon. */
void os_files_ahead(const char *folder, const char *const *names, uint32_t count);
void os_dlls_ahead(const char *const *names, uint32_t count);
NTSTATUS os_cwd(char *buf, uint32_t size);

/* ---- Open files (file.c) ---- */

#define OS_READ     1u
#define OS_WRITE    2u
#define OS_APPEND   4u
#define OS_TRUNCATE 8u
#define OS_NOTHING  0u /* attributes and names only */
#define OS_SYNC     16u
NTSTATUS os_file_open(const struct os_path *p, uint32_t how, struct file **out);
/* Makes a file that must not be there.  STATUS_OBJECT_NAME_COLLISION: somebody else made it meanwhile. */
NTSTATUS os_file_create(const char *text, uint32_t how, bool readonly, struct file **out);
NTSTATUS os_mkdir(const char *text);
NTSTATUS os_remove(const char *text, bool directory); /* the name itself, if it is a symbolic link */
NTSTATUS os_rename(const char *from, const char *to); /* replaces */
NTSTATUS os_link(struct file *f, const char *to);
bool os_file_is_running(const struct file *f); /* as a program */
/* Times 0 or less and attributes 0 stay as they are. */
NTSTATUS os_file_set_basic(struct file *f, int64_t btime, int64_t atime, int64_t mtime, uint32_t attributes);
NTSTATUS os_path_set_readonly(const struct os_path *p, bool readonly);
void os_file_set_dos(struct file *f, uint32_t attributes); /* hidden, system and archive of FILE_ATTRIBUTE_* */
void os_file_get(struct file *f);
void os_file_put(struct file *f); /* NULL is fine */
void *os_file_inode(const struct file *f);
NTSTATUS os_file_attr(struct file *f, struct os_attr *a);
enum os_file_type os_file_type(const struct file *f);
bool os_file_on_readonly(const struct file *f); /* on a mount that nobody writes to: bailey run -v HOST:D:ro */
bool os_file_seekable(const struct file *f); /* it has a position, and reads and writes at others */
uint32_t os_file_access(const struct file *f); /* FILE_READ_DATA and the like, as it was opened */
uint64_t os_file_length(const struct file *f); /* quick */
/* Which contents: as long as it is the same, they are.  False: it cannot be told (somebody may be writing, or it has just
   been changed). */
struct os_file_id {
	uint64_t dev, ino, changed, size; /* changed: time of the inode's last change, ns */
};
bool os_file_id(struct file *f, struct os_file_id *id);
/* The calling process's descriptor, with a reference; NULL: there is none. */
struct file *os_descriptor(int fd);
/* Gives f a descriptor of the calling process: for programs of Linux that will have it.  -1: no room. */
int os_descriptor_add(struct file *f);

/* Guest memory to and from the file.  *done counts what was moved. */
NTSTATUS os_file_read(struct file *f, uint64_t va, uint32_t size, uint64_t offset, uint64_t *done);
NTSTATUS os_file_write(struct file *f, uint64_t va, uint32_t size, uint64_t offset, uint64_t *done);
NTSTATUS os_file_read_mem(struct file *f, void *to, uint32_t size, uint64_t offset, uint64_t *done); /* into the library OS's own memory */
/* At the description's own position, which files that are no disk files have alone. */
NTSTATUS os_file_read_here(struct file *f, uint64_t va, uint32_t size, uint64_t *done);
NTSTATUS os_file_write_here(struct file *f, uint64_t va, uint32_t size, uint64_t *done);
/* Kernel memory: bytes, or 0 and less. */
long os_file_pread(struct file *f, void *buf, uint32_t size, uint64_t offset);
/* ---- Folders (dir.c); f is an open one ---- */

/* Each name but . and ..; fn false: it is enough, STATUS_NO_MEMORY. */
NTSTATUS os_dir_list(struct file *f, bool (*fn)(void *arg, const char *name, uint32_t len), void *arg);
/* Of a name in it, of what a symbolic link leads to if it leads anywhere. */
NTSTATUS os_dir_attr(struct file *f, const char *name, struct os_attr *a);
/* Is there such a name, without regard to case?  name becomes what there is. */
bool os_dir_spelling(struct file *f, char *name, uint32_t room);
bool os_dir_is_empty(struct file *f);
bool os_dir_is_root(const struct file *f); /* of a drive */

NTSTATUS os_file_set_size(struct file *f, uint64_t size);
NTSTATUS os_file_flush(struct file *f);
NTSTATUS os_file_zero(struct file *f, uint64_t offset, uint64_t size); /* within its length */
struct os_space { /* bytes of the file system that it is on */
	uint64_t total, free, available;
};
NTSTATUS os_file_space(struct file *f, struct os_space *s);
uint64_t os_file_position(struct file *f);
NTSTATUS os_file_seek(struct file *f, uint64_t position);
/* Sleeps until a read would not have to: STATUS_KERNEL_APC. */
NTSTATUS os_file_wait_readable(struct file *f);
bool os_file_hung_up(struct file *f); /* nobody will write to it any more */
uint64_t os_file_available(struct file *f); /* bytes that a pipe or a socket has ready */
/* The first of them, up to size bytes, to guest memory; they stay.  *done may be less: what is a descriptor of the host's shows nothing. */
NTSTATUS os_file_peek(struct file *f, uint64_t va, uint32_t size, uint64_t *done);
#endif
