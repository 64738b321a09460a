/* SPDX-License-Identifier: MIT */
/* covers: large directories, getdents, openat2, memfd and seals, FIFOs, nodes, long names */
#include "fs_common.h"

int main(void)
{
	char place[] = "/tmp/fs_specialXXXXXX", buf[8192], b2[200], *m;
	int fd, fd2, i;
	struct stat s;

	setvbuf(stdout, NULL, _IONBF, 0);
	umask(022);
	chmod(mkdtemp(place), 0755);
	chdir(place);
	mkdir("d", 0777);
	close(open("a", O_CREAT | O_RDWR, 0666));
	symlink("a", "l");
	T(mkdir("many", 0755));
	for (i = 0; i < 3000; i++) {
		sprintf(buf, "many/file-with-a-long-name-%05d", i);
		fd = open(buf, O_CREAT | O_WRONLY, 0600);
		if (fd < 0) {
			T(-1);
			break;
		}
		close(fd);
	}
	{
		DIR *d = opendir("many");
		struct dirent *e;
		int n = 0;
		long pos = 0;
		while ((e = readdir(d))) {
			n++;
			if (n == 1500)
				pos = telldir(d);
		}
		T(n);
		seekdir(d, pos);
		n = 0;
		while (readdir(d))
			n++;
		T(n);
		rewinddir(d);
		n = 0;
		while ((e = readdir(d))) {
			if (e->d_name[0] == '.')
				continue;
			sprintf(buf, "many/%s", e->d_name);
			if (unlink(buf))
				break;
			n++;
		}
		T(n);
		closedir(d);
	}
	T(rmdir("many"));
	{
		char small[10];
		E(fd = open(".", O_RDONLY));
		T(syscall(SYS_getdents64, fd, small, 10));
		T(lseek(fd, 0, SEEK_SET));
		T(syscall(SYS_getdents64, fd, (void *)8, 1000));
		T(syscall(SYS_getdents64, 0, small, 10));
		close(fd);
	}
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_NO_SYMLINKS};
	E(syscall(SYS_openat2, AT_FDCWD, "l", &how, sizeof how));
	how.resolve = RESOLVE_BENEATH;
	E(syscall(SYS_openat2, AT_FDCWD, "../x", &how, sizeof how));
	E(syscall(SYS_openat2, AT_FDCWD, "a", &how, sizeof how));
	E(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof how));
	how.resolve = RESOLVE_IN_ROOT;
	E(syscall(SYS_openat2, AT_FDCWD, "/a", &how, sizeof how));
	E(syscall(SYS_openat2, AT_FDCWD, "../../a", &how, sizeof how));
	how.flags = O_RDONLY | (1ull << 40);
	E(syscall(SYS_openat2, AT_FDCWD, "a", &how, sizeof how));
	E(syscall(SYS_openat2, AT_FDCWD, "a", &how, 8));
	E(fd = memfd_create("foo", MFD_ALLOW_SEALING));
	T(ftruncate(fd, 4096));
	T(fcntl(fd, F_GET_SEALS));
	m = mmap(0, 4096, 3, MAP_SHARED, fd, 0);
	strcpy(m, "mem");
	munmap(m, 4096);
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
	T(ftruncate(fd, 100));
	T(ftruncate(fd, 10000));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	T(write(fd, "x", 1));
	E(mmap(0, 4096, 3, MAP_SHARED, fd, 0));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	close(fd);
	E(fd = memfd_create("bar", 0));
	T(fcntl(fd, F_GET_SEALS));
	sprintf(buf, "/proc/self/fd/%d", fd);
	i = readlink(buf, b2, 200);
	b2[i > 0 ? i : 0] = 0;
	printf("%s\n", b2);
	E(fd2 = open(buf, O_RDONLY));
	close(fd);
	close(fd2);
	T(mkfifo("ff", 0600));
	st("ff");
	E(open("ff", O_WRONLY | O_NONBLOCK));
	E(fd = open("ff", O_RDONLY | O_NONBLOCK));
	E(fd2 = open("ff", O_WRONLY));
	T(write(fd2, "pp", 2));
	T(read(fd, buf, 10));
	T(lseek(fd, 0, SEEK_SET));
	T(pread(fd, buf, 1, 0));
	close(fd);
	close(fd2);
	T(mknod("reg", S_IFREG | 0600, 0));
	st("reg");
	T(mknod("dir", S_IFDIR | 0600, 0));
	T(mknod("sock", S_IFSOCK | 0600, 0));
	E(open("sock", O_RDONLY));
	memset(buf, 'n', 300);
	buf[255] = 0;
	E(open(buf, O_CREAT | O_RDWR, 0600));
	T(unlink(buf));
	buf[255] = 'n';
	buf[256] = 0;
	E(open(buf, O_CREAT | O_RDWR, 0600));
	memset(buf, '/', 5000);
	buf[5000] = 0;
	E(open(buf, O_RDONLY));
	memset(buf, '/', 4000);
	buf[4000] = 0;
	E(open(buf, O_RDONLY));
	T(stat("./././d/../d/./", &s));
	T(stat("a/.", &s));
	T(stat("a/..", &s));
	T(stat((void *)8, &s));
	T(stat("a", (void *)8));
	chdir("/");
	sprintf(buf, "rm -rf %s", place);
	return system(buf);
}
