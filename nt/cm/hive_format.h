/* SPDX-License-Identifier: MIT */
/* nt/cm/hive_format.h - records of a hive file; all little-endian.  Offsets of cells count from the end of the head. */
#ifndef NT_CM_HIVE_FORMAT_H
#define NT_CM_HIVE_FORMAT_H

#include "rt/base.h"

#define HIVE_HEAD   4096u
#define HIVE_NONE   UINT32_MAX
#define HIVE_INLINE 0x80000000u /* of a value's size: the data are in data_at itself */
#define HIVE_PART   16344u      /* larger data come in parts of that size, by a "db" record */

struct hive_head {
	uint8_t magic[4]; /* "regf" */
	uint32_t first_sequence, second_sequence;
	int64_t written;
	uint32_t major, minor, type, format, root, bins_size, cluster;
	uint16_t file_name[32];
	uint8_t rest[396];
	uint32_t checksum; /* exclusive or of the 127 words before; never 0 or ~0 */
} __attribute__((packed));
_Static_assert(sizeof(struct hive_head) == 512, "hive_head");

struct hive_bin {
	uint8_t magic[4]; /* "hbin" */
	uint32_t offset, size, reserved[2];
	int64_t written;
	uint32_t spare;
} __attribute__((packed));
_Static_assert(sizeof(struct hive_bin) == 32, "hive_bin");

struct hive_key { /* "nk" */
	uint8_t magic[2];
	uint16_t flags;
	int64_t modified;
	uint32_t access, parent, nkeys, nvolatile, keys, volatile_keys, nvalues, values, security, class, max_name, max_class, max_value_name, max_data,
		work;
	uint16_t name_size, class_size;
} __attribute__((packed));
_Static_assert(sizeof(struct hive_key) == 76, "hive_key");
#define HIVE_KEY_ROOT   0x04u
#define HIVE_KEY_FIXED  0x08u
#define HIVE_KEY_LINK   0x10u
#define HIVE_KEY_LATIN1 0x20u

struct hive_value { /* "vk" */
	uint8_t magic[2];
	uint16_t name_size;
	uint32_t size, data_at, type;
	uint16_t flags, spare;
} __attribute__((packed));
_Static_assert(sizeof(struct hive_value) == 20, "hive_value");
#define HIVE_VALUE_LATIN1 1u

struct hive_list { /* "lf" "lh": pairs of offset and hash; "li" "ri": offsets */
	uint8_t magic[2];
	uint16_t count;
} __attribute__((packed));

struct hive_parts { /* "db" */
	uint8_t magic[2];
	uint16_t count;
	uint32_t list;
} __attribute__((packed));

struct hive_security { /* "sk" */
	uint8_t magic[2];
	uint16_t reserved;
	uint32_t next, previous, references, size;
} __attribute__((packed));
_Static_assert(sizeof(struct hive_security) == 20, "hive_security");
#endif
