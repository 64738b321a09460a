/* SPDX-License-Identifier: MIT */
/* nt/cm/seed.h - making keys of a tree that nobody else sees yet, from UTF-8.  False, NULL: no memory. */
#ifndef NT_CM_SEED_H
#define NT_CM_SEED_H

#include "nt/cm/cm.h"

#define SEED_TEXT_MAX 512u /* bytes of UTF-16 that names and texts may have */

/* The key of that path below root, made if it is not there. */
struct cm_key *seed_key(struct cm_key *root, const char *path, int64_t now) MUST_CHECK;
bool seed_value(struct cm_key *k, const char *name, uint32_t type, const void *data, uint32_t size) MUST_CHECK;
/* The table in classes.def. */
bool seed_classes(struct cm_key *root, int64_t now) MUST_CHECK;
bool seed_sz(struct cm_key *k, const char *name, const char *text) MUST_CHECK;

/* ---- rgs.c ---- */
/*
 * A registrar script (the language of Microsoft's ATL: "Creating Registrar Scripts") run on the tree below root, which stands for
 * \Registry; module takes the place of %MODULE%.  What is wrong in it ends it; false: no memory.
 */
bool rgs_run(struct cm_key *root, const char *text, uint32_t size, const char *module, int64_t now) MUST_CHECK;

/* ---- module.c ---- */
/* The script that a DLL of Wine's has in its resources ("WINE_REGISTRY"), heap memory; NULL: it has none.  Next n: 0, 1, ... */
char *module_script(const char *path, uint32_t n, uint32_t *size);
#endif
