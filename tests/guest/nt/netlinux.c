/* SPDX-License-Identifier: MIT */
/* libs: -lws2_32 */
/* A Linux program of the same sandbox and a Windows server speak to each other.
   wine: does not wait for Linux programs */
#include <winsock2.h>
#include "t.h"

int main(void)
{
	struct sockaddr_in a = { 0 };
	int size = sizeof a, n;
	PROCESS_INFORMATION pi;
	STARTUPINFOA si = { .cb = sizeof si };
	char line[300], buf[100];
	WSADATA data;
	SOCKET l, s;

	t_start();
	WSAStartup(MAKEWORD(2, 2), &data);
	l = socket(AF_INET, SOCK_STREAM, 0);
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(l, (struct sockaddr *)&a, sizeof a);
	getsockname(l, (struct sockaddr *)&a, &size);
	NUM(listen(l, 1));
	snprintf(line, sizeof line, "bash -c \"exec 3<>/dev/tcp/127.0.0.1/%d; echo from Linux >&3; read x <&3; echo \\\"$x, it says\\\" >&3; exec 3>&-\"", ntohs(a.sin_port));
	if (!OK(CreateProcessA("Z:\\bin\\bash", line, 0, 0, FALSE, 0, 0, 0, &si, &pi)))
		return 1;
	s = accept(l, 0, 0);
	n = recv(s, buf, sizeof buf, 0);
	printf("%.*s", n > 0 ? n : 0, buf);
	NUM(send(s, "from Windows\n", 13, 0));
	n = recv(s, buf, sizeof buf, 0);
	printf("%.*s", n > 0 ? n : 0, buf);
	NUM(recv(s, buf, sizeof buf, 0));
	NUM(t_reap(pi.hProcess));
	return 0;
}
