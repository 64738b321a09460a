/* SPDX-License-Identifier: MIT */
/*
 * ext/ext.h - what an extension is.
 *
 * An extension is an image of its own, loaded by pal between itself and the
 * personality, in the order asked for (the first is nearest to pal).  It is called
 * once in each fresh picoprocess, in its attach function, with the table below it,
 * and hands up the table that whatever is above calls.  Calls it does not care about
 * it hands up as they are: copying the table below and replacing members costs the
 * others nothing, and with no extension the personality calls pal directly.
 *
 * Copies (DK_PROCESS_CLONE) inherit the extension's memory and are not attached again.
 * An extension runs on the caller's library-OS stack: frames are to be small.  It
 * may be called with the library OS's locks held for DkEventSet and
 * DkThreadRaiseException, and must not wait there.
 */
#ifndef EXT_EXT_H
#define EXT_EXT_H

#include "abi/dk_boot.h"
#include "dk.gen.h"

/* Puts the image header in its place: once in an extension. */
#define DK_EXTENSION(fn)                                                                             \
	extern const struct dk_image ext_image;                                                      \
	__attribute__((section(".image"), used)) const struct dk_image ext_image = {                 \
		.magic = DK_IMAGE_MAGIC,                                                             \
		.version = DK_IMAGE_VERSION,                                                         \
		.attach = fn,                                                                        \
	}
#endif
