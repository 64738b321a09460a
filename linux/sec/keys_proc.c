/* SPDX-License-Identifier: MIT */
/* linux/sec/keys_proc.c - /proc/keys and /proc/key-users (proc(5), keyrings(7)). */
#include "linux/fs/procfs.h"
#include "linux/sec/keys.h"

static void timeout_text(const struct key *k, char *to, size_t size)
{
	static const struct { uint64_t seconds; char unit; } units[] = { { 604800, 'w' }, { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	uint64_t now = pico_now_realtime(), left;

	if (!k->expires || k->expires <= now) {
		(void)fmt_snprintf(to, size, k->expires ? "expd" : "perm");
		return;
	}
	left = (k->expires - now) / 1000000000u;
	for (unsigned i = 0; i < ARRAY_LEN(units); i++)
		if (left >= units[i].seconds || units[i].seconds == 1) {
			(void)fmt_snprintf(to, size, "%lu%c", (unsigned long)(left / units[i].seconds), units[i].unit);
			return;
		}
}

static void one_key(struct text *x, const struct key *k)
{
	char timeout[24];

	timeout_text(k, timeout, sizeof timeout);
	text_add(x, "%08x %c%c-%c-%c- %5u %4s %08x %5d %5d %-9.9s ", (unsigned)k->serial, k->state == KEY_REVOKED ? '-' : 'I',
		k->state == KEY_REVOKED ? 'R' : '-', k->quota ? 'Q' : '-', k->state == KEY_NEGATIVE ? 'N' : '-', k->refs, timeout, k->perm,
		(int)k->uid, (int)k->gid, key_type_names[k->type]);
	if (k->type != KEY_KEYRING)
		text_add(x, k->state == KEY_LIVE ? "%s: %u\n" : "%s\n", k->desc, k->len);
	else if (k->len)
		text_add(x, "%s: %u\n", k->desc, k->len);
	else
		text_add(x, "%s: empty\n", k->desc);
}

SHOW(keys)
{
	lock_take(&keys_root()->lock);
	LIST_FOR(k, &keys_root()->all, struct key, all)
		if (!key_permission(c->t, k, key_possessed(c->t, k), KEY_VIEW))
			one_key(x, k);
	lock_drop(&keys_root()->lock);
}

SHOW(key_users)
{
	lock_take(&keys_root()->lock);
	LIST_FOR(u, &keys_root()->users, struct key_user, link)
		text_add(x, "%5u: %5u %u/%u %u/%u %u/%u\n", u->uid, u->keys, u->keys, u->keys, u->keys, u->uid ? 200u : 1000000u, u->bytes,
			u->uid ? 20000u : 25000000u);
	lock_drop(&keys_root()->lock);
}
