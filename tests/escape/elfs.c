/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/elfs.c - elfs PROGRAM SEED COUNT: executes mutilated copies of a program.  Each may be
 * refused or crash; the sandbox must go on.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t random_state;

static uint64_t rnd(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return random_state >> 16;
}

static uint64_t value(void)
{
	static const uint64_t all[] = { 0, 1, 7, 0xfff, 0x1000, 0xffff, 0x10000, 0x400000, 0x680000000000, 0x684000000000, 0x7ffffffef000, 0x800000000000,
		1ull << 31, 1ull << 32, 1ull << 62, 1ull << 63, ~0ull, ~0xfffull };

	return rnd() % 4 ? all[rnd() % (sizeof all / sizeof all[0])] : rnd();
}

static void mutilate(unsigned char *bytes, size_t size)
{
	Elf64_Ehdr *eh = (void *)bytes;
	Elf64_Phdr *ph = eh->e_phoff + 56ull * eh->e_phnum <= size ? (void *)(bytes + eh->e_phoff) : NULL;

	for (unsigned i = 0; i < 1 + rnd() % 3; i++) {
		Elf64_Phdr *p = ph ? ph + rnd() % eh->e_phnum : NULL;

		switch (rnd() % 12) {
		case 0: eh->e_entry = value(); break;
		case 1: eh->e_phoff = value(); ph = NULL; break;
		case 2: eh->e_phnum = (uint16_t)value(); ph = NULL; break;
		case 3: eh->e_type ^= 1; break;
		case 4: if (p) p->p_vaddr = value(); break;
		case 5: if (p) p->p_memsz = value(); break;
		case 6: if (p) p->p_filesz = value(); break;
		case 7: if (p) p->p_offset = value(); break;
		case 8: if (p) p->p_type = (uint32_t)(rnd() % 8); break;
		case 9: if (p) p->p_align = value(); break;
		case 10: if (p) p->p_flags = (uint32_t)rnd(); break;
		case 11: bytes[rnd() % size] ^= (unsigned char)(1 << rnd() % 8); break;
		}
	}
}

static int run(const char *path)
{
	char *argv[] = { (char *)path, NULL };
	int status = 0, tries = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		alarm(2);
		execv(path, argv);
		_exit(126);
	}
	while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0) {
		usleep(500);
		if (tries++ == 6000)
			kill(pid, SIGKILL);
		if (tries > 100000) {
			printf("BAD a program cannot be killed\n");
			exit(1);
		}
	}
	return pid < 0 ? -1 : status;
}

int main(int argc, char **argv)
{
	static unsigned char original[1 << 21], bytes[1 << 21];
	unsigned refused = 0, died = 0, ran = 0;
	ssize_t size;
	int fd;

	if (argc < 4 || (fd = open(argv[1], O_RDONLY)) < 0 || (size = read(fd, original, sizeof original)) < 64)
		return 2;
	random_state = strtoull(argv[2], NULL, 0);
	for (int i = atoi(argv[3]); i > 0; i--) {
		size_t cut = rnd() % 8 ? (size_t)size : 1 + rnd() % (size_t)size;
		int status;

		memcpy(bytes, original, (size_t)size);
		mutilate(bytes, (size_t)size);
		unlink("/tmp/program");
		fd = open("/tmp/program", O_CREAT | O_WRONLY, 0755);
		if (write(fd, bytes, cut) != (ssize_t)cut)
			return 3;
		close(fd);
		status = run("/tmp/program");
		if (status < 0) {
			printf("BAD fork: %s\n", strerror(errno));
			return 1;
		}
		refused += WIFEXITED(status) && WEXITSTATUS(status) == 126;
		died += WIFSIGNALED(status);
		ran += WIFEXITED(status) && WEXITSTATUS(status) != 126;
	}
	printf("done elfs: %u refused, %u died, %u ran\n", refused, died, ran);
	return 0;
}
