/* SPDX-License-Identifier: MIT */
/* tests/escape/nt_calls.h - what the parts of nt_calls.c share: the calls, a worker's threads, chance. */
#ifndef NT_CALLS_H
#define NT_CALLS_H
#define _WIN32_WINNT 0x0a00
#include <windows.h>
#include <winternl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS	 4
#define ARGS_MAX 14
#define AREA	 0x40000

typedef uint64_t u64;
enum type { T_HANDLE, T_PTR, T_OA, T_USTR, T_CLASS, T_ACCESS, T_U8, T_U32, T_I32, T_U64 };
struct arg { enum type type; const char *name; };
struct call {
	const char *name, *group;
	int there, nargs; /* there: somebody has written it */
	struct arg args[ARGS_MAX];
};
extern const struct call calls[];
#define MOST_CALLS 400
extern const unsigned call_count;

/* What a worker shares with who watches it. */
struct slot {
	volatile uint32_t number, inside, tid, done;
	u64 args[ARGS_MAX];
	volatile u64 made;
};
struct page {
	struct slot slot[THREADS];
	volatile u64 reached[MOST_CALLS], succeeded[MOST_CALLS];
	uint32_t watcher[2];	/* the ids of who watches: he is not fair game */
	volatile uint32_t wild; /* a thread's registers or code were changed: it may be anywhere */
};
extern struct page *page;

struct thread {
	u64 random;
	unsigned number;
	unsigned char *scratch, *heap; /* AREA bytes, then a page that nobody may touch */
	unsigned used, calls, faults;
	u64 stack;
};

/* ---- nt_calls.c ---- */

/* ntdll's call of that number, through its stub or by the instruction itself. */
u64 invoke(unsigned i, const u64 *a, int raw);
int is_call(unsigned i);	  /* ntdll exports it, by a number */
u64 stub_of(const char *name);	  /* where it begins */
u64 nt(const char *name, ...);	  /* by its name; all ARGS_MAX are read */
#define NT(name, ...) nt(name, ##__VA_ARGS__, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull)
/* This program again, with these arguments. */
HANDLE start(const char *args, int silent, HANDLE job, DWORD *ids);

/* ---- nt_call_args.c ---- */

u64 rnd(struct thread *t);
#define ONE_IN(t, n)  (rnd(t) % (n) == 0)
#define PICK(t, list) ((list)[rnd(t) % (sizeof(list) / sizeof *(list))])

enum kind { K_EVENT, K_MUTANT, K_SEMAPHORE, K_TIMER, K_KEYED, K_PORT, K_FILE, K_FOLDER, K_PIPE, K_MAILSLOT, K_CONSOLE, K_KEY, K_SECTION, K_PROCESS, K_THREAD, K_TOKEN, K_JOB,
	K_DIRECTORY, K_LINK, K_DEBUG, K_OTHER, KINDS };
#define EACH 6
extern volatile u64 pool[KINDS][EACH]; /* handles to use */
extern volatile u64 areas[16];	       /* memory that calls have made */
extern u64 victim;		       /* a process that may be done anything to */
extern uint32_t victim_ids[2];
void keep_handle(struct thread *t, u64 h, enum kind k); /* into the pool; another goes */
u64 a_word(struct thread *t);
int is_one(const char *name, const char *list); /* is it one of those with a space on both sides? */
u64 an_argument(struct thread *t, const struct call *c, const struct arg *a);
void sleeper(void);		  /* never returns */
DWORD WINAPI nothing(void *arg); /* returns at once */

/* ---- nt_call_worker.c ---- */

int worker(unsigned seed, HANDLE section, unsigned calls_each, char **names, int name_count);
int victim_main(unsigned parent);
#endif
