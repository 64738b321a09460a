/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/hive.h - hive files in Windows' format ("regf", version 1.5), as byte images in memory.
 *
 * The format is described publicly by those who analysed it (M. Suhanov, "Windows registry file format specification").
 * Both functions only know keys and bytes: tests/unit/nt_hive_test.c, tests/fuzz/hive_fuzz.c.
 */
#ifndef NT_CM_HIVE_H
#define NT_CM_HIVE_H

#include "nt/cm/cm.h"

#define HIVE_MAX (256u << 20)

/* k and all below it but volatile keys, as a file's contents in heap memory.  NTKEYS held, or nobody else knows k. */
NTSTATUS hive_write(struct cm_key *k, int64_t now, uint8_t **image, uint32_t *size);
/* A file's contents as a new tree, whose root has no name that counts.  STATUS_REGISTRY_CORRUPT, _NOT_REGISTRY_FILE, _NO_MEMORY. */
NTSTATUS hive_read(const uint8_t *image, uint32_t size, struct cm_key **root);
#endif
