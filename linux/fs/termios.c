/* SPDX-License-Identifier: MIT */
/* linux/fs/termios.c - the three forms in which guests hand terminal modes over. */
#include "linux/fs/tty.h"

#include "rt/mem.h"

static const uint32_t speeds[] = { 0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400 };
static const uint32_t high_speeds[] = { 0, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000,
	2000000, 2500000, 3000000, 3500000, 4000000 };

static uint32_t speed_of(uint32_t code, uint32_t other)
{
	if (code == BOTHER)
		return other;
	return code & CBAUDEX ? high_speeds[code & 15] : speeds[code & 15];
}

bool termios_is_get(uint32_t cmd)
{
	return cmd == TCGETS || cmd == (uint32_t)TCGETS2 || cmd == TCGETA;
}

bool termios_is_set(uint32_t cmd, uint32_t *when)
{
	if (cmd == TCSETS || cmd == (uint32_t)TCSETS2 || cmd == TCSETA)
		*when = 0;
	else if (cmd == TCSETSW || cmd == (uint32_t)TCSETSW2 || cmd == TCSETAW)
		*when = 1;
	else if (cmd == TCSETSF || cmd == (uint32_t)TCSETSF2 || cmd == TCSETAF)
		*when = 2;
	else
		return false;
	return true;
}

static bool is_old(uint32_t cmd)
{
	return cmd == TCGETA || cmd == TCSETA || cmd == TCSETAW || cmd == TCSETAF;
}

static bool is_new(uint32_t cmd)
{
	return cmd == (uint32_t)TCGETS2 || cmd == (uint32_t)TCSETS2 || cmd == (uint32_t)TCSETSW2 || cmd == (uint32_t)TCSETSF2;
}

long termios_out(uint32_t cmd, struct gva arg, const struct termios2 *tio)
{
	struct termio old;

	if (!is_old(cmd)) /* struct termios is termios2 without the speeds */
		return copy_out(arg, tio, is_new(cmd) ? sizeof *tio : sizeof(struct termios));
	memset(&old, 0, sizeof old);
	old.c_iflag = (unsigned short)tio->c_iflag;
	old.c_oflag = (unsigned short)tio->c_oflag;
	old.c_cflag = (unsigned short)tio->c_cflag;
	old.c_lflag = (unsigned short)tio->c_lflag;
	old.c_line = tio->c_line;
	memcpy(old.c_cc, tio->c_cc, sizeof old.c_cc);
	return copy_out(arg, &old, sizeof old);
}

long termios_in(uint32_t cmd, struct gva arg, struct termios2 *tio)
{
	struct termio old;

	if (is_old(cmd)) {
		if (copy_in(&old, arg, sizeof old))
			return -EFAULT;
		tio->c_iflag = (tio->c_iflag & 0xffff0000u) | old.c_iflag;
		tio->c_oflag = (tio->c_oflag & 0xffff0000u) | old.c_oflag;
		tio->c_cflag = (tio->c_cflag & 0xffff0000u) | old.c_cflag;
		tio->c_lflag = (tio->c_lflag & 0xffff0000u) | old.c_lflag;
		tio->c_line = old.c_line;
		memcpy(tio->c_cc, old.c_cc, sizeof old.c_cc);
	} else if (copy_in(tio, arg, is_new(cmd) ? sizeof *tio : sizeof(struct termios))) {
		return -EFAULT;
	}
	tio->c_ospeed = speed_of(tio->c_cflag & CBAUD, tio->c_ospeed);
	tio->c_ispeed = tio->c_cflag >> IBSHIFT & CBAUD ? speed_of(tio->c_cflag >> IBSHIFT & CBAUD, tio->c_ispeed) : tio->c_ospeed;
	return 0;
}
