/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/hive_fuzz.c - hive files as NtLoadKey reads them.
 *
 * The input is the file behind its head, which is made to fit, or all of it when the first byte says so.  What was read is written
 * and read again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/cm/hive.h"
#include "nt/cm/hive_format.h"
#include "nt/se/se.h"
#include "tests/unit/hive_stubs.h"

static uint8_t *file_of(const uint8_t *data, size_t n, uint32_t *size)
{
	struct hive_head h = { .magic = "regf", .first_sequence = 1, .second_sequence = 1, .major = 1, .minor = 5, .root = 32, .bins_size = (uint32_t)n };
	uint8_t *file = malloc(HIVE_HEAD + n);
	uint32_t sum = 0, word;

	memset(file, 0, HIVE_HEAD);
	for (int i = 0; i < 127; i++) {
		memcpy(&word, (uint8_t *)&h + 4 * i, 4);
		sum ^= word;
	}
	h.checksum = sum == 0 ? 1 : sum == UINT32_MAX ? UINT32_MAX - 1 : sum;
	memcpy(file, &h, sizeof h);
	memcpy(file + HIVE_HEAD, data, n);
	*size = HIVE_HEAD + (uint32_t)n;
	return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cm_key *k, *again = NULL;
	uint8_t *file, *image;
	uint32_t size;

	if (n == 0)
		return 0;
	if (data[0] == 'r') {
		(void)hive_read(data, (uint32_t)n, &k);
		cm_key_put(k);
	}
	file = file_of(data, n, &size);
	if (hive_read(file, size, &k) == STATUS_SUCCESS && hive_write(k, 1, &image, &size) == STATUS_SUCCESS) {
		if (hive_read(image, size, &again) != STATUS_SUCCESS)
			abort();
		cm_key_put(again);
		free(image);
	}
	cm_key_put(k);
	free(file);
	if (blocks != 0)
		abort();
	return 0;
}
