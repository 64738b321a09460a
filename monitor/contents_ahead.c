/* SPDX-License-Identifier: MIT */
/*
 * monitor/contents_ahead.c - contents that will be asked for next, read while the asker works.
 *
 * A request for contents may say what the next one will be (abi/dk_types.h).  A worker reads that, as it would for the
 * request itself, and the answer waits for a request with just these names.  If it comes early it waits here, not in a worker.
 *
 * All but the reading is the loop thread's.  Bounds: AHEAD answers, one of a picoprocess; each has two rooms, since one is
 * being sent when the next is begun.
 */
#include <stdlib.h>
#include <string.h>

#include "monitor/monitor.h"

#define AHEAD 2u

static struct ahead {
	uint64_t pico; /* 0: nobody's */
	enum { AHEAD_NONE, AHEAD_READING, AHEAD_READY } state;
	uint64_t used_ns;
	struct job *waiting; /* the asker's, until it is read */
	unsigned char *room[2];
	unsigned which;      /* of them is, or will be, the answer */
	enum dk_status status;
	uint32_t len;        /* of the answer */
	uint32_t key_len;
	char key[MON_TEXT_MAX + 2]; /* folder, NUL, names */
} aheads[AHEAD] BIG_BSS;

static void drop(struct ahead *a)
{
	free(a->room[0]);
	free(a->room[1]);
	a->room[0] = a->room[1] = NULL;
	a->pico = 0;
	a->state = AHEAD_NONE;
}

/* The answer is j's until the next request. */
static void give(struct ahead *a, struct job *j)
{
	j->data = a->room[a->which];
	j->reply.data_len = a->len;
	j->reply.status = a->status;
	a->which ^= 1;
	a->state = AHEAD_NONE;
}

static void is_read(struct job *j);

static struct ahead *place_for(uint64_t pico)
{
	struct ahead *best = NULL;

	for (unsigned i = 0; i < AHEAD; i++) {
		struct ahead *a = &aheads[i];

		if (a->pico == pico)
			return a->state == AHEAD_READING ? NULL : a;
		if (a->state != AHEAD_READING && (!best || a->used_ns < best->used_ns))
			best = a;
	}
	return best;
}

static bool has_rooms(struct ahead *a)
{
	for (unsigned i = 0; i < 2; i++)
		if (!a->room[i] && !(a->room[i] = malloc(MON_DATA_MAX)))
			return false;
	return true;
}

/* A worker reads what j says that it will ask for next. */
static void begin(const struct job *j)
{
	struct ahead *a = place_for(j->pico);
	const char *names = j->text + j->text3;
	struct job *r = a && has_rooms(a) ? job_new() : NULL;

	if (!r)
		return;
	r->req = j->req;
	r->a = j->a;
	r->text2 = j->text2;
	memcpy(r->text, j->text, j->text2);
	strcpy(r->text + j->text2, names);
	r->req.text_len = j->text2 + (uint32_t)strlen(names);
	r->work = contents_work;
	r->done = is_read;
	r->arg = a;
	r->data = a->room[a->which];
	a->pico = j->pico;
	a->state = AHEAD_READING;
	a->used_ns = now_ns();
	a->key_len = r->req.text_len;
	memcpy(a->key, r->text, a->key_len);
	worker_give(r);
}

/* The reader of j->arg is done. */
static void is_read(struct job *j)
{
	struct ahead *a = j->arg;
	struct job *w = a->waiting;

	a->len = j->reply.data_len;
	a->status = (enum dk_status)j->reply.status;
	a->state = AHEAD_READY;
	a->waiting = NULL;
	j->data = NULL; /* it was lent */
	if (w) {
		give(a, w);
		if (w->text3 && pico_find(w->pico))
			begin(w);
		channel_job_done(w);
	}
	if (a->pico == 0)
		drop(a);
}

/* What j asks for is read, or is being read. */
static bool take(struct job *j, bool try)
{
	struct ahead *a = j->arg;

	(void)try;
	if (a->state != AHEAD_READY)
		return false;
	give(a, j);
	if (j->text3)
		begin(j);
	return true;
}

static void wait_here(struct job *j)
{
	((struct ahead *)j->arg)->waiting = j;
}

void contents_ahead(struct job *j)
{
	uint32_t len = j->text2 + (uint32_t)strlen(j->text + j->text2);

	for (unsigned i = 0; i < AHEAD; i++) {
		struct ahead *a = &aheads[i];

		if (a->pico != j->pico || a->state == AHEAD_NONE || a->waiting || a->key_len != len || memcmp(a->key, j->text, len) != 0)
			continue;
		j->arg = a;
		j->work = take;
		j->park = a->state == AHEAD_READY ? NULL : wait_here;
		return;
	}
	if (j->text3)
		begin(j); /* beside what the asker waits for */
}

void contents_forget(uint64_t pico)
{
	for (unsigned i = 0; i < AHEAD; i++) {
		struct ahead *a = &aheads[i];

		if (a->pico != pico)
			continue;
		a->pico = 0;
		if (a->state != AHEAD_READING)
			drop(a); /* else is_read does */
	}
}
