/* SPDX-License-Identifier: MIT */
/* nt/ps/job.h - a job object, between job.c (who is in it) and job_info.c (what is asked and set of it). */
#ifndef NT_PS_JOB_H
#define NT_PS_JOB_H

#include "nt/nt.h"

#define JOB_ASSIGN_PROCESS     0x01u
#define JOB_SET_ATTRIBUTES     0x02u
#define JOB_QUERY              0x04u
#define JOB_TERMINATE          0x08u
#define JOB_ALL_ACCESS         0x1f003fu

#define LIMIT_PROCESS_TIME     0x0002u
#define LIMIT_JOB_TIME         0x0004u
#define LIMIT_PROCESS_MEMORY   0x0100u
#define LIMIT_JOB_MEMORY       0x0200u
#define LIMIT_ACTIVE_PROCESS   0x0008u
#define LIMIT_BREAKAWAY_OK     0x0800u
#define LIMIT_SILENT_BREAKAWAY 0x1000u
#define LIMIT_KILL_ON_CLOSE    0x2000u
#define LIMITS_BASIC           0x00ffu
#define LIMITS_ALL             0x7fffu

enum { MSG_JOB_TIME = 1, MSG_PROCESS_TIME, MSG_ACTIVE_LIMIT, MSG_ZERO, MSG_NEW = 6, MSG_EXIT, MSG_ABNORMAL, MSG_PROCESS_MEMORY, MSG_JOB_MEMORY };
enum { END_TERMINATE, END_POST };
#define ERROR_NOT_ENOUGH_QUOTA 1816u /* what ends for a limit of time has this exit code */

struct basic_limits {
	int64_t PerProcessUserTimeLimit, PerJobUserTimeLimit;
	uint32_t LimitFlags, pad;
	uint64_t MinimumWorkingSetSize, MaximumWorkingSetSize;
	uint32_t ActiveProcessLimit, pad2;
	uint64_t Affinity;
	uint32_t PriorityClass, SchedulingClass;
};
struct extended_limits {
	struct basic_limits basic;
	uint64_t io[6], ProcessMemoryLimit, JobMemoryLimit, PeakProcessMemoryUsed, PeakJobMemoryUsed;
};
struct accounting {
	int64_t TotalUserTime, TotalKernelTime, ThisPeriodTotalUserTime, ThisPeriodTotalKernelTime;
	uint32_t TotalPageFaultCount, TotalProcesses, ActiveProcesses, TotalTerminatedProcesses;
	uint64_t io[6];
};
_Static_assert(sizeof(struct basic_limits) == 0x40 && sizeof(struct extended_limits) == 0x90 && sizeof(struct accounting) == 0x60, "job");

struct nt_job {
	struct ob_object ob;      /* OB_JOB.  Signalled when it was ended and has no process left */
	LOCK(NTJOB) lock;
	struct list processes;    /* [NTJOB] by job_link: those that are in no job below */
	struct nt_job *parent;    /* [NTJOB] a reference; set once */
	uint32_t active, total, terminated; /* [NTJOB] with those of jobs below */
	uint32_t ended;           /* [NTJOB] NtTerminateJobObject came */
	uint32_t end_action, ui, pad;
	struct extended_limits limits; /* [NTJOB] */
	int64_t user, kernel;     /* [NTJOB] of those that have ended */
	int64_t time_end;         /* [NTJOB] user time that is LIMIT_JOB_TIME's end */
	struct ob_object *port;   /* [NTJOB] a reference */
	uint64_t port_key;
};

/* Is j outer, or below it?  outer NULL: is j in no job at all? */
bool job_is_below(const struct nt_job *j, const struct nt_job *outer);
/* A message of the job's completion port. */
void job_tell(struct nt_job *j, uint32_t message, uint64_t value);
/* All of its processes end.  True: the caller's is one of them, and is to end too. */
bool job_end(struct nt_job *j, NTSTATUS code);
/* 100 ns of CPU, of those that have ended and of living ones.  No lock is held. */
void job_times(struct nt_job *j, int64_t *user, int64_t *kernel);
/* extended: all of l, not the basic part alone.  No lock is held. */
void job_limits_set(struct nt_job *j, const struct extended_limits *l, bool extended);
#endif
