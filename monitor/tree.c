/* SPDX-License-Identifier: MIT */
/*
 * monitor/tree.c - walks: the folders below a folder, many in one answer, read ahead.
 *
 * A walk is a stack of folders to read, by their paths from its root.  A worker reads
 * the one on top into the answer and puts its subfolders in its place.  It goes on with further answers
 * until a few are ready: the asker works on the one while others are read, on another CPU.  An answer
 * is small at first and doubles, so that a walk that ends soon has cost little; and none is made before the second is
 * asked for, by when the asker knows what he needs.
 *
 * Each folder is judged by policy as a path of its own and opened as an ENUM would, but
 * never on another file system than its mount's: nobody asked for it yet, and it might
 * wait for ever.  Nothing on the host is held between two answers.
 *
 * The loop thread owns the table of walks.  While reading is set a walk is its worker's, but for what is
 * called shared, and for what the loop thread says of it; the worker clears it as its last word.  Answers go round in a ring:
 * the worker fills the next one and then counts it in ready, the loop thread sends the oldest and counts it out when
 * it is asked again.  Who finds none says so in wanted, and then looks again at ready and reading; the worker changes those and
 * then looks at wanted.  Bounds: TREES walks, STACK_MAX bytes of paths each; what does not fit is left out, and the asker asks for it by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "monitor/host.h"
#include "monitor/monitor.h"
#include "monitor/tree.h"

_Static_assert(DK_TREE_ROOM <= MON_DATA_MAX, "an answer has room");

#define TREES     4u
#define FIRST     4096u       /* bytes of a walk's first answer */
#define FIRST_FILES 32768u   /* the same with contents */
#define IDLE_NS   2000000000ull

static struct tree *trees[TREES];
static uint64_t next_token;

/* Nobody reads it. */
static void forget(struct tree *t)
{
	free(t->stack);
	t->stack = NULL;
	t->stack_len = t->stack_room = 0;
	names_free(&t->names);
	t->next_name = t->next_file = 0;
	t->unnamed = false;
	t->start[0] = 0;
}

/* ---- A worker's ---- */

static uint32_t room_for(const struct tree *t)
{
	uint32_t room = t->room == 0 ? FIRST : t->room * 2;

	if (t->what == 'c' && room < FIRST_FILES)
		return FIRST_FILES;
	return room < DK_TREE_ROOM ? room : DK_TREE_ROOM;
}

static void make_answer(struct tree *t)
{
	struct tree_answer *a = &t->answer[t->made % TREE_ANSWERS];

	t->what = atomic_load(&t->want_what);
	t->order = atomic_load(&t->want_order);
	t->data = a->data;
	t->room = room_for(t);
	tree_read(t);
	a->len = t->len;
	t->made++;
	atomic_fetch_add(&t->ready, 1);
	if (!t->start[0] && t->stack_len == 0 && !tree_has_rest(t))
		atomic_store(&t->over, true); /* who sees this sees all answers */
	if (atomic_exchange(&t->wanted, false))
		worker_poke();
}

static bool read_on(struct job *j, bool try)
{
	struct tree *t = j->arg;

	(void)try;
	do {
		make_answer(t);
	} while (!atomic_load(&t->over) && !atomic_load(&t->dropped) && atomic_load(&t->ready) < atomic_load(&t->most));
	if (atomic_load(&t->dropped))
		forget(t);
	atomic_store(&t->reading, false);
	if (atomic_load(&t->wanted))
		worker_poke();
	return true;
}

/* ---- The loop thread's ---- */

static bool has_rooms(struct tree *t)
{
	for (unsigned i = 0; i < TREE_ANSWERS; i++)
		if (!t->answer[i].data && !(t->answer[i].data = malloc(DK_TREE_ROOM)))
			return false;
	return t->reader || (t->reader = malloc(sizeof *t->reader)) != NULL;
}

/* Answers that can be taken. */
static uint32_t ready(const struct tree *t)
{
	return atomic_load(&t->ready) - t->lent;
}

/* A worker reads on, unless one does, or enough is ready. */
static void go_on(struct tree *t)
{
	struct job *j = t->reader;

	if (atomic_load(&t->reading) || atomic_load(&t->over) || ready(t) > (atomic_load(&t->most) - 1) / 2)
		return;
	memset(j, 0, offsetof(struct job, text));
	j->work = read_on;
	j->silent = true;
	j->arg = t;
	atomic_store(&t->reading, true);
	worker_give(j);
}

/* The oldest answer is j's, until the next request.  False: there is none, and the worker will tell. */
static bool take(struct tree *t, struct job *j)
{
	const struct tree_answer *a = &t->answer[t->taken % TREE_ANSWERS];

	if (ready(t) == 0 && !atomic_load(&t->over)) {
		atomic_store(&t->wanted, true);
		go_on(t);
		if (ready(t) == 0)
			return false;
		atomic_store(&t->wanted, false);
	}
	if (ready(t) == 0) {
		j->reply.status = DK_NOT_FOUND;
		return true;
	}
	j->data = a->data;
	j->reply.data_len = a->len;
	t->lent = 1;
	t->taken++;
	t->used_ns = now_ns();
	go_on(t);
	return true;
}

void tree_serve(void)
{
	for (unsigned i = 0; i < TREES; i++) {
		struct tree *t = trees[i];
		struct job *w = t ? t->waiting : NULL;

		if (!w)
			continue;
		if (t->pico == 0)
			w->reply.status = DK_NOT_FOUND;
		else if (!take(t, w))
			continue;
		t->waiting = NULL;
		channel_job_done(w);
	}
}

/* Walks that nobody goes on with give their memory back. */
static struct tree *tree_slot(uint64_t pico)
{
	struct tree *best = NULL;
	uint64_t now = now_ns();

	for (unsigned i = 0; i < TREES; i++) {
		struct tree *t = trees[i];

		if (!t)
			continue;
		if (t->pico == pico && atomic_load(&t->reading))
			atomic_store(&t->dropped, true), t->pico = 0; /* what it reads is not wanted any more */
		else if (t->pico == pico || (now - t->used_ns > IDLE_NS && !t->waiting))
			tree_forget(t->pico);
	}
	for (unsigned i = 0; i < TREES; i++) {
		struct tree *t = trees[i] ? trees[i] : (trees[i] = calloc(1, sizeof *t));

		if (!t || atomic_load(&t->reading) || t->waiting || !has_rooms(t))
			continue;
		if (t->pico == 0)
			return t;
		if (!best || t->used_ns < best->used_ns)
			best = t;
	}
	return best;
}

void tree_forget(uint64_t pico)
{
	for (unsigned i = 0; i < TREES; i++) {
		struct tree *t = trees[i];

		if (!t || pico == 0 || t->pico != pico)
			continue;
		t->pico = 0;
		atomic_store(&t->dropped, true);
		if (!atomic_load(&t->reading))
			forget(t); /* else its worker does */
	}
}

static struct tree *tree_of(const struct job *j, uint64_t token)
{
	for (unsigned i = 0; i < TREES; i++)
		if (trees[i] && trees[i]->pico == j->pico && trees[i]->token == token)
			return trees[i];
	return NULL;
}

/* Who asks for an answer that is not ready waits here, not in a worker. */
static void tree_park(struct job *j)
{
	((struct tree *)j->arg)->waiting = j;
}

static bool tree_try(struct job *j, bool try)
{
	struct tree *t = j->arg;

	(void)try;
	if (take(t, j))
		return true;
	j->park = tree_park;
	return false;
}

static enum dk_status start_walk(struct job *j, const char *root, const char *start)
{
	struct tree *t = tree_slot(j->pico);

	if (!t)
		return DK_BUSY;
	forget(t);
	t->pico = j->pico;
	t->token = ++next_token;
	t->used_ns = now_ns();
	t->made = t->taken = t->lent = t->room = 0;
	t->nobody = false;
	t->over = t->dropped = t->wanted = false;
	t->ready = 0;
	t->most = 1;
	strcpy(t->root, root[1] ? root : "");
	strcpy(t->start, start);
	j->arg = t;
	return DK_OK;
}

/* The URI's path is canonical; the query is checked here. */
enum dk_status tree_query(struct job *j)
{
	const char *root = j->text + 5, *q = j->text + j->text2;
	size_t len = strlen(q);
	char path[PATH_MAX + 1];
	enum dk_status status = DK_OK;
	struct tree *t;

	if (len != j->req.text_len - j->text2 || len < 4 || !strchr("nac", q[0]) || !strchr("hni", q[1]) || (q[2] != '/' && q[2] != '+') ||
		len + strlen(root) >= PATH_MAX)
		return DK_INVALID_ARG;
	if (q[2] == '/') {
		memcpy(path, q + 2, len - 1);
		if (!path_canonical(path, len - 2))
			return DK_INVALID_ARG;
		status = start_walk(j, root, q + 3);
	} else {
		j->arg = tree_of(j, strtoull(q + 3, NULL, 16));
		if (!j->arg)
			return DK_NOT_FOUND;
	}
	if (status != DK_OK)
		return status;
	t = j->arg;
	t->want_what = q[0];
	t->want_order = q[1];
	if (t->lent) { /* that one has been sent, so this is not the first */
		atomic_fetch_sub(&t->ready, t->lent);
		t->lent = 0;
		t->most = TREE_ANSWERS;
	}
	j->work = tree_try;
	return DK_OK;
}
