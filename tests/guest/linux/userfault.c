/* SPDX-License-Identifier: MIT */
/* tests/guest/linux/userfault.c - pages that a thread brings: by touch, in a system call, write-protected ones. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define PAGES 64

static int uffd;
static char *area;
static volatile int told, writes, protects;

static void *server(void *unused)
{
	static char page[PAGE] __attribute__((aligned(4096)));

	for (;;) {
		struct pollfd p = { uffd, POLLIN };
		struct uffd_msg m;
		unsigned long at;

		poll(&p, 1, -1);
		if (read(uffd, &m, sizeof m) != sizeof m)
			continue;
		at = m.arg.pagefault.address & ~(PAGE - 1);
		told++;
		writes += m.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WRITE ? 1 : 0;
		if (m.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
			struct uffdio_writeprotect w = { { at, PAGE }, 0 };

			protects++;
			ioctl(uffd, UFFDIO_WRITEPROTECT, &w);
		} else if ((at - (unsigned long)area) / PAGE % 4 == 3) {
			struct uffdio_zeropage z = { { at, PAGE }, 0 };

			ioctl(uffd, UFFDIO_ZEROPAGE, &z);
		} else {
			struct uffdio_copy c = { at, (unsigned long)page, PAGE, 0 };

			memset(page, 'A' + (at - (unsigned long)area) / PAGE % 26, PAGE);
			ioctl(uffd, UFFDIO_COPY, &c);
		}
	}
	return NULL;
}

static int settle(void)
{
	usleep(1000);
	return told;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg;
	struct uffdio_range range;
	struct uffdio_copy c;
	pthread_t t;
	int fds[2], good = 1, status;
	char buf[PAGE];

	setvbuf(stdout, NULL, _IONBF, 0);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */ | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) {
		printf("none\n");
		return 0;
	}
	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(area, PAGES * PAGE, MADV_NOHUGEPAGE);
	area[5 * PAGE] = 'z';
	reg = (struct uffdio_register){ { (unsigned long)area, PAGES * PAGE }, UFFDIO_REGISTER_MODE_MISSING };
	printf("register %d\n", ioctl(uffd, UFFDIO_REGISTER, &reg));
	pthread_create(&t, NULL, server, NULL);
	printf("touch %c %c %d %c told %d\n", area[0], area[2 * PAGE + 7], area[3 * PAGE], area[5 * PAGE], settle());
	area[8 * PAGE] = '!';
	printf("write %c%c writes %d\n", area[8 * PAGE], area[8 * PAGE + 1], writes);
	c = (struct uffdio_copy){ (unsigned long)area, (unsigned long)buf & ~(PAGE - 1), PAGE, 0 };
	printf("there already %d %lld\n", ioctl(uffd, UFFDIO_COPY, &c) ? errno : 0, (long long)c.copy);
	for (int i = 16; i < PAGES; i++)
		good &= area[i * PAGE + 99] == (i % 4 == 3 ? 0 : 'A' + i % 26);
	printf("all %d told %d\n", good, settle());
	madvise(area + 16 * PAGE, PAGE, MADV_DONTNEED);
	printf("again %c told %d\n", area[16 * PAGE], settle());
	printf("protect %d", mprotect(area + 9 * PAGE, 2 * PAGE, PROT_READ));
	printf(" %c %c\n", area[9 * PAGE], area[10 * PAGE]);
	if (fork() == 0)
		_exit(area[11 * PAGE] == 0 && area[0] == 'A');
	wait(&status);
	printf("child %d\n", WEXITSTATUS(status));
	range = (struct uffdio_range){ (unsigned long)area, PAGES * PAGE };
	printf("unregister %d %d\n", ioctl(uffd, UFFDIO_UNREGISTER, &range), area[12 * PAGE]);
	status = told;
	printf("quiet %d\n", settle() == status);
	(void)fds;
	return 0;
}
