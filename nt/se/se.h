/* SPDX-License-Identifier: MIT */
/*
 * nt/se/se.h - tokens, SIDs, security descriptors.
 *
 * The sandbox has one user, S-1-5-21-0-0-0-1000, a member of Administrators.  All processes share one primary token
 * until somebody sets another; a token that is duplicated or filtered is an object of its own.  Descriptors of objects are kept
 * and shown, and NtAccessCheck decides by them; opening an object does not look at them.
 *
 * Legend: I immutable after creation, t NTOBJ of the token, a atomic.
 */
#ifndef NT_SE_SE_H
#define NT_SE_SE_H

#include "nt/nt.h"

#define SID_SUBS 8u
struct se_sid {
	uint8_t revision, count, authority[6];
	uint32_t sub[SID_SUBS]; /* count of them are the guest's */
};
static inline uint32_t sid_size(const struct se_sid *s)
{
	return 8 + 4u * s->count;
}
bool sid_equal(const struct se_sid *a, const struct se_sid *b);
/* From guest memory; STATUS_INVALID_SID if it has more parts than any of ours could. */
NTSTATUS sid_in(struct se_sid *s, uint64_t va);
/* From kernel memory of room bytes. */
bool sid_parse(struct se_sid *s, const void *from, uint32_t room);

extern const struct se_sid se_user, se_everyone, se_admins, se_users, se_group, se_system;

struct se_group {
	struct se_sid sid;
	uint32_t attributes; /* SE_GROUP_* */
};
#define SE_GROUP_MANDATORY    1u
#define SE_GROUP_DEFAULT      2u
#define SE_GROUP_ENABLED      4u
#define SE_GROUP_OWNER        8u
#define SE_GROUP_DENY_ONLY    0x10u
#define SE_GROUP_INTEGRITY    0x20u
#define SE_GROUP_INTEGRITY_ON 0x40u
#define SE_GROUP_LOGON_ID     0xc0000000u

#define SE_PRIVILEGE_DEFAULT 1u
#define SE_PRIVILEGE_ENABLED 2u
#define SE_PRIVILEGE_REMOVED 4u

#define SE_GROUPS     12u
#define SE_PRIVILEGES 40u
struct se_token {
	struct ob_object ob; /* first */
	uint64_t id, modified_id, auth_id; /* LUIDs; modified_id [t] */
	uint32_t type;       /* [I] 1 primary, 2 impersonation */
	uint32_t level;      /* [I] SECURITY_IMPERSONATION_LEVEL */
	uint32_t session;    /* [t] */
	uint32_t restricted; /* [I] made by NtFilterToken with restricting SIDs */
	uint32_t integrity;  /* [t] 0x3000: high */
	uint32_t elevation;  /* [I] TOKEN_ELEVATION_TYPE: ELEVATION_* */
	uint32_t ngroups, nrestricted, nprivileges, owner; /* owner [t]: of groups, UINT32_MAX: the user */
	uint32_t primary;    /* [t] of groups */
	struct se_group groups[SE_GROUPS];      /* [t] attributes */
	struct se_group restricting[SE_GROUPS]; /* [I] */
	struct { uint32_t luid, attributes; } privileges[SE_PRIVILEGES]; /* [t] */
	void *dacl;          /* [t] an ACL of dacl_size bytes; NULL: none */
	uint32_t dacl_size;
};
enum { ELEVATION_FULL = 2, ELEVATION_LIMITED };
#define TOKEN_ASSIGN_PRIMARY    0x001u
#define TOKEN_DUPLICATE         0x002u
#define TOKEN_IMPERSONATE       0x004u
#define TOKEN_QUERY             0x008u
#define TOKEN_QUERY_SOURCE      0x010u
#define TOKEN_ADJUST_PRIVILEGES 0x020u
#define TOKEN_ADJUST_GROUPS     0x040u
#define TOKEN_ADJUST_DEFAULT    0x080u
#define TOKEN_ADJUST_SESSIONID  0x100u
#define TOKEN_ALL_ACCESS        0xf01ffu

/* The sandbox's token, with no reference taken; made by whoever asks first.  NULL: no memory. */
struct se_token *se_default(void);
/* What p runs as; a reference.  NULL: no memory. */
struct se_token *se_process_token(struct nt_process *p) MUST_CHECK;
/* What t impersonates; a reference; NULL: nothing. */
struct se_token *se_thread_token(struct nt_thread *t) MUST_CHECK;
struct se_token *se_effective_token(struct nt_thread *t) MUST_CHECK;
NTSTATUS se_token_by_handle(uint64_t handle, uint32_t access, struct se_token **token) MUST_CHECK;
/* The other token of the user's logon, as somebody who looks at it gets it: of a full one the limited, and the other way round. */
struct se_token *se_token_linked(struct se_token *of) MUST_CHECK;
struct se_token *se_token_copy(struct se_token *from, uint32_t type, uint32_t level) MUST_CHECK;
/* NtSetInformationThread(ThreadImpersonationToken): handle 0 ends it. */
NTSTATUS se_impersonate(struct nt_thread *t, uint64_t handle);
/* What a process made by `parent` runs as, with a reference: by a handle of a token, or by a copy of the parent's; NULL: the usual token. */
NTSTATUS se_token_for_child(struct nt_process *parent, uint64_t handle, struct se_token **token) MUST_CHECK;
void se_thread_ended(struct nt_thread *t);
void se_process_ended(struct nt_process *p);
uint64_t se_new_luid(void);
/* Is s the user or a group that is on? */
bool se_token_has(const struct se_token *k, const struct se_sid *s);
bool se_has_privilege(struct se_token *k, uint32_t luid);
/* Does the caller hold the security privilege, for ACCESS_SYSTEM_SECURITY? */
bool se_may_audit(void);
/* STATUS_PRIVILEGE_NOT_HELD: t, as it is or impersonates, has not enabled it. */
NTSTATUS se_need_privilege(struct nt_thread *t, uint32_t luid);

/* Another token for t, whose reference is taken over (NULL: none); the one before is given back. */
void se_set_thread_token(struct nt_thread *t, struct se_token *k);

/* ---- client.c ---- */
struct se_client { /* how a client may be impersonated */
	struct se_token *token;    /* a reference; NULL: what it is when it sends something */
	uint32_t level, effective; /* SECURITY_IMPERSONATION_LEVEL; with enabled privileges alone */
};
/* The calling thread opens something; qos: va of its SECURITY_QUALITY_OF_SERVICE, or 0. */
NTSTATUS se_client_begin(struct se_client *c, uint64_t qos);
/* It sends something: now holds a reference on what it is. */
void se_client_now(const struct se_client *c, struct se_client *now);
void se_client_put(struct se_client *c);
/* STATUS_CANNOT_IMPERSONATE: nothing came from it yet. */
NTSTATUS se_client_impersonate(struct nt_thread *t, const struct se_client *c);

/* ---- descriptor.c ---- */
#define OWNER_SECURITY_INFORMATION 1u
#define GROUP_SECURITY_INFORMATION 2u
#define DACL_SECURITY_INFORMATION  4u
#define SACL_SECURITY_INFORMATION  8u
#define LABEL_SECURITY_INFORMATION 0x10u

#define SE_DACL_PRESENT  0x0004u
#define SE_SACL_PRESENT  0x0010u
#define SE_SACL_AUTO_INHERITED 0x0800u
#define SE_SELF_RELATIVE 0x8000u
#define SE_DACL_BITS     0x150cu /* present, defaulted, inheritance */
#define SE_SACL_BITS     0x2a30u
#define SE_DESCRIPTOR_MAX 0x10000u

struct se_descriptor { /* SECURITY_DESCRIPTOR_RELATIVE's head */
	uint8_t revision, zero;
	uint16_t control;
	uint32_t owner, group, sacl, dacl; /* from its start; 0: none */
};
struct se_acl {
	uint8_t revision, zero;
	uint16_t size, count, zero2;
};
struct se_ace {
	uint8_t type, flags;
	uint16_t size;
	uint32_t mask;
	/* the SID follows */
};
/* A descriptor of the guest, absolute or self-relative, checked, as a self-relative one: from arena_alloc. */
NTSTATUS se_descriptor_in(uint64_t va, struct se_descriptor **out, uint32_t *size);
/* How long a checked one is. */
uint32_t se_descriptor_size(const struct se_descriptor *d);
/* The usual descriptor of an object of a type: Administrators own it; they and the system may do all, users `read` (0: nothing), in what
   is below it too. */
struct se_descriptor *se_descriptor_usual(uint32_t all, uint32_t read, uint32_t *size) MUST_CHECK; /* heap memory */
struct se_descriptor *se_descriptor_file(bool directory, uint32_t *size) MUST_CHECK; /* of a file on a disk */
struct se_mapping { /* GENERIC_MAPPING */
	uint32_t read, write, execute, all;
};
uint32_t se_map_mask(const struct se_mapping *m, uint32_t mask);
/* Generic rights in d's lists become the mapping's. */
void se_map_lists(struct se_descriptor *d, const struct se_mapping *m);
/* A new object's own descriptor: what OBJECT_ATTRIBUTES have; security 0: none. */
NTSTATUS se_assign(struct ob_object *o, uint64_t security);
/* May the caller open o, which is there already?  *access becomes what is granted.  STATUS_ACCESS_DENIED. */
NTSTATUS se_check_open(struct ob_object *o, uint32_t *access) MUST_CHECK;
/* May o be duplicated into `to` with more than the source handle has?  By what the caller impersonates, and by the token of `to`. */
NTSTATUS se_check_duplicate(struct ob_object *o, struct nt_process *to, uint32_t *access) MUST_CHECK;
/* What d gives token of wanted (mapped already; MAXIMUM_ALLOWED is understood). */
NTSTATUS se_access_check(const struct se_descriptor *d, struct se_token *k, uint32_t wanted, uint32_t all, uint32_t *granted);
#endif
