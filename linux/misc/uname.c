/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/uname.c - the names of the system and of the host, and what else is
 * the system's alone: the kernel log, process accounting, reboot.
 */
#include "linux/linux.h"
#include "linux/misc/release.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"
#include "syscalls.gen.h"
#include <linux/capability.h>
#include <linux/reboot.h>

long lx_sys_uname(struct lx_thread *t, struct gva buf)
{
	struct lx_state *lx = lx_state();
	const struct ns *ns = ns_of(t, NS_UTS);
	struct new_utsname u;

	memset(&u, 0, sizeof u);
	str_copy(u.sysname, "Linux", sizeof u.sysname);
	str_copy(u.release, LX_RELEASE, sizeof u.release);
	str_copy(u.version, LX_VERSION, sizeof u.version);
	str_copy(u.machine, "x86_64", sizeof u.machine);
	lock_take(&lx->tasklist);
	str_copy(u.nodename, ns->uts.host, sizeof u.nodename);
	str_copy(u.domainname, ns->uts.domain[0] ? ns->uts.domain : "(none)", sizeof u.domainname);
	lock_drop(&lx->tasklist);
	return copy_out(buf, &u, sizeof u);
}

static long set_name(struct lx_thread *t, struct gva from, int len, char *to)
{
	struct lx_state *lx = lx_state();
	char name[65] = { 0 };

	if (!ns_capable(t, ns_of(t, NS_UTS)->user, CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > 64)
		return -EINVAL;
	if (len && copy_in(name, from, len))
		return -EFAULT;
	lock_take(&lx->tasklist);
	memcpy(to, name, sizeof name);
	lock_drop(&lx->tasklist);
	return 0;
}

long lx_sys_sethostname(struct lx_thread *t, struct gva name, int len)
{
	return set_name(t, name, len, ns_of(t, NS_UTS)->uts.host);
}

long lx_sys_setdomainname(struct lx_thread *t, struct gva name, int len)
{
	return set_name(t, name, len, ns_of(t, NS_UTS)->uts.domain);
}

long lx_sys_acct(struct lx_thread *t, struct gva name)
{
	if (!lx_capable(t, CAP_SYS_PACCT))
		return -EPERM;
	return name.va ? -ENOSYS : 0; /* switching off what is off */
}

long lx_sys_reboot(struct lx_thread *t, int magic, int magic2, uint32_t cmd, struct gva arg)
{
	if (!lx_capable(t, CAP_SYS_BOOT))
		return -EPERM;
	if ((uint32_t)magic != LINUX_REBOOT_MAGIC1 ||
	    ((uint32_t)magic2 != LINUX_REBOOT_MAGIC2 && (uint32_t)magic2 != LINUX_REBOOT_MAGIC2A &&
	     (uint32_t)magic2 != LINUX_REBOOT_MAGIC2B && (uint32_t)magic2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	if (cmd == LINUX_REBOOT_CMD_CAD_ON || cmd == LINUX_REBOOT_CMD_CAD_OFF)
		return 0;
	return -EINVAL; /* as in a pid namespace for what cannot be done there */
}
