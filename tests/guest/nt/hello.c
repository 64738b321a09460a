/* SPDX-License-Identifier: MIT */
/* args: one "two words" "" last\ */
/* exit: 42 */
/* Output through the C run-time's text mode, arguments, the exit code. */
#include <stdio.h>

int main(int argc, char **argv)
{
	int n = printf("Hello, world\n");

	for (int i = 1; i < argc; i++)
		printf("%d: <%s>\n", i, argv[i]);
	printf("%d %5.2f %-5s| %08x %lld %p\n", n, 3.14159, "ab", 0xbeefu, -1234567890123456789ll, (void *)0x1234);
	fprintf(stderr, "to stderr\n");
	return 42;
}
