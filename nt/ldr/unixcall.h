/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/unixcall.h - Unix sides of Wine's DLLs, one function a DLL: code and the address of its parameters.
 *
 * What a code means and how its parameters lie in memory is what the DLL's own code passes and expects (Wine 8.0's PE files, disassembled).
 * Results are NTSTATUS, or errors of that DLL's own kind.
 */
#ifndef NT_LDR_UNIXCALL_H
#define NT_LDR_UNIXCALL_H

#include "nt/types.h"

NTSTATUS unix_ws2_32(uint32_t code, uint64_t args);  /* names; WSA error codes */
NTSTATUS unix_dnsapi(uint32_t code, uint64_t args);  /* an empty resolver; DNS error codes */
NTSTATUS unix_crypt32(uint32_t code, uint64_t args); /* root certificates */
NTSTATUS unix_bcrypt(uint32_t code, uint64_t args);  /* ciphers and keys: nt/bcrypt */
#endif
