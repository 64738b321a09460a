/* SPDX-License-Identifier: MIT */
/* Interfaces where a network was granted: eth0 as Linux programs see it, its gateway, the name server. */
/* wine: shows the host's interfaces. */
/* libs: -lws2_32 -liphlpapi */
/* flags: --net allow:dns */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <iphlpapi.h>
#include "t.h"

static char buffer[16384];

static void show(const char *what, const SOCKET_ADDRESS *a, int bits)
{
	char text[64] = "?";
	DWORD size = sizeof text;

	WSAAddressToStringA(a->lpSockaddr, a->iSockaddrLength, 0, text, &size);
	printf("  %s %s/%d\n", what, text, bits);
}

static void adapter(const IP_ADAPTER_ADDRESSES *a)
{
	printf("%ls: index %lu, type %lu, mtu %lu, up %d, physical address of %lu bytes\n", a->FriendlyName, a->IfIndex, a->IfType, a->Mtu, a->OperStatus == IfOperStatusUp,
		a->PhysicalAddressLength);
	for (IP_ADAPTER_UNICAST_ADDRESS *u = a->FirstUnicastAddress; u; u = u->Next)
		show("address", &u->Address, u->OnLinkPrefixLength);
	for (IP_ADAPTER_GATEWAY_ADDRESS *g = a->FirstGatewayAddress; g; g = g->Next)
		show("gateway", &g->Address, 0);
	for (IP_ADAPTER_DNS_SERVER_ADDRESS *d = a->FirstDnsServerAddress; d; d = d->Next)
		show("name server", &d->Address, 0);
}

static void routes(void)
{
	MIB_IPFORWARDROW row;
	DWORD index = 0, count;
	ULONG size = sizeof buffer;

	NUM(GetBestInterface(inet_addr("203.0.113.9"), &index));
	NUM(index);
	NUM(GetBestRoute(inet_addr("203.0.113.9"), 0, &row));
	printf("by %s\n", inet_ntoa(*(struct in_addr *)&row.dwForwardNextHop));
	NUM(GetBestInterface(inet_addr("127.0.0.1"), &index));
	NUM(index);
	NUM(GetNumberOfInterfaces(&count));
	NUM(count);
	NUM(GetIpAddrTable((void *)buffer, &size, TRUE));
	NUM(*(DWORD *)buffer);
	size = sizeof buffer;
	NUM(GetIpForwardTable((void *)buffer, &size, TRUE));
	NUM(*(DWORD *)buffer);
}

int main(void)
{
	IP_ADAPTER_ADDRESSES *a = (void *)buffer;
	INTERFACE_INFO info[8];
	ULONG size = sizeof buffer;
	DWORD got = 0;
	WSADATA data;
	SOCKET s;

	t_start();
	WSAStartup(0x202, &data);
	NUM(GetAdaptersAddresses(AF_UNSPEC, GAA_FLAG_INCLUDE_GATEWAYS, 0, a, &size));
	for (; a; a = a->Next)
		adapter(a);
	routes();
	s = socket(AF_INET, SOCK_DGRAM, 0);
	NUM(WSAIoctl(s, SIO_GET_INTERFACE_LIST, 0, 0, info, sizeof info, &got, 0, 0));
	for (int i = 0; i < got / sizeof *info; i++)
		printf("%s, flags %lx\n", inet_ntoa(info[i].iiAddress.AddressIn.sin_addr), info[i].iiFlags);
	return 0;
}
