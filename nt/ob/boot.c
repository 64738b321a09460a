/* SPDX-License-Identifier: MIT */
/* nt/ob/boot.c - the name space as programs find it. */
#include "nt/nt.h"
#include "nt/ob/ob.h"
#include "nt/ob/ob_int.h"
#include "rt/mem.h"

#define BUCKETS 256u

static void wide(WCHAR *to, const char *from, uint32_t room)
{
	uint32_t i;

	for (i = 0; from[i] != 0 && i < room - 1; i++)
		to[i] = (unsigned char)from[i];
	to[i] = 0;
}

void ob_boot_add(const char *name, struct ob_object *o)
{
	WCHAR text[128];
	struct ob_object *out;
	NTSTATUS status;

	wide(text, name, ARRAY_LEN(text));
	status = ob_insert(&(struct ob_lookup){ .name = text, .size = (uint32_t)strlen(name) * 2, .attributes = OBJ_PERMANENT }, o, &out);
	if (status != STATUS_SUCCESS)
		panic("no name %s: %x", name, status);
	ob_put(out);
}

void ob_boot_directory(const char *name)
{
	struct ob_directory *d;

	if (ob_directory_new(&d) != STATUS_SUCCESS)
		panic("no memory for %s", name);
	ob_boot_add(name, &d->ob);
}

void ob_boot_link(const char *name, const char *target)
{
	WCHAR text[128];
	struct ob_symlink *s;

	wide(text, target, ARRAY_LEN(text));
	if (ob_symlink_new(text, (uint32_t)strlen(target) * 2, &s) != STATUS_SUCCESS)
		panic("no memory for %s", name);
	ob_boot_add(name, &s->ob);
}

static void types_boot(void)
{
	ob_boot_directory("\\ObjectTypes");
	for (unsigned i = OB_TYPE; i < OB_TYPES; i++) {
		char name[64] = "\\ObjectTypes\\";
		struct ob_type_object *t;

		if (ob_types[i] == NULL)
			continue;
		t = ob_alloc(OB_TYPE, sizeof *t);
		if (t == NULL)
			panic("no memory for types");
		t->what = i;
		(void)str_copy(name + strlen(name), ob_types[i]->name, sizeof name - strlen(name));
		ob_boot_add(name, &t->ob);
	}
}

static void sessions_boot(void)
{
	ob_boot_directory("\\Sessions");
	ob_boot_directory("\\Sessions\\BNOLINKS");
	ob_boot_directory("\\Sessions\\0");
	ob_boot_link("\\Sessions\\0\\BaseNamedObjects", "\\BaseNamedObjects");
	ob_boot_directory("\\Sessions\\1");
	ob_boot_directory("\\Sessions\\1\\BaseNamedObjects");
	ob_boot_directory("\\Sessions\\1\\Windows");
	ob_boot_directory("\\Sessions\\1\\Windows\\WindowStations");
	ob_boot_link("\\Sessions\\BNOLINKS\\0", "\\BaseNamedObjects");
	ob_boot_link("\\Sessions\\BNOLINKS\\1", "\\Sessions\\1\\BaseNamedObjects");
	ob_boot_link("\\Sessions\\1\\BaseNamedObjects\\Global", "\\BaseNamedObjects");
	ob_boot_link("\\Sessions\\1\\BaseNamedObjects\\Local", "\\Sessions\\1\\BaseNamedObjects");
	ob_boot_link("\\Sessions\\1\\BaseNamedObjects\\Session", "\\Sessions\\BNOLINKS");
	ob_boot_link("\\BaseNamedObjects\\Global", "\\BaseNamedObjects");
	ob_boot_link("\\BaseNamedObjects\\Local", "\\BaseNamedObjects");
	ob_boot_link("\\BaseNamedObjects\\Session", "\\Sessions\\BNOLINKS");
}

void ob_boot(void)
{
	static const char *const directories[] = { "\\??", "\\ArcName", "\\BaseNamedObjects", "\\Callback", "\\Device", "\\Driver", "\\FileSystem",
		"\\KernelObjects", "\\KnownDlls", "\\KnownDlls32", "\\NLS", "\\RPC Control", "\\Security", "\\Windows", "\\Windows\\WindowStations" };
	struct ob_names *n = arena_alloc(sizeof *n);
	struct ob_directory *root;

	if (n == NULL || ob_directory_new(&root) != STATUS_SUCCESS)
		panic("no memory for the name space");
	lock_init(&n->lock, LOCK_NTNAMES);
	n->buckets = arena_alloc(BUCKETS * sizeof *n->buckets);
	if (n->buckets == NULL)
		panic("no memory for the name space");
	n->nbuckets = BUCKETS;
	for (uint32_t i = 0; i < BUCKETS; i++)
		list_init(&n->buckets[i]);
	root->ob.flags |= OB_PERMANENT;
	nt_state()->ob = n;
	nt_state()->root = root;
	for (unsigned i = 0; i < ARRAY_LEN(directories); i++)
		ob_boot_directory(directories[i]);
	ob_boot_link("\\GLOBAL??", "\\??");
	ob_boot_link("\\DosDevices", "\\??");
	ob_boot_link("\\??\\GLOBALROOT", "");
	ob_boot_link("\\??\\Global", "\\??");
	types_boot();
	sessions_boot();
}
