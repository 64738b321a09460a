/* SPDX-License-Identifier: MIT */
/* bench/measure.h - timing one operation, for micro.c and net.c. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int cmp(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return d < 0 ? -1 : d > 0;
}

/* A line "name median_ns p99_ns" over that many samples of a batch each, after one batch to warm up. */
static void measure(const char *name, void (*op)(void), int batch, int samples)
{
	static double v[4000];

	for (int i = 0; i < batch; i++)
		op();
	for (int s = 0; s < samples; s++) {
		double t = now();

		for (int i = 0; i < batch; i++)
			op();
		v[s] = (now() - t) / batch;
	}
	qsort(v, (size_t)samples, sizeof *v, cmp);
	printf("%s %.1f %.1f\n", name, v[samples / 2], v[samples * 99 / 100]);
	fflush(stdout);
}

#endif
