/* SPDX-License-Identifier: MIT */
/* nt/ps/teb.h - the thread's block in the guest's memory: where the kernel's side of it lies.  From public headers of the SDK and its tools. */
#ifndef NT_PS_TEB_H
#define NT_PS_TEB_H

#define TEB_EXCEPTION_LIST 0x000
#define TEB_STACK_BASE     0x008
#define TEB_STACK_LIMIT    0x010
#define TEB_ARBITRARY      0x028 /* ArbitraryUserPointer */
#define TEB_SELF           0x030
#define TEB_CLIENT_ID      0x040
#define TEB_PEB            0x060
#define TEB_LAST_ERROR     0x068
#define TEB_LOCALE         0x108
#define TEB_ACTIVATION     0x2c8 /* ActivationContextStackPointer */
#define TEB_ACTIVATION_STACK 0x290
#define TEB_REAL_CLIENT_ID 0x7d8
#define TEB_STATIC_UNICODE 0x1258 /* UNICODE_STRING of 261 characters' room, which is behind it */
#define TEB_STATIC_BUFFER  0x1268
#define TEB_STACK_BOTTOM   0x1478 /* DeallocationStack */
#define TEB_TLS_SLOTS      0x1480
#define TEB_DEBUG_OBJECT   0x16a8 /* DbgSsReserved[1] */
#define TEB_HARD_ERROR     0x16b0
#define TEB_TLS_EXPANSION  0x1780
#define TEB_SIZE           0x10000 /* behind it lies what ntdll has of a thread to itself */
#endif
