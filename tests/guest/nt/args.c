/* SPDX-License-Identifier: MIT */
/* Command lines as the C run-time splits them, and as the system hands them on. */
#include "t.h"
#include <shellapi.h>

static const char *const lines[] = {
	"a b c", "\"a b\" c", "a\\b \"c\\\\\" d", "\"a\\\"b\" c", "a\\\\\\\"b c", "a\"b c\"d e", "  x\t y  ", "\"\" z", "a'b c'", "\"unclosed end",
	"*.none", "%PATH%", "a^b &c |d <e >f",
};

static int child(int argc, char **argv)
{
	LPWSTR all = GetCommandLineW(), rest;
	int n = 0;
	LPWSTR *wide = CommandLineToArgvW(all, &n);

	rest = all + 1;
	while (*rest != '"')
		rest++;
	printf("<%ls>", rest + 2);
	for (int i = 2; i < argc; i++)
		printf(" [%s]", argv[i]);
	printf(" %s\n", n == argc && wide && (argc < 3 || wcslen(wide[2]) == strlen(argv[2])) ? "same" : "differs");
	return argc;
}

int main(int argc, char **argv)
{
	t_start();
	if (argc > 1 && !strcmp(argv[1], "child"))
		return child(argc, argv);
	for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
		char args[200];

		snprintf(args, sizeof args, "child %s", lines[i]);
		printf(" -> %lu\n", t_reap(t_again(args)));
	}
	return 0;
}
