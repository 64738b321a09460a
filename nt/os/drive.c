/* SPDX-License-Identifier: MIT */
/*
 * nt/os/drive.c - drive C:, the folder /mnt/c of the sandbox, and the letters of others.
 *
 * A file system in memory, mounted when the first NT program starts, so that Linux programs see it too; where
 * something is mounted at /mnt/c already (bailey run -v HOST:/mnt/c), that is drive C:.  windows/system32 is an overlay: Wine's folder
 * of DLLs below, which nobody copies, and memory above.
 */
#include "nt/os/file.h"
#include "linux/fs/fs.h"
#include "nt/nt.h"
#include "nt/os/map.h"
#include "nt/os/spelling.h"
#include "nt/dll/blobs.h"

#define PLACES "/mnt/"
#define DRIVE PLACES "c"
#define OTHER "/tmp/.c" /* where a root of the host's has no /mnt/c */
#define DLLS  "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows"

static const char *const folders[] = { "windows", "windows/temp", "windows/globalization", "windows/fonts", "windows/inf", "windows/system32",
	"users", "users/Public", "users/user", "users/user/AppData", "users/user/AppData/Roaming", "users/user/AppData/Local",
	"users/user/AppData/Local/Temp", "users/user/Temp", "users/user/Documents", "users/user/Desktop", "ProgramData", "Program Files", "Program Files/Common Files", "Program Files (x86)",
	"Program Files (x86)/Common Files" };

/* Wine's DLLs that one of ours stands before and calls: under which name, and their own. */
static const char *const wines[][2] = { { "ws2_32_wine.dll", "ws2_32.dll" } };

static bool is_made(const char *drive)
{
	struct path p;
	char text[48];

	fmt_snprintf(text, sizeof text, "%s/windows/system32/ntdll.dll", drive);
	if (path_walk(lx_current(), AT_FDCWD, text, WALK_FOLLOW, &p, NULL) != 0)
		return false;
	path_put(&p);
	return true;
}

static void make_folders(const char *drive)
{
	char text[80];

	for (unsigned i = 0; i < ARRAY_LEN(folders); i++) {
		fmt_snprintf(text, sizeof text, "%s/%s", drive, folders[i]);
		(void)vfs_mkdir(lx_current(), AT_FDCWD, text, 0777);
	}
}

/* Our own files, over Wine's. */
static void put_blob(const char *drive, const struct blob *b)
{
	struct dk_segment seg = { .base = (void *)(uint64_t)b->bytes, .size = b->size };
	const struct iov v = { .seg = &seg, .count = 1, .kernel = true, .size = b->size };
	uint64_t pos = 0;
	struct file *f;
	char text[80];
	long err;

	fmt_snprintf(text, sizeof text, "%s/windows/system32/%s", drive, b->name);
	err = vfs_open(lx_current(), AT_FDCWD, text, O_WRONLY | O_CREAT | O_TRUNC, 0755, &f);
	if (err == 0) {
		err = lx_file_ops[f->kind]->write(lx_current(), f, &v, &pos);
		file_put(f);
	}
	if (err < 0)
		log_line(DK_LOG_WARNING, "nt: cannot make %s: error %ld", text, err);
}

static void put_wines(const char *drive)
{
	char text[80], target[80];
	long err;

	for (uint32_t i = 0; i < ARRAY_LEN(wines) && nt_dll_blobs[0].name != NULL; i++) {
		fmt_snprintf(text, sizeof text, "%s/windows/system32/%s", drive, wines[i][0]);
		fmt_snprintf(target, sizeof target, DLLS "/%s", wines[i][1]);
		err = vfs_symlink(lx_current(), target, text);
		if (err != 0 && err != -EEXIST)
			log_line(DK_LOG_WARNING, "nt: cannot make %s: error %ld", text, err);
	}
}

static void put_etc(const char *drive)
{
	static const char *const folder[] = { "drivers", "drivers/etc" };
	char text[80];

	for (uint32_t i = 0; i < ARRAY_LEN(folder); i++) {
		fmt_snprintf(text, sizeof text, "%s/windows/system32/%s", drive, folder[i]);
		(void)vfs_mkdir(lx_current(), AT_FDCWD, text, 0777);
	}
	for (const struct blob *b = nt_etc_files; b->name != NULL; b++)
		put_blob(drive, b);
	fmt_snprintf(text, sizeof text, "%s/windows/system32/drivers/etc/hosts", drive);
	(void)vfs_symlink(lx_current(), "/etc/hosts", text);
}

void os_files_ahead(const char *folder, const char *const *names, uint32_t count)
{
	open_ahead(lx_current(), folder, names, count);
}

/* What os_dlls_ahead was told, while the drive is made: our own files are looked for in the same trip. */
static const char *const *wanted;
static uint32_t nwanted;

static void look_ahead(const char *drive)
{
	const char *names[DK_OPENED_NAMES];
	uint32_t count = 0;
	char text[48];

	for (const struct blob *b = nt_dll_blobs; b->name != NULL && count < ARRAY_LEN(names); b++)
		names[count++] = b->name;
	for (uint32_t i = 0; i < ARRAY_LEN(wines) && count < ARRAY_LEN(names); i++)
		names[count++] = wines[i][0];
	names[count++] = "drivers"; /* there is none below, and then nothing of it need be asked for */
	for (uint32_t i = 0; i < nwanted && count < ARRAY_LEN(names); i++)
		names[count++] = wanted[i];
	fmt_snprintf(text, sizeof text, "%s/windows/system32", drive);
	os_files_ahead(text, names, count);
}

/* at: DRIVE, or OTHER. */
static const char *make_drive(const char *drive)
{
	long err;

	make_folders(drive);
	if (drive[1] == 'm') { /* the DLLs are there: the program's start has opened one */
		err = fs_boot_late("overlay", DRIVE "/windows/system32", DLLS);
		if (err != 0 && err != -EBUSY)
			log_line(DK_LOG_WARNING, "nt: C:\\windows\\system32 cannot show " DLLS ": error %ld", err);
	}
	look_ahead(drive);
	for (const struct blob *b = nt_dll_blobs; b->name != NULL; b++)
		put_blob(drive, b);
	put_etc(drive);
	put_wines(drive);
	return drive;
}

/* ---- Letters ---- */

/* Of a path that is /mnt/x or below, x not being z; 0: it is none. */
static char letter_of(const char *path)
{
	if (strncmp(path, PLACES, sizeof PLACES - 1) != 0 || path[5] < 'a' || path[5] >= 'z' || (path[6] != '/' && path[6] != '\0'))
		return 0;
	return (char)(path[5] - 'a' + 'A');
}

static bool take_letter(void *arg, struct mount *m, const char *where)
{
	uint32_t *letters = arg;

	*letters |= letter_of(where) != 0 ? os_drive_bit(letter_of(where)) : 0;
	return true;
}

uint32_t os_drives(void)
{
	uint32_t letters = atomic_load(&nt_state()->drives);

	if (UNLIKELY(letters == 0)) {
		letters = os_drive_bit('C') | os_drive_bit('Z');
		fs_mounted_places(take_letter, &letters);
		atomic_store(&nt_state()->drives, letters);
	}
	return letters;
}

const char *os_drive_place(char letter, char buf[OS_DRIVE_ROOM])
{
	if (letter == 'C')
		return os_system_drive();
	if (letter == 'Z')
		return "";
	fmt_snprintf(buf, OS_DRIVE_ROOM, PLACES "%c", letter - 'A' + 'a');
	return buf;
}

char os_drive_of(const char *path, uint32_t *skip)
{
	bool other = atomic_load(&nt_state()->drive) == 2;
	char letter = letter_of(path);

	*skip = sizeof DRIVE - 1;
	if (letter != 0 && (letter != 'C' || !other) && (os_drives() & os_drive_bit(letter)))
		return letter;
	*skip = sizeof OTHER - 1;
	if (other && strncmp(path, OTHER, *skip) == 0 && (path[*skip] == '/' || path[*skip] == '\0'))
		return 'C';
	*skip = 0;
	return 'Z';
}

/* ---- Drive C: ---- */

/* The first process of the sandbox to ask makes it, if what is mounted there does not have it already. */
static const char *find_drive(void)
{
	static const char *const drives[] = { NULL, DRIVE, OTHER };
	struct nt_state *nt = nt_state();
	uint32_t n = atomic_load(&nt->drive);
	long err;

	if (n != 0)
		return drives[n];
	err = fs_boot_late("tmpfs", DRIVE, "mode=1777");
	n = err == 0 || err == -EBUSY ? 1 : 2;
	if (n == 2)
		(void)vfs_mkdir(lx_current(), AT_FDCWD, OTHER, 01777);
	if (err == 0 || !is_made(drives[n]))
		(void)make_drive(drives[n]);
	atomic_store(&nt->drive, n);
	return drives[n];
}

const char *os_system_drive(void)
{
	static const char *drive; /* of this picoprocess */
	static _Atomic uint32_t busy;

	if (LIKELY(__atomic_load_n(&drive, __ATOMIC_ACQUIRE) != NULL))
		return drive;
	while (atomic_exchange(&busy, 1) != 0)
		(void)pico_wait(pico_now() + 100000, DK_WAIT_UNINTERRUPTIBLE);
	if (drive == NULL)
		__atomic_store_n(&drive, find_drive(), __ATOMIC_RELEASE);
	atomic_store(&busy, 0);
	return drive;
}

void os_dlls_ahead(const char *const *names, uint32_t count)
{
	char text[48];

	wanted = names; /* a program's first thread is alone, and only it makes the drive */
	nwanted = count;
	fmt_snprintf(text, sizeof text, "%s/windows/system32", os_system_drive());
	wanted = NULL;
	nwanted = 0;
	os_files_ahead(text, names, count);
}

static bool is_wines(const struct file *f)
{
	const char *lower = file_lower(f);

	return lower != NULL && strncmp(lower, "file:" DLLS "/", sizeof "file:" DLLS "/" - 1) == 0;
}

struct file *os_dll_open(const char *name)
{
	char text[128];
	struct file *f;

	fmt_snprintf(text, sizeof text, "%s/windows/system32/%s", os_system_drive(), name);
	f = os_open(text);
	if (f != NULL && is_wines(f))
		return f;
	os_close(f);
	fmt_snprintf(text, sizeof text, DLLS "/%s", name);
	return os_open(text);
}

void *os_dll_keep(const char *name)
{
	struct path p;
	char text[128];

	fmt_snprintf(text, sizeof text, "%s/windows/system32/%s", os_system_drive(), name);
	return path_walk(lx_current(), AT_FDCWD, text, WALK_FOLLOW, &p, NULL) == 0 ? p.dentry->inode : NULL;
}

void os_folder_ahead(const struct file *program)
{
	struct dentry *folder = program->path.dentry != NULL && !is_wines(program) ? dentry_parent(program->path.dentry) : NULL;
	char none[NAME_LIMIT + 1];

	if (folder == NULL)
		return;
	(void)os_other_spelling(folder, "kernel32.dll", 12, none);
	dentry_put(folder);
}
