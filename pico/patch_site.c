/* SPDX-License-Identifier: MIT */
/* pico/patch_site.c - the bytes of system-call sites and of their stubs. */

#include "pico/patch_site.h"
#include "rt/mem.h"

#define LEA_SIZE     7u
#define NR_SIGRETURN 15 /* Linux's number, as in the byte patterns of libgcc and gdb */

bool is_site(const uint8_t *p)
{
	uint32_t nr;

	memcpy(&nr, p + 1, sizeof nr);
	return p[0] == 0xb8 && nr < 512 && p[5] == 0x0f && p[6] == 0x05;
}

void put32(uint8_t *at, int64_t value)
{
	int32_t v = (int32_t)value;

	memcpy(at, &v, sizeof v);
}

bool is_rax_site(const uint8_t *p)
{
	uint32_t nr;

	memcpy(&nr, p + 3, sizeof nr);
	return p[0] == 0x48 && p[1] == 0xc7 && p[2] == 0xc0 && nr < 512 && p[7] == 0x0f && p[8] == 0x05;
}

/* Of the mov alone: the two forms differ in length. */
static uint32_t mov_size(const uint8_t *mov)
{
	return mov[0] == 0xb8 ? SITE_SIZE - 2 : RAX_SIZE - 2;
}

bool is_sigreturn(const uint8_t *mov)
{
	return mov[mov_size(mov) - 4] == NR_SIGRETURN && mov[mov_size(mov) - 3] == 0;
}

void write_stub(uint8_t *stub, uint64_t address, const uint8_t *mov, uint64_t site)
{
	static const uint8_t tail[] = { 0x65, 0xff, 0x24, 0x25, TB_SYSCALL_ENTRY, 0, 0, 0 };
	uint32_t n = mov_size(mov);

	memset(stub, 0xcc, STUB_SIZE);
	memcpy(stub, mov, n);
	stub[n] = 0x48;
	stub[n + 1] = 0x8d;
	stub[n + 2] = 0x0d;
	put32(stub + n + 3, (int64_t)(site + n + 2) - (int64_t)(address + n + LEA_SIZE));
	memcpy(stub + n + LEA_SIZE, tail, sizeof tail);
}

uint64_t site_of_stub(const uint8_t *stub, uint64_t address)
{
	uint32_t n = mov_size(stub);
	int32_t back;

	if (stub[0] != 0xb8 && stub[1] != 0xc7)
		return 0;
	memcpy(&back, stub + n + 3, sizeof back);
	return address + n + LEA_SIZE + (uint64_t)(int64_t)back - (n + 2);
}

bool is_cmp_site(const uint8_t *p)
{
	return p[0] == 0x0f && p[1] == 0x05 && p[2] == 0x48 && p[3] == 0x3d && p[4] <= 1 && p[5] == 0xf0 && p[6] == 0xff &&
	    p[7] == 0xff;
}
