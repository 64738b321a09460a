/* SPDX-License-Identifier: MIT */
/* libs: -lws2_32 -lmswsock */
/* Overlapped sockets: completion ports, APCs, events, AcceptEx, ConnectEx, DisconnectEx, TransmitFile, cancelling.
   wine: does not know TF_DISCONNECT, and ends what is pending at a closed socket with another status */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include "t.h"

static LPFN_ACCEPTEX accept_ex;
static LPFN_CONNECTEX connect_ex;
static LPFN_DISCONNECTEX disconnect_ex;
static LPFN_GETACCEPTEXSOCKADDRS sockaddrs;
static struct sockaddr_in address;
static int address_size = sizeof address;

static void *extension(SOCKET s, GUID id)
{
	void *f = 0;
	DWORD n;

	if (WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &f, sizeof f, &n, 0, 0) != 0)
		printf("extension: error %d\n", WSAGetLastError());
	return f;
}

static SOCKET bound(int type)
{
	SOCKET s = WSASocketA(AF_INET, type, 0, 0, 0, WSA_FLAG_OVERLAPPED);

	memset(&address, 0, sizeof address);
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(s, (struct sockaddr *)&address, sizeof address) != 0)
		printf("bind: error %d\n", WSAGetLastError());
	getsockname(s, (struct sockaddr *)&address, &address_size);
	return s;
}

static void next(HANDLE port, const char *what)
{
	OVERLAPPED *o = 0;
	ULONG_PTR key = 0;
	DWORD n = 0;
	BOOL ok = GetQueuedCompletionStatus(port, &n, &key, &o, 5000);
	DWORD error = GetLastError();

	if (!o)
		printf("%s: nothing, error %lu\n", what, error);
	else
		printf("%s: key %lu, %lu bytes, status %#lx%s\n", what, (unsigned long)key, n, (unsigned long)o->Internal, ok ? "" : " (failed)");
}

static void later(const char *what, BOOL done)
{
	DWORD error = WSAGetLastError();

	printf("%s: %s\n", what, done || error == WSA_IO_PENDING ? "under way" : "failed");
	if (!done && error != WSA_IO_PENDING)
		printf("error %lu\n", error);
}

/* A pair of connected sockets by AcceptEx and ConnectEx, both on the port. */
static void join(HANDLE port, SOCKET *server, SOCKET *client, DWORD first)
{
	static char out[256];
	SOCKET l = bound(SOCK_STREAM), s = WSASocketA(AF_INET, SOCK_STREAM, 0, 0, 0, WSA_FLAG_OVERLAPPED), c = bound(SOCK_STREAM);
	OVERLAPPED o1 = { 0 }, o2 = { 0 };
	struct sockaddr *local, *remote;
	int local_size, remote_size;
	DWORD n = 0;

	getsockname(l, (struct sockaddr *)&address, &address_size);
	NUM(listen(l, 1));
	accept_ex = extension(l, (GUID)WSAID_ACCEPTEX);
	connect_ex = extension(l, (GUID)WSAID_CONNECTEX);
	disconnect_ex = extension(l, (GUID)WSAID_DISCONNECTEX);
	sockaddrs = extension(l, (GUID)WSAID_GETACCEPTEXSOCKADDRS);
	CreateIoCompletionPort((HANDLE)l, port, 1, 0);
	CreateIoCompletionPort((HANDLE)s, port, 2, 0);
	CreateIoCompletionPort((HANDLE)c, port, 3, 0);
	later("accept", accept_ex(l, s, out, first, 32, 32, &n, &o1));
	later("connect", connect_ex(c, (struct sockaddr *)&address, sizeof address, "first", first ? 5 : 0, &n, &o2));
	/* Either may come first. */
	for (int i = 0; i < 2; i++) {
		OVERLAPPED *o = 0;
		ULONG_PTR key = 0;

		n = 0;
		if (!GetQueuedCompletionStatus(port, &n, &key, &o, 5000))
			printf("join: error %lu\n", GetLastError());
	}
	printf("accept: %#lx, %lu bytes; connect: %#lx, %lu bytes\n", (unsigned long)o1.Internal, (unsigned long)o1.InternalHigh, (unsigned long)o2.Internal, (unsigned long)o2.InternalHigh);
	NUM(setsockopt(s, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&l, sizeof l));
	NUM(setsockopt(c, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, 0, 0));
	if (first)
		printf("%.5s\n", out);
	sockaddrs(out, first, 32, 32, &local, &local_size, &remote, &remote_size);
	NUM(local_size == sizeof address && ((struct sockaddr_in *)local)->sin_port == address.sin_port);
	getsockname(c, (struct sockaddr *)&address, &address_size);
	NUM(remote_size == sizeof address && ((struct sockaddr_in *)remote)->sin_port == address.sin_port);
	closesocket(l);
	*server = s;
	*client = c;
}

static void ports(void)
{
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, 1);
	static char big[400000], back[400000];
	char a[16] = "", b[16] = "", none[1];
	OVERLAPPED o[4] = { 0 };
	DWORD n, flags = 0, total = 0;
	SOCKET s, c;
	WSABUF v[2];

	join(port, &s, &c, 16);
	v[0] = (WSABUF){ 3, a };
	v[1] = (WSABUF){ 8, b };
	later("recv", WSARecv(s, v, 2, 0, &flags, &o[0], 0) == 0);
	v[0] = (WSABUF){ 5, "hello" };
	later("send", WSASend(c, v, 1, 0, 0, &o[1], 0) == 0);
	for (int i = 0; i < 2; i++)
		GetQueuedCompletionStatus(port, &n, (ULONG_PTR *)&(ULONG_PTR){ 0 }, &(OVERLAPPED *){ 0 }, 5000);
	printf("%lu %lu, %.3s %.2s\n", (unsigned long)o[0].InternalHigh, (unsigned long)o[1].InternalHigh, a, b);
	/* A receive of nothing says when there is something. */
	v[0] = (WSABUF){ 0, none };
	later("recv of nothing", WSARecv(s, v, 1, 0, &flags, &o[0], 0) == 0);
	NUM(GetQueuedCompletionStatus(port, &n, (ULONG_PTR *)&(ULONG_PTR){ 0 }, &(OVERLAPPED *){ 0 }, 50));
	NUM(send(c, "xyz", 3, 0));
	next(port, "recv of nothing");
	NUM(recv(s, a, 16, 0));
	/* More than is taken at once. */
	for (int i = 0; i < (int)sizeof big; i++)
		big[i] = i * 13 >> 4;
	v[0] = (WSABUF){ sizeof big, big };
	later("big send", WSASend(c, v, 1, 0, 0, &o[1], 0) == 0);
	while (total < sizeof back && (n = recv(s, back + total, sizeof back - total, 0)) > 0 && n != (DWORD)-1)
		total += n;
	NUM(total);
	NUM(memcmp(big, back, sizeof big));
	next(port, "big send");
	/* Two receives are answered in their order. */
	v[0] = (WSABUF){ 4, a };
	later("recv 1", WSARecv(s, v, 1, 0, &flags, &o[0], 0) == 0);
	v[0] = (WSABUF){ 4, b };
	later("recv 2", WSARecv(s, v, 1, 0, &flags, &o[1], 0) == 0);
	NUM(send(c, "abcdefgh", 8, 0));
	next(port, "recv 1");
	next(port, "recv 2");
	printf("%.4s %.4s\n", a, b);
	/* Cancelled; ended by the peer; ended by closing. */
	later("recv", WSARecv(s, v, 1, 0, &flags, &o[0], 0) == 0);
	NUM(CancelIoEx((HANDLE)s, &o[0]));
	next(port, "cancelled");
	later("recv", WSARecv(s, v, 1, 0, &flags, &o[0], 0) == 0);
	later("disconnect", disconnect_ex(c, &o[2], 0, 0));
	n = 0;
	for (int i = 0; i < 2; i++)
		GetQueuedCompletionStatus(port, &n, (ULONG_PTR *)&(ULONG_PTR){ 0 }, &(OVERLAPPED *){ 0 }, 5000);
	printf("recv %#lx %lu, disconnect %#lx\n", (unsigned long)o[0].Internal, (unsigned long)o[0].InternalHigh, (unsigned long)o[2].Internal);
	later("recv", WSARecv(c, v, 1, 0, &flags, &o[0], 0) == 0);
	closesocket(c);
	next(port, "closed");
	closesocket(s);
	join(port, &s, &c, 0);
	closesocket(s);
	closesocket(c);
	CloseHandle(port);
}

static DWORD apc_error = 77, apc_bytes;

static void CALLBACK apc(DWORD error, DWORD n, OVERLAPPED *o, DWORD flags)
{
	apc_error = error;
	apc_bytes = n;
}

static void apcs(void)
{
	SOCKET a = bound(SOCK_DGRAM), b = bound(SOCK_DGRAM);
	struct sockaddr_in from;
	int from_size = sizeof from;
	OVERLAPPED o = { 0 };
	DWORD n = 0, flags = 0;
	char text[32] = "";
	WSABUF v = { sizeof text, text };

	getsockname(a, (struct sockaddr *)&address, &address_size);
	later("recvfrom", WSARecvFrom(a, &v, 1, 0, &flags, (struct sockaddr *)&from, &from_size, &o, apc) == 0);
	NUM(SleepEx(20, TRUE));
	NUM(sendto(b, "datagram", 8, 0, (struct sockaddr *)&address, sizeof address));
	NUM(SleepEx(5000, TRUE));
	NUM(apc_error);
	NUM(apc_bytes);
	puts(text);
	getsockname(b, (struct sockaddr *)&address, &address_size);
	NUM(from_size == sizeof from && from.sin_port == address.sin_port);
	/* An event, and a result that is fetched. */
	memset(&o, 0, sizeof o);
	o.hEvent = CreateEventA(0, TRUE, FALSE, 0);
	later("recv", WSARecv(b, &v, 1, 0, &flags, &o, 0) == 0);
	WAITS(WaitForSingleObject(o.hEvent, 20));
	NUM(WSAGetOverlappedResult(b, &o, &n, FALSE, &flags));
	NUM(WSAGetLastError());
	NUM(sendto(a, "more", 4, 0, (struct sockaddr *)&address, sizeof address));
	WAITS(WaitForSingleObject(o.hEvent, 5000));
	NUM(WSAGetOverlappedResult(b, &o, &n, TRUE, &flags));
	NUM(n);
	/* Longer than there is room for. */
	v.len = 2;
	ResetEvent(o.hEvent);
	later("short recv", WSARecv(b, &v, 1, 0, &flags, &o, 0) == 0);
	sendto(a, "much", 4, 0, (struct sockaddr *)&address, sizeof address);
	WAITS(WaitForSingleObject(o.hEvent, 5000));
	NUM(WSAGetOverlappedResult(b, &o, &n, TRUE, &flags));
	NUM(WSAGetLastError());
	closesocket(a);
	closesocket(b);
}

static void transmit(void)
{
	SOCKET l = bound(SOCK_STREAM), c = socket(AF_INET, SOCK_STREAM, 0), s;
	TRANSMIT_FILE_BUFFERS around = { "<<", 2, ">>", 2 };
	HANDLE f = CreateFileA("sent", GENERIC_READ | GENERIC_WRITE, 0, 0, CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, 0);
	static char block[200000], back[200010];
	DWORD n, total = 0;

	memset(block, 'q', sizeof block);
	block[199999] = 'r';
	WriteFile(f, block, sizeof block, &n, 0);
	SetFilePointer(f, 0, 0, FILE_BEGIN);
	listen(l, 1);
	connect(c, (struct sockaddr *)&address, sizeof address);
	s = accept(l, 0, 0);
	OVERLAPPED o = { .hEvent = CreateEventA(0, TRUE, FALSE, 0) };
	later("transmit", TransmitFile(s, f, 0, 0, &o, &around, TF_DISCONNECT));
	while (total < sizeof back && (n = recv(c, back + total, sizeof back - total, 0)) > 0 && n != (DWORD)-1)
		total += n;
	NUM(total);
	printf("%.3s %.3s\n", back, back + 200001);
	WAITS(WaitForSingleObject(o.hEvent, 5000));
	NUM(o.InternalHigh);
	CloseHandle(f);
	closesocket(c);
	closesocket(s);
	closesocket(l);
}

int main(void)
{
	WSADATA data;

	t_start();
	NUM(WSAStartup(MAKEWORD(2, 2), &data));
	ports();
	apcs();
	transmit();
	return 0;
}
