/* SPDX-License-Identifier: MIT */
/* nt/os/wait.c - waits: interrupted ones, and long ones. */
#include "linux/mm/mm_int.h"
#include "nt/os/wait.h"
#include "nt/ps/ps.h"

bool os_interrupted(void)
{
	return ps_wait_interrupted(nt_current());
}

#define IDLE_NS 500000000ull

enum dk_status os_sleep(uint64_t deadline)
{
	static _Atomic uint32_t trimmed; /* of this picoprocess */
	enum dk_status status;
	uint64_t idle;

	if (LIKELY(atomic_load_explicit(&trimmed, memory_order_relaxed) != 0))
		return pico_wait(deadline, 0);
	idle = pico_now() + IDLE_NS;
	status = pico_wait(MIN(deadline, idle), 0);
	if (status != DK_TIMEOUT || deadline <= idle)
		return status;
	if (atomic_exchange(&trimmed, 1) == 0) {
		mm_trim(lx_current()->proc->mm);
		mm_trim_image();
	}
	return pico_wait(deadline, 0);
}
