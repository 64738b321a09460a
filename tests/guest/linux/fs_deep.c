/* SPDX-License-Identifier: MIT */
/* covers: folders 200 deep in a folder of the host, known and when what is known of them has grown old */
/* flags: -v /tmp:/tmp */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void look(const char *path)
{
	char missing[1000];
	int fd = open(path, O_RDONLY | O_DIRECTORY);

	printf("%zu: %s", strlen(path), fd >= 0 ? "there" : strerror(errno));
	close(fd);
	snprintf(missing, sizeof missing, "%s/x/y", path);
	printf(", below it %s\n", open(missing, O_RDONLY) < 0 ? strerror(errno) : "something");
}

int main(void)
{
	char top[] = "/tmp/deep.XXXXXX", path[900] = ".", command[64];

	if (mkdtemp(top) == NULL || chdir(top) != 0)
		return 1;
	for (int n = 0; n < 200; n++) {
		strcat(path, "/d");
		if (mkdir(path, 0700) != 0)
			perror(path);
	}
	look(path);
	sleep(2);
	look(path);
	for (int n = 80; n < 110; n += 2) {
		path[n * 2 + 1] = '\0';
		if (n == 92)
			sleep(2);
		look(path);
		path[n * 2 + 1] = '/';
	}
	sprintf(command, "rm -rf %s", top);
	return system(command);
}
