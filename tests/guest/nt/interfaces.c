/* SPDX-License-Identifier: MIT */
/* The network as a sandbox shows it: Winsock starts, there are IPv4 and IPv6, and the loopback is the only interface. */
/* wine: shows the host's interfaces and makes sockets. */
/* libs: -lws2_32 -liphlpapi */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <iphlpapi.h>
#include "t.h"

static void addresses(IP_ADAPTER_ADDRESSES *a)
{
	for (IP_ADAPTER_UNICAST_ADDRESS *u = a->FirstUnicastAddress; u; u = u->Next) {
		struct sockaddr_in6 *s = (struct sockaddr_in6 *)u->Address.lpSockaddr;

		if (u->Address.lpSockaddr->sa_family == AF_INET)
			printf("  %s/%u\n", inet_ntoa(((struct sockaddr_in *)u->Address.lpSockaddr)->sin_addr), u->OnLinkPrefixLength);
		else
			printf("  ::%u/%u\n", s->sin6_addr.s6_addr[15], u->OnLinkPrefixLength);
	}
}

int main(void)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX };
	char buffer[8192];
	IP_ADAPTER_ADDRESSES *a = (void *)buffer;
	MIB_IFROW row = { .dwIndex = 1 };
	ULONG size = 0, tcp = sizeof buffer;
	WSADATA data;

	t_start();
	printf("started %d\n", WSAStartup(0x202, &data));
	for (int i = 0; i < 3; i++) {
		SOCKET s = socket(families[i], SOCK_STREAM, 0);

		printf("socket %d, error %d\n", s != INVALID_SOCKET, WSAGetLastError());
	}
	printf("how much: %lu\n", GetAdaptersAddresses(AF_UNSPEC, 0, 0, 0, &size));
	printf("addresses: %lu\n", GetAdaptersAddresses(AF_UNSPEC, 0, 0, a, &size));
	for (; a; a = a->Next) {
		printf("%ls: type %lu, up %d\n", a->FriendlyName, a->IfType, a->OperStatus == IfOperStatusUp);
		addresses(a);
	}
	printf("row %lu %s\n", GetIfEntry(&row), row.bDescr);
	row.dwIndex = 2;
	printf("no row: %d\n", GetIfEntry(&row) != 0);
	printf("connections: %lu", GetTcpTable((void *)buffer, &tcp, TRUE));
	printf(", %lu\n", *(ULONG *)buffer);
	return 0;
}
