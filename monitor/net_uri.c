/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_uri.c - URIs of streams that lead to the network, as abi/net.h says.
 *
 * The text is a guest's: nothing is taken that is not understood to its end.
 */
#include <string.h>
#include <strings.h>

#include "monitor/monitor.h"
#include "monitor/net.h"

static const struct {
	const char *scheme;
	enum net_kind kind;
	enum net_proto proto;
} schemes[] = {
	{ "tcp.client:", NET_CLIENT, NET_TCP }, { "tcp.server:", NET_SERVER, NET_TCP }, { "udp:", NET_BOUND, NET_UDP },
	{ "udp.client:", NET_CLIENT, NET_UDP }, { "dns:", NET_DNS, NET_UDP },
};

static const struct {
	const char *name;
	uint32_t size;
	bool settable;
} options[] = {
#define X(name, level, number, size, may) { #name, size, (may)[0] == 'r' && (may)[1] == 'w' },
	DK_SOCKET_OPTIONS(X)
#undef X
};

static const struct {
	const char *name;
	uint16_t type;
} types[] = { { "a", 1 }, { "ns", 2 }, { "cname", 5 }, { "soa", 6 }, { "ptr", 12 }, { "mx", 15 }, { "txt", 16 }, { "aaaa", 28 }, { "srv", 33 } };

static int scheme_of(const char *uri)
{
	for (unsigned i = 0; i < ARRAY_LEN(schemes); i++)
		if (!strncmp(uri, schemes[i].scheme, strlen(schemes[i].scheme)))
			return (int)i;
	return -1;
}

bool net_uri_is(const char *uri)
{
	return scheme_of(uri) >= 0;
}

/* key= at *at: moves behind it. */
static bool take_key(const char **at, const char *key)
{
	size_t n = strlen(key);

	if (strncmp(*at, key, n) != 0 || (*at)[n] != '=')
		return false;
	*at += n + 1;
	return true;
}

static bool take_option(const char **at, struct net_ask *out)
{
	size_t n = strcspn(*at, "=");
	struct net_option *o = &out->options[out->option_count];
	uint32_t value;

	if (out->option_count == NET_OPTIONS_MAX || (*at)[n] != '=')
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(options); i++) {
		if (strlen(options[i].name) != n || strncasecmp(options[i].name, *at, n) != 0)
			continue;
		*at += n + 1;
		if (options[i].size != sizeof o->value || !options[i].settable || !net_take_number(at, INT32_MAX, &value))
			return false;
		*o = (struct net_option){ (uint8_t)i, (int32_t)value };
		out->option_count++;
		return true;
	}
	return false;
}

static bool take_flag(const char **at, bool *out)
{
	uint32_t value;

	if (!net_take_number(at, 1, &value))
		return false;
	*out = value != 0;
	return true;
}

static bool take_type(const char **at, struct net_ask *out)
{
	uint32_t value;
	size_t n = strcspn(*at, "&");

	for (unsigned i = 0; i < ARRAY_LEN(types); i++) {
		if (strlen(types[i].name) != n || strncmp(types[i].name, *at, n) != 0)
			continue;
		*at += n;
		out->type = types[i].type;
		return true;
	}
	if (!net_take_number(at, 65535, &value))
		return false;
	out->type = (uint16_t)value;
	return out->type != 0;
}

static bool take_setting(const char **at, struct net_ask *out)
{
	uint32_t value;

	if (out->kind == NET_DNS)
		return take_key(at, "type") && take_type(at, out);
	if (take_key(at, "reuseport"))
		return take_flag(at, &out->reuseport);
	if (out->kind == NET_CLIENT && take_key(at, "bind"))
		return net_take_endpoint(at, &out->bind);
	if (out->kind == NET_SERVER && take_key(at, "backlog")) {
		out->listen = true;
		return net_take_number(at, INT32_MAX, &out->backlog);
	}
	if (out->kind != NET_CLIENT && take_key(at, "v6only"))
		return take_flag(at, &out->v6only);
	if (out->kind != NET_CLIENT && take_key(at, "publish")) {
		if (!net_take_number(at, NET_PUBLISH_MAX - 1, &value))
			return false;
		out->publish = (int32_t)value;
		return true;
	}
	return take_option(at, out);
}

/* A name, or for PTR an address; in out->name as it will be asked for. */
static bool take_name(const char **at, struct net_ask *out)
{
	size_t n = strcspn(*at, "?");

	if (n == 0 || n > NET_NAME_MAX)
		return false;
	memcpy(out->name, *at, n);
	out->name[n] = 0;
	*at += n;
	return true;
}

/* What was to be asked about is an address for PTR, else a name. */
static bool good_question(struct net_ask *out)
{
	char text[NET_NAME_MAX + 3];
	const char *p = text;

	if (out->type != 12)
		return out->type != 0 && net_name_ok(out->name);
	strcpy(text, out->name);
	if (strchr(out->name, ':') && out->name[0] != '[') {
		text[0] = '[';
		strcpy(text + 1, out->name);
		strcat(text, "]");
	}
	return net_take_addr(&p, &out->addr) && *p == 0;
}

enum dk_status net_uri_parse(const char *uri, struct net_ask *out)
{
	int scheme = scheme_of(uri);
	const char *p;

	if (scheme < 0)
		return DK_INVALID_URI;
	*out = (struct net_ask){ .kind = (uint8_t)schemes[scheme].kind, .proto = (uint8_t)schemes[scheme].proto, .publish = -1 };
	p = uri + strlen(schemes[scheme].scheme);
	if (out->kind == NET_DNS ? !take_name(&p, out) : !net_take_endpoint(&p, &out->addr))
		return DK_INVALID_URI;
	for (char before = '?'; *p; before = '&') {
		if (*p++ != before || !take_setting(&p, out))
			return DK_INVALID_URI;
	}
	if (out->kind == NET_DNS && !good_question(out))
		return DK_INVALID_URI;
	if (out->kind == NET_CLIENT && out->bind.family != 0 && out->bind.family != out->addr.family)
		return DK_INVALID_ARG;
	return DK_OK;
}
