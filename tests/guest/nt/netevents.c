/* SPDX-License-Identifier: MIT */
/* libs: -lws2_32 */
/* WSAEventSelect, sockets in child processes (inherited, and duplicated by WSADuplicateSocket), polls that others end.
   wine: forgets a reset that it has told by other ways */
#include <winsock2.h>
#include <ws2tcpip.h>
#include "t.h"

static struct sockaddr_in address;
static int address_size = sizeof address;

static SOCKET listener(void)
{
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);

	memset(&address, 0, sizeof address);
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(s, (struct sockaddr *)&address, sizeof address);
	getsockname(s, (struct sockaddr *)&address, &address_size);
	NUM(listen(s, 5));
	return s;
}

static SOCKET joined(void)
{
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);

	NUM(connect(s, (struct sockaddr *)&address, sizeof address));
	return s;
}

static void happened(const char *what, SOCKET s, HANDLE event)
{
	WSANETWORKEVENTS n = { 0 };
	DWORD got = WaitForSingleObject(event, 5000);

	WSAEnumNetworkEvents(s, event, &n);
	printf("%s: %s %#lx\n", what, got == WAIT_OBJECT_0 ? "told" : "nothing", n.lNetworkEvents);
	for (int i = 0; i < FD_MAX_EVENTS; i++)
		if (n.iErrorCode[i] && (n.lNetworkEvents & 1 << i))
			printf("  error %d: %d\n", i, n.iErrorCode[i]);
}

static void quiet(const char *what, HANDLE event)
{
	printf("%s: %s\n", what, WaitForSingleObject(event, 30) == WAIT_TIMEOUT ? "quiet" : "told");
}

static void events(void)
{
	HANDLE le = WSACreateEvent(), ce = WSACreateEvent(), se = WSACreateEvent();
	SOCKET l = listener(), c = socket(AF_INET, SOCK_STREAM, 0), s;
	char buf[100];

	NUM(WSAEventSelect(l, le, FD_ACCEPT));
	NUM(WSAEventSelect(c, ce, FD_CONNECT | FD_READ | FD_WRITE | FD_CLOSE));
	quiet("listener", le);
	quiet("client", ce);
	if (connect(c, (struct sockaddr *)&address, sizeof address) != 0)
		printf("connect: %d\n", WSAGetLastError());
	happened("accept", l, le);
	happened("connect", c, ce);
	s = accept(l, 0, 0);
	NUM(s != INVALID_SOCKET);
	NUM(WSAEventSelect(s, se, FD_READ | FD_CLOSE | FD_WRITE));
	happened("write", s, se);
	NUM(send(s, "hello", 5, 0));
	happened("read", c, ce);
	quiet("read again", ce);
	NUM(recv(c, buf, 2, 0));
	happened("more to read", c, ce);
	NUM(recv(c, buf, 100, 0));
	NUM(recv(c, buf, 100, 0));
	NUM(WSAGetLastError());
	quiet("read all", ce);
	NUM(closesocket(c));
	happened("close", s, se);
	NUM(recv(s, buf, 1, 0));
	NUM(WSAEventSelect(s, 0, 0));
	closesocket(s);
	/* Refused. */
	closesocket(l);
	c = socket(AF_INET, SOCK_STREAM, 0);
	NUM(WSAEventSelect(c, ce, FD_CONNECT));
	if (connect(c, (struct sockaddr *)&address, sizeof address) != 0)
		printf("connect: %d\n", WSAGetLastError());
	happened("refused", c, ce);
	closesocket(c);
	CloseHandle(le);
	CloseHandle(ce);
	CloseHandle(se);
}

/* The child has the listener by inheritance and serves one client, then the parent does. */
static void inherited(void)
{
	SOCKET l = listener(), c, s;
	char args[64], buf[64] = "";
	HANDLE child;

	sprintf(args, "serve %llu", (unsigned long long)l);
	child = t_again(args);
	c = joined();
	NUM(recv(c, buf, sizeof buf, 0));
	puts(buf);
	closesocket(c);
	NUM(t_reap(child));
	/* It is still ours. */
	c = joined();
	s = accept(l, 0, 0);
	NUM(s != INVALID_SOCKET);
	closesocket(s);
	closesocket(c);
	closesocket(l);
}

static void serve(SOCKET l)
{
	SOCKET s = accept(l, 0, 0);

	if (s == INVALID_SOCKET)
		printf("accept: error %d\n", WSAGetLastError());
	send(s, "from the child", 15, 0);
	shutdown(s, SD_SEND);
	closesocket(s);
}

/* Both have requests on one socket: each gets what it asked for. */
static void shared(void)
{
	SOCKET l = listener(), c = joined(), s = accept(l, 0, 0);
	char args[64], buf[8] = "";
	OVERLAPPED o = { .hEvent = CreateEventA(0, TRUE, FALSE, 0) };
	WSABUF v = { 4, buf };
	DWORD flags = 0, n = 0;
	HANDLE child, ready, said = CreateEventA(0, TRUE, FALSE, "bailey-net-said");

	ready = CreateEventA(0, TRUE, FALSE, "bailey-net-ready");
	sprintf(args, "share %llu", (unsigned long long)s);
	NUM(WSARecv(s, &v, 1, 0, &flags, &o, 0));
	NUM(WSAGetLastError());
	child = t_again(args);
	WAITS(WaitForSingleObject(ready, 20000));
	Sleep(50);
	NUM(send(c, "minechil", 8, 0));
	WAITS(WaitForSingleObject(o.hEvent, 5000));
	printf("%.4s\n", buf);
	fflush(stdout);
	SetEvent(said);
	NUM(t_reap(child));
	/* A child that ends with a request under way takes it along. */
	ResetEvent(ready);
	sprintf(args, "leave %llu", (unsigned long long)s);
	child = t_again(args);
	NUM(t_reap(child));
	NUM(WSARecv(s, &v, 1, 0, &flags, &o, 0));
	NUM(send(c, "last", 4, 0));
	WAITS(WaitForSingleObject(o.hEvent, 5000));
	printf("%.4s\n", buf);
	closesocket(c);
	closesocket(s);
	closesocket(l);
}

static void share(SOCKET s, BOOL leave)
{
	OVERLAPPED o = { .hEvent = CreateEventA(0, TRUE, FALSE, 0) };
	HANDLE ready = OpenEventA(EVENT_MODIFY_STATE, FALSE, "bailey-net-ready");
	char buf[8] = "";
	WSABUF v = { 4, buf };
	DWORD flags = 0;

	WSARecv(s, &v, 1, 0, &flags, &o, 0);
	SetEvent(ready);
	if (leave)
		TerminateProcess(GetCurrentProcess(), 9);
	WaitForSingleObject(o.hEvent, 20000);
	WaitForSingleObject(CreateEventA(0, TRUE, FALSE, "bailey-net-said"), 20000); /* one prints after the other */
	printf("child: %.4s\n", buf);
}

static void duplicated(void)
{
	WSAPROTOCOL_INFOA info;
	SOCKET l = listener(), d;
	SOCKET c, s;

	NUM(WSADuplicateSocketA(l, GetCurrentProcessId(), &info));
	d = WSASocketA(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, 0);
	NUM(d != INVALID_SOCKET && d != l);
	closesocket(l);
	c = joined();
	s = accept(d, 0, 0);
	NUM(s != INVALID_SOCKET);
	closesocket(s);
	closesocket(c);
	closesocket(d);
}

static DWORD WINAPI closer(void *arg)
{
	Sleep(50);
	closesocket((SOCKET)arg);
	return 0;
}

static void closed(void)
{
	SOCKET l = listener(), c = joined(), s = accept(l, 0, 0);
	char buf[4];
	fd_set r;

	FD_ZERO(&r);
	FD_SET(s, &r);
	CloseHandle(CreateThread(0, 0, closer, (void *)c, 0, 0));
	NUM(select(0, &r, 0, 0, 0));
	NUM(recv(s, buf, 4, 0));
	/* A reset: it is closed with something unread. */
	c = joined();
	closesocket(s);
	s = accept(l, 0, 0);
	NUM(send(c, "xxxx", 4, 0));
	Sleep(20);
	closesocket(s);
	Sleep(20);
	NUM(recv(c, buf, 4, 0));
	NUM(WSAGetLastError());
	NUM(send(c, buf, 4, 0));
	NUM(WSAGetLastError());
	closesocket(c);
	closesocket(l);
}

int main(int argc, char **argv)
{
	WSADATA data;

	t_start();
	WSAStartup(MAKEWORD(2, 2), &data);
	if (argc > 2) {
		SOCKET s = strtoull(argv[2], 0, 10);

		if (!strcmp(argv[1], "serve"))
			serve(s);
		else
			share(s, !strcmp(argv[1], "leave"));
		return 0;
	}
	events();
	inherited();
	shared();
	duplicated();
	closed();
	return 0;
}
