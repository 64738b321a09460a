/* SPDX-License-Identifier: MIT */
/*
 * monitor/tree.c - walks: the folders below a folder, many in one answer, read ahead.
 *
 * A walk is a stack of folders to read, by their paths from its root.  A worker reads
 * the one on top into the answer and puts its subfolders in its place.  When an
 * answer was taken, the next one is made at once: the asker works on the one while the other
 * is read, on another CPU.  An answer is small at first and doubles, so
 * that a walk that ends soon has cost little.
 *
 * Each folder is judged by policy as a path of its own and opened as an ENUM would, but
 * never on another file system than its mount's: nobody asked for it yet, and it might
 * wait for ever.  Nothing on the host is held between two answers.
 *
 * The loop thread owns the table of walks; a walk that is being read is its worker's, but for
 * pico, token, used_ns and waiting.  Bounds: TREES walks, STACK_MAX bytes of paths each; what does not fit is left out, and the asker asks for it by itself.
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

static void forget(struct tree *t)
{
	free(t->stack);
	t->stack = NULL;
	t->stack_len = t->stack_room = 0;
	names_free(&t->names);
	t->next_name = t->next_file = 0;
	t->unnamed = false;
	t->start[0] = 0;
	t->len = 0;
}

/* ---- The loop thread's ---- */

static void tree_ready(struct job *j);

static void read_ahead(struct tree *t)
{
	struct job *j = t->reader;

	t->state = TREE_READING;
	t->what = t->want_what;
	t->order = t->want_order;
	t->len = 0;
	t->room = t->room == 0 ? t->what == 'c' ? FIRST_FILES : FIRST : t->room * 2 < DK_TREE_ROOM ? t->room * 2 : DK_TREE_ROOM;
	*j = (struct job){ .work = tree_read, .done = tree_ready, .kept = true, .fd = -1, .out_fd = -1, .also_fd = -1, .arg = t };
	worker_give(j);
}

static bool is_over(const struct tree *t)
{
	return !t->start[0] && t->stack_len == 0 && !tree_has_rest(t);
}

/* The answer was taken: the next one is begun. */
static void go_on(struct tree *t)
{
	t->len = 0;
	t->used_ns = now_ns();
	if (!is_over(t))
		read_ahead(t);
}

static void tree_ready(struct job *j)
{
	struct tree *t = j->arg;
	struct job *w = t->waiting;

	t->state = TREE_IDLE;
	t->waiting = NULL;
	if (t->pico == 0) { /* nobody's any more */
		forget(t);
		t->state = TREE_FREE;
	}
	if (!w)
		return;
	w->data = t->data;
	w->reply.data_len = t->len;
	channel_job_done(w);
	if (t->state == TREE_IDLE)
		go_on(t);
}

/* Walks that nobody goes on with give their memory back. */
static struct tree *tree_slot(uint64_t pico)
{
	struct tree *oldest = NULL, *mine = NULL;
	uint64_t now = now_ns();

	for (unsigned i = 0; i < TREES; i++) {
		struct tree *t = trees[i];

		if (t && t->state == TREE_IDLE && now - t->used_ns > IDLE_NS && t->pico != pico) {
			forget(t);
			t->state = TREE_FREE;
		}
		if (t && t->pico == pico && t->state != TREE_FREE)
			mine = t;
	}
	if (mine && mine->state == TREE_READING) {
		mine->pico = 0; /* what it reads is not wanted any more */
		mine = NULL;
	}
	for (unsigned i = 0; i < TREES && !mine; i++) {
		struct tree *t = trees[i];

		if (!t) {
			t = trees[i] = calloc(1, sizeof *t);
			if (!t)
				return NULL;
			t->data = malloc(DK_TREE_ROOM);
			t->reader = malloc(sizeof *t->reader);
		}
		if (t->data && t->reader && t->state != TREE_READING && (!oldest || t->state == TREE_FREE || t->used_ns < oldest->used_ns))
			oldest = t;
		if (t->state == TREE_FREE && oldest == t)
			break;
	}
	return mine ? mine : oldest;
}

void tree_forget(uint64_t pico)
{
	for (unsigned i = 0; i < TREES; i++) {
		struct tree *t = trees[i];

		if (!t || t->pico != pico)
			continue;
		t->pico = 0;
		if (t->state == TREE_IDLE) {
			forget(t);
			t->state = TREE_FREE;
		}
	}
}

static struct tree *tree_of(const struct job *j, uint64_t token)
{
	for (unsigned i = 0; i < TREES; i++)
		if (trees[i] && trees[i]->pico == j->pico && trees[i]->token == token && trees[i]->state != TREE_FREE)
			return trees[i];
	return NULL;
}

/* A walk that is being read waits here, not in a worker. */
static void tree_park(struct job *j)
{
	((struct tree *)j->arg)->waiting = j;
}

static bool tree_try(struct job *j, bool try)
{
	struct tree *t = j->arg;

	(void)try;
	if (t->state == TREE_IDLE && t->len == 0 && !is_over(t))
		read_ahead(t);
	if (t->state == TREE_READING) {
		j->park = tree_park;
		return false;
	}
	memcpy(j->data, t->data, t->len);
	j->reply.data_len = t->len;
	go_on(t);
	return true;
}

static enum dk_status start_walk(struct job *j, const char *root, const char *start)
{
	struct tree *t = tree_slot(j->pico);

	if (!t)
		return DK_BUSY;
	forget(t);
	*t = (struct tree){ .state = TREE_IDLE, .pico = j->pico, .token = ++next_token, .used_ns = now_ns(), .data = t->data, .reader = t->reader };
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
	j->work = tree_try;
	return DK_OK;
}
