/* SPDX-License-Identifier: MIT */
/* nt/se/descriptor.h - a security descriptor's parts. */
#ifndef NT_SE_DESCRIPTOR_H
#define NT_SE_DESCRIPTOR_H

#include "nt/se/se.h"

struct sd_parts {
	const uint8_t *owner, *group, *sacl, *dacl; /* NULL: not there */
	uint16_t control;
};
void sd_parts(const struct se_descriptor *d, struct sd_parts *p); /* of a checked one */
uint32_t sd_size(const struct sd_parts *p);
void sd_build(const struct sd_parts *p, struct se_descriptor *d); /* sd_size bytes */
/* A list of room bytes, whose entries all lie inside. */
bool acl_valid(const uint8_t *acl, uint32_t room);
#define ACE_LABEL 0x11u /* SYSTEM_MANDATORY_LABEL_ACE_TYPE */
/* The entries of acl that are no labels and those of labels that are, in heap memory; both may be NULL.  NULL: no memory. */
uint8_t *acl_choose(const uint8_t *acl, const uint8_t *labels) MUST_CHECK;
#endif
