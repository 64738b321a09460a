/* SPDX-License-Identifier: MIT */
/* libs: -lws2_32 */
/* Sockets: TCP and UDP over both families, select and WSAPoll, options, errors, names.
   wine: has no options to keep alive; hands on Linux' errors of a second connect, and of a send that is not connected */
#include <winsock2.h>
#include <ws2tcpip.h>
#include "t.h"

#define WSA(call) t_wsa(#call, (call))

static int t_wsa(const char *what, int result)
{
	if (result == SOCKET_ERROR)
		printf("%s: error %d\n", what, WSAGetLastError());
	else
		printf("%s: %d\n", what, result);
	WSASetLastError(0);
	return result;
}

static struct sockaddr_storage address;
static int address_size;

static SOCKET bound(int family, int type)
{
	SOCKET s = socket(family, type, 0);

	memset(&address, 0, sizeof address);
	address.ss_family = family;
	address_size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	if (family == AF_INET)
		((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)&address)->sin6_addr = in6addr_loopback;
	WSA(bind(s, (struct sockaddr *)&address, address_size));
	WSA(getsockname(s, (struct sockaddr *)&address, &address_size));
	return s;
}

static DWORD WINAPI echo(void *arg)
{
	SOCKET l = (SOCKET)arg, s = accept(l, 0, 0);
	char buf[4096];
	int n;

	while ((n = recv(s, buf, sizeof buf, 0)) > 0)
		send(s, buf, n, 0);
	closesocket(s);
	return 0;
}

static int all(SOCKET s, char *to, int size)
{
	int done = 0, n;

	while (done < size && (n = recv(s, to + done, size - done, 0)) > 0)
		done += n;
	return done;
}

static void tcp(int family)
{
	static char big[100000], back[100000];
	SOCKET l = bound(family, SOCK_STREAM), s = socket(family, SOCK_STREAM, IPPROTO_TCP);
	struct sockaddr_storage name;
	int size = sizeof name, same;
	HANDLE t;

	WSA(listen(l, 5));
	t = CreateThread(0, 0, echo, (void *)l, 0, 0);
	WSA(connect(s, (struct sockaddr *)&address, address_size));
	WSA(getpeername(s, (struct sockaddr *)&name, &size));
	same = memcmp(&name, &address, size);
	NUM(same);
	WSA(send(s, "hello", 5, 0));
	WSA(all(s, back, 5));
	printf("%.5s\n", back);
	for (int i = 0; i < (int)sizeof big; i++)
		big[i] = i * 7 >> 3;
	WSA(send(s, big, sizeof big, 0));
	WSA(all(s, back, sizeof back));
	same = memcmp(big, back, sizeof big);
	NUM(same);
	WSA(shutdown(s, SD_SEND));
	WSA(recv(s, back, 1, 0));
	WSA(send(s, "x", 1, 0));
	WaitForSingleObject(t, 10000);
	WSA(closesocket(s));
	WSA(closesocket(l));
	WSA(closesocket(l));
}

static int chosen(SOCKET s, int ms, const char *what)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	fd_set r, w, e;
	int n;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&e);
	FD_SET(s, &r);
	FD_SET(s, &w);
	FD_SET(s, &e);
	n = select(0, strchr(what, 'r') ? &r : 0, strchr(what, 'w') ? &w : 0, strchr(what, 'e') ? &e : 0, &tv);
	printf("select %s: %d%s%s%s\n", what, n, n > 0 && strchr(what, 'r') && FD_ISSET(s, &r) ? " read" : "", n > 0 && strchr(what, 'w') && FD_ISSET(s, &w) ? " write" : "",
		n > 0 && strchr(what, 'e') && FD_ISSET(s, &e) ? " except" : "");
	return n;
}

static DWORD WINAPI late(void *arg)
{
	Sleep(50);
	send((SOCKET)arg, "late", 4, 0);
	return 0;
}

static void selects(void)
{
	SOCKET l = bound(AF_INET, SOCK_STREAM), s = socket(AF_INET, SOCK_STREAM, 0), c;
	u_long on = 1;
	char buf[8];
	WSAPOLLFD p = { 0 };

	WSA(listen(l, 5));
	chosen(l, 10, "r");
	WSA(ioctlsocket(s, FIONBIO, &on));
	if (connect(s, (struct sockaddr *)&address, address_size) != 0)
		printf("connect: %d\n", WSAGetLastError());
	chosen(s, 1000, "w");
	chosen(l, 1000, "r");
	c = accept(l, 0, 0);
	chosen(s, 20, "r");
	CloseHandle(CreateThread(0, 0, late, (void *)c, 0, 0));
	chosen(s, 5000, "re");
	WSA(recv(s, buf, 8, 0));
	WSA(recv(s, buf, 8, 0));
	p.fd = s;
	p.events = POLLRDNORM | POLLWRNORM;
	WSA(WSAPoll(&p, 1, 100));
	HEX(p.revents);
	WSA(closesocket(c));
	chosen(s, 1000, "r");
	WSA(WSAPoll(&p, 1, 1000));
	HEX(p.revents);
	WSA(recv(s, buf, 8, 0));
	closesocket(s);
	/* Nobody listens there any more. */
	closesocket(l);
	s = socket(AF_INET, SOCK_STREAM, 0);
	WSA(connect(s, (struct sockaddr *)&address, address_size));
	WSA(ioctlsocket(s, FIONBIO, &on));
	if (connect(s, (struct sockaddr *)&address, address_size) != 0)
		printf("connect: %d\n", WSAGetLastError());
	chosen(s, 5000, "we");
	closesocket(s);
}

static void udp(int family)
{
	SOCKET a = bound(family, SOCK_DGRAM), b = socket(family, SOCK_DGRAM, IPPROTO_UDP);
	struct sockaddr_storage from;
	int size = sizeof from;
	DWORD ms = 50;
	char buf[100];

	WSA(sendto(b, "one", 3, 0, (struct sockaddr *)&address, address_size));
	WSA(sendto(b, "second", 6, 0, (struct sockaddr *)&address, address_size));
	WSA(recvfrom(a, buf, sizeof buf, 0, (struct sockaddr *)&from, &size));
	NUM(size);
	WSA(recvfrom(a, buf, 3, 0, 0, 0));
	WSA(sendto(a, "back", 4, 0, (struct sockaddr *)&from, size));
	WSA(recv(b, buf, sizeof buf, 0));
	WSA(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, (char *)&ms, sizeof ms));
	WSA(recv(a, buf, sizeof buf, 0));
	WSA(connect(b, (struct sockaddr *)&address, address_size));
	WSA(send(b, "third", 5, 0));
	WSA(recv(a, buf, sizeof buf, 0));
	closesocket(a);
	closesocket(b);
}

static void options(void)
{
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
	struct linger l = { 1, 7 };
	int value = 1, size = sizeof value;

	WSA(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (char *)&value, sizeof value));
	value = 0;
	WSA(getsockopt(s, IPPROTO_TCP, TCP_NODELAY, (char *)&value, &size));
	NUM(value);
	value = 1;
	WSA(setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, (char *)&value, sizeof value));
	WSA(setsockopt(s, SOL_SOCKET, SO_LINGER, (char *)&l, sizeof l));
	memset(&l, 0, sizeof l);
	size = sizeof l;
	WSA(getsockopt(s, SOL_SOCKET, SO_LINGER, (char *)&l, &size));
	NUM(l.l_onoff);
	NUM(l.l_linger);
	value = 12345;
	WSA(setsockopt(s, SOL_SOCKET, SO_RCVBUF, (char *)&value, sizeof value));
	size = sizeof value;
	WSA(getsockopt(s, SOL_SOCKET, SO_RCVBUF, (char *)&value, &size));
	NUM(value);
	WSA(getsockopt(s, SOL_SOCKET, SO_TYPE, (char *)&value, &size));
	NUM(value);
	WSA(getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&value, &size));
	NUM(value);
	value = 77;
	WSA(setsockopt(s, IPPROTO_IP, IP_TTL, (char *)&value, sizeof value));
	value = 0;
	WSA(getsockopt(s, IPPROTO_IP, IP_TTL, (char *)&value, &size));
	NUM(value);
	closesocket(s);
	s = socket(AF_INET6, SOCK_STREAM, 0);
	WSA(getsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, (char *)&value, &size));
	NUM(value);
	closesocket(s);
}

/* Keeping alive: seconds, seconds, how often; no values of a datagram socket's or of a handle's. */
static void keepalive(void)
{
	static const int names[] = { 3 /* TCP_KEEPALIVE */, 17 /* TCP_KEEPINTVL */, 16 /* TCP_KEEPCNT */ };
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_INET, SOCK_DGRAM, 0);
	DWORD value;
	int size;

	for (int i = 0; i < 3; i++) {
		value = 5 + i;
		WSA(setsockopt(s, IPPROTO_TCP, names[i], (char *)&value, sizeof value));
		value = 0;
		size = sizeof value;
		WSA(getsockopt(s, IPPROTO_TCP, names[i], (char *)&value, &size));
		NUM(value);
		NUM(size);
		WSA(setsockopt(s, IPPROTO_TCP, names[i], (char *)&value, 2));
		NUM(setsockopt(u, IPPROTO_TCP, names[i], (char *)&value, sizeof value) == SOCKET_ERROR);
		WSA(setsockopt((SOCKET)GetCurrentProcess(), IPPROTO_TCP, names[i], (char *)&value, sizeof value));
	}
	value = 0;
	size = sizeof value;
	WSA(getsockopt(s, SOL_SOCKET, SO_KEEPALIVE, (char *)&value, &size));
	NUM(value);
	closesocket(s);
	closesocket(u);
}

static void errors(void)
{
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0), u, other;
	char buf[4];

	WSA(recv(s, buf, 4, 0));
	WSA(send(s, buf, 4, 0));
	WSA(listen(s, 1));
	WSA(getsockname(s, (struct sockaddr *)&address, &address_size));
	WSA(shutdown(s, SD_SEND));
	NUM(accept(s, 0, 0) == INVALID_SOCKET);
	NUM(WSAGetLastError());
	u = bound(AF_INET, SOCK_DGRAM);
	WSA(listen(u, 1));
	closesocket(u);
	NUM(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP) == INVALID_SOCKET);
	NUM(WSAGetLastError());
	NUM(socket(1234, SOCK_STREAM, 0) == INVALID_SOCKET);
	NUM(WSAGetLastError());
	closesocket(s);
	s = bound(AF_INET, SOCK_STREAM);
	WSA(listen(s, 1));
	other = socket(AF_INET, SOCK_STREAM, 0);
	WSA(bind(other, (struct sockaddr *)&address, address_size));
	WSA(bind(s, (struct sockaddr *)&address, address_size));
	closesocket(s);
	closesocket(other);
	WSA(closesocket((SOCKET)GetCurrentProcess()));
	WSA(recv(0x1234, buf, 4, 0));
}

static void names(void)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list = 0;
	struct hostent *h = gethostbyname("localhost");
	char name[256] = "";

	printf("%s\n", h ? inet_ntoa(*(struct in_addr *)h->h_addr) : "none");
	NUM(getaddrinfo("localhost", "80", &hints, &list));
	if (list) {
		struct sockaddr_in *in = (struct sockaddr_in *)list->ai_addr;

		printf("%s %d\n", inet_ntoa(in->sin_addr), ntohs(in->sin_port));
		NUM(getnameinfo(list->ai_addr, (int)list->ai_addrlen, name, sizeof name, 0, 0, NI_NUMERICHOST));
		puts(name);
		freeaddrinfo(list);
	}
	NUM(getaddrinfo("no.such.name.invalid", "80", &hints, &list));
	NUM(getaddrinfo("127.0.0.1", "https", &hints, &list));
	NUM(list ? ntohs(((struct sockaddr_in *)list->ai_addr)->sin_port) : 0);
	NUM(getprotobyname("TCP") ? getprotobyname("TCP")->p_proto : -1);
	NUM(getservbyname("http", "tcp") ? ntohs(getservbyname("http", "tcp")->s_port) : -1);
	printf("%s\n", getservbyport(htons(53), "udp") ? getservbyport(htons(53), "udp")->s_name : "none");
	hints.ai_socktype = 999;
	NUM(getaddrinfo("127.0.0.1", "80", &hints, &list));
}

int main(void)
{
	WSADATA data;

	t_start();
	NUM(WSAStartup(MAKEWORD(2, 2), &data));
	tcp(AF_INET);
	tcp(AF_INET6);
	selects();
	udp(AF_INET);
	udp(AF_INET6);
	options();
	keepalive();
	errors();
	names();
	WSACleanup();
	return 0;
}
