/* SPDX-License-Identifier: MIT */
/*
 * nt/bcrypt/none.c - bcrypt.dll's Unix side where there is no BearSSL: it loads, and hashes and random numbers, which are its own, work.
 *
 * Ciphers and keys (functions 2 to 16) are not there: CNG says STATUS_NOT_IMPLEMENTED.
 */
#include "nt/ldr/unixcall.h"

enum { ATTACH, DETACH };

NTSTATUS unix_bcrypt(uint32_t code, uint64_t args)
{
	(void)args;
	return code == ATTACH || code == DETACH ? STATUS_SUCCESS : (NTSTATUS)STATUS_NOT_IMPLEMENTED;
}
