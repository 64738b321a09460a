/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/misc.c - calls that belong to nothing else: debug output, UUIDs, licences, power, hard errors, firmware variables.
 *
 * What would change the machine is refused as Windows refuses it to who lacks the privilege.
 */
#include "nt/cm/cm.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/os/sysinfo.h"
#include "nt/rtl/unicode.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

/* Messages of Wine's DLLs, those that WINEDEBUG lets through, go to standard error. */
NTSTATUS __wine_dbg_write(struct nt_thread *t, uint64_t text, uint32_t size)
{
	(void)t;
	return (NTSTATUS)os_write_stderr(text, size);
}

NTSTATUS NtDisplayString(struct nt_thread *t, uint64_t string)
{
	WCHAR *text;
	uint32_t size, bytes;
	char *line;
	NTSTATUS status = user_string(string, &text, &size);

	(void)t;
	if (status != STATUS_SUCCESS)
		return status;
	line = rtl_utf8_of(text, size, &bytes);
	if (line != NULL)
		log_line(DK_LOG_WARNING, "%s", line);
	heap_free(line);
	heap_free(text);
	return STATUS_SUCCESS;
}

NTSTATUS NtAllocateUuids(struct nt_thread *t, uint64_t time, uint64_t range, uint64_t sequence, uint64_t seed)
{
	int64_t now = ex_system_time();
	uint32_t numbers[2] = { 1000, 0 };
	uint8_t node[6];
	NTSTATUS status = user_write(time, &now, sizeof now);

	(void)t;
	(void)DkRandomBitsRead(node, sizeof node);
	(void)DkRandomBitsRead(&numbers[1], sizeof numbers[1]);
	node[0] |= 1; /* no network card's address */
	if (status == STATUS_SUCCESS)
		status = user_write(range, &numbers[0], 4);
	if (status == STATUS_SUCCESS)
		status = user_write(sequence, &numbers[1], 4);
	return status == STATUS_SUCCESS ? user_write(seed, node, sizeof node) : status;
}

/* Licence values are values of a key of the registry, where Wine has them. */
NTSTATUS NtQueryLicenseValue(struct nt_thread *t, uint64_t name, uint64_t type, uint64_t buffer, uint32_t length, uint64_t returned)
{
	struct cm_value *v;
	WCHAR *text;
	uint32_t size;
	NTSTATUS status;

	(void)t;
	if (name == 0 || returned == 0)
		return STATUS_INVALID_PARAMETER;
	status = user_string(name, &text, &size);
	if (status != STATUS_SUCCESS)
		return status;
	status = size == 0 ? (NTSTATUS)STATUS_INVALID_PARAMETER :
			     cm_read(u"\\Machine\\Software\\Wine\\LicenseInformation", text, size, &v);
	heap_free(text);
	if (status != STATUS_SUCCESS)
		return status;
	status = user_put32(type, v->type);
	if (status == STATUS_SUCCESS)
		status = user_put32(returned, v->size);
	if (status == STATUS_SUCCESS)
		status = length < v->size ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_write(buffer, cm_data(v), v->size);
	cm_value_put(v);
	return status;
}

enum power_level { POWER_CAPABILITIES = 4, POWER_BATTERY = 5, POWER_PROCESSOR = 11, POWER_EXECUTION_STATE = 16 };

static NTSTATUS power_battery(uint64_t out, uint32_t room)
{
	uint8_t state[32] = { 1 }; /* on mains, no battery */

	return room < sizeof state ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_write(out, state, sizeof state);
}

static NTSTATUS power_capabilities(uint64_t out, uint32_t room)
{
	uint8_t caps[76] = { 0 };

	caps[0] = caps[6] = 1; /* a power button; it can be turned off */
	return room < sizeof caps ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_write(out, caps, sizeof caps);
}

static NTSTATUS power_processors(uint64_t out, uint32_t room)
{
	struct os_machine m;
	NTSTATUS status = STATUS_SUCCESS;

	if (out == 0)
		return STATUS_INVALID_PARAMETER;
	os_machine(&m);
	if (room < m.cpus * 24)
		return STATUS_BUFFER_TOO_SMALL;
	for (uint32_t i = 0; i < m.cpus && status == STATUS_SUCCESS; i++) {
		uint32_t one[] = { i, 2000, 2000, 2000, 0, 0 }; /* number; most, current and limit in MHz; idle states */

		status = user_write(out + i * sizeof one, one, sizeof one);
	}
	return status;
}

NTSTATUS NtPowerInformation(struct nt_thread *t, uint32_t level, uint64_t in, uint32_t in_size, uint64_t out, uint32_t out_size)
{
	(void)t;
	(void)in;
	(void)in_size;
	switch (level) {
	case POWER_CAPABILITIES: return power_capabilities(out, out_size);
	case POWER_BATTERY: return power_battery(out, out_size);
	case POWER_PROCESSOR: return power_processors(out, out_size);
	case POWER_EXECUTION_STATE: {
		uint32_t none = 0;

		return out_size < sizeof none ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_write(out, &none, sizeof none);
	}
	default: return STATUS_NOT_IMPLEMENTED;
	}
}

NTSTATUS NtInitiatePowerAction(struct nt_thread *t, uint32_t action, uint32_t least, uint32_t flags, uint8_t asynchronous)
{
	(void)t;
	(void)action;
	(void)least;
	(void)flags;
	(void)asynchronous;
	return STATUS_PRIVILEGE_NOT_HELD;
}

NTSTATUS NtShutdownSystem(struct nt_thread *t, uint32_t action)
{
	(void)t;
	(void)action;
	return STATUS_PRIVILEGE_NOT_HELD;
}

NTSTATUS NtLoadDriver(struct nt_thread *t, uint64_t name)
{
	(void)t;
	(void)name;
	return STATUS_PRIVILEGE_NOT_HELD;
}

NTSTATUS NtUnloadDriver(struct nt_thread *t, uint64_t name)
{
	(void)t;
	(void)name;
	return STATUS_PRIVILEGE_NOT_HELD;
}

/* There is nobody to ask: the answer is that nobody could be asked, and the program goes on or ends by itself. */
NTSTATUS NtRaiseHardError(struct nt_thread *t, uint32_t error, uint32_t count, uint32_t strings, uint64_t values, uint32_t options, uint64_t response)
{
	uint32_t not_handled = 1; /* ResponseNotHandled */

	(void)t;
	(void)count;
	(void)strings;
	(void)values;
	(void)options;
	log_line(DK_LOG_WARNING, "a Windows program has a hard error: status 0x%x", error);
	return user_write(response, &not_handled, sizeof not_handled);
}

/* A machine with the old firmware, which has no variables. */
NTSTATUS NtQuerySystemEnvironmentValue(struct nt_thread *t, uint64_t name, uint64_t buffer, uint32_t length, uint64_t returned)
{
	(void)t;
	(void)name;
	(void)buffer;
	(void)length;
	(void)returned;
	return STATUS_NOT_IMPLEMENTED;
}

NTSTATUS NtQuerySystemEnvironmentValueEx(struct nt_thread *t, uint64_t name, uint64_t vendor, uint64_t buffer, uint64_t returned, uint64_t attributes)
{
	(void)t;
	(void)name;
	(void)vendor;
	(void)buffer;
	(void)returned;
	(void)attributes;
	return STATUS_NOT_IMPLEMENTED;
}

NTSTATUS NtSetIntervalProfile(struct nt_thread *t, uint32_t interval, uint32_t source)
{
	(void)t;
	(void)interval;
	(void)source;
	return STATUS_SUCCESS; /* profile objects cannot be made, so nothing is counted */
}

NTSTATUS NtSystemDebugControl(struct nt_thread *t, uint32_t command, uint64_t in, uint32_t in_size, uint64_t out, uint32_t out_size, uint64_t returned)
{
	(void)t;
	(void)command;
	(void)in;
	(void)in_size;
	(void)out;
	(void)out_size;
	(void)returned;
	return STATUS_DEBUGGER_INACTIVE;
}

/* Event tracing: there is no session, so what is traced goes nowhere. */
NTSTATUS NtTraceControl(struct nt_thread *t, uint32_t code, uint64_t in, uint32_t in_size, uint64_t out, uint32_t out_size, uint64_t returned)
{
	(void)t;
	(void)code;
	(void)in;
	(void)in_size;
	(void)out;
	(void)out_size;
	return user_put32(returned, 0);
}
