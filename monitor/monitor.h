/* SPDX-License-Identifier: MIT */
/*
 * monitor/monitor.h - the parts of the monitor and what they know of each other.
 *
 * The monitor is one process with one loop thread (loop.c).  All state belongs to
 * that thread; at most four workers (worker.c) run jobs that may wait for a
 * device, and own nothing but the job in their hands.  Whatever comes from a
 * picoprocess is hostile: channel.c checks its size and copies it, policy.c alone
 * says what may be reached.  sandbox.c tells how a sandbox starts and ends.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/dk_boot.h"
#include "abi/monitor.h"
#include "monitor/run.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

struct pico;

/* ---- spec.c: what the command asked for, checked; immutable once the guest runs ---- */
struct spec_ext {
	const char *name, *arg;
};
struct spec {
	char *records;         /* the whole spec; strings below point into it */
	size_t size;
	const char *name;      /* --name, or NULL */
	const char *image;     /* personality: "linux", or a file name for bare ones */
	bool bare;             /* the image runs alone, without a kproc */
	uint64_t memory, pids, cpu_quota;
	struct spec_ext ext[EXT_SLOTS];
	uint32_t ext_count;
	const char *trace;     /* "lx,nt,dk,mon" or "" */
	const char *pcap;      /* --pcap, or NULL */
	int pcap_fd;
	int log_fd;            /* -1 = standard error */
	bool verbose, trace_mon, want_tty, stats;
};
extern struct spec spec;
void spec_take(char *records, size_t size);
/* Calls fn for each record that goes to the library OS, that is all without "m.". */
void spec_each_config(void (*fn)(const char *record, void *arg), void *arg);

/* ---- log.c ---- */
void log_line(enum dk_log_level level, const char *format, ...) PRINTF_LIKE(2, 3);
void log_text(enum dk_log_level level, const char *who, const char *text, size_t len);
void log_flush(bool wait);
void log_guest(const struct pico *p, uint64_t level, const char *text, size_t len); /* MON_LOG */

/* ---- stats.c ---- */
void stats_init(void);
void stats_request(uint32_t op);
enum born { BORN_FRESH, BORN_AS_COPY, BORN_BY_FORK, BIRTHS }; /* the last two: of a fresh one that waits; of a guest */
void stats_birth(enum born how);
void stats_print(void); /* if --stats asked for it */

/* ---- status.c ---- */
enum dk_status status_of_errno(int host_errno);
struct statx;
void attr_of_statx(const struct statx *sx, uint32_t rights, struct dk_attributes *out);
enum dk_status attr_of_fd(int fd, uint32_t rights, struct dk_attributes *out);
struct statx;
/* Looks at a name of a folder; if it is a link, its text too, of up to DK_DIRENT_TEXT bytes, of one and the same link: text has room for one more. */
bool look_at_name(int dir, const char *name, bool link, struct statx *out, char *text, size_t *text_len);
bool fs_is_local(int fd); /* its file system never waits for another machine or process */

/* ---- policy.c: the one place that says yes ---- */
enum { MOUNT_RW = 1, MOUNT_VIEW = 2 /* hide rules apply */, MOUNT_LOCAL = 4, MOUNT_NOBODY = 8 /* judged per path */ };
struct where {
	int dirfd;
	uint32_t flags;    /* MOUNT_* of the mount */
	bool bare;         /* shown as an empty folder */
	bool is_root;      /* the mount's own root: cannot be removed or renamed */
	const char *fixed; /* path below dirfd, if it is the mount's own name */
	uint32_t offset;   /* else: where in the job's text it starts */
};
void policy_mount(const char *flags, const char *guest, const char *host);
void policy_hide(const char *path);
void policy_show(const char *path);
void policy_own(const char *path);
void policy_log(void);
void policy_each_mount(void (*fn)(int fd, bool write));
/* path: a guest's, absolute, checked canonical by path_canonical. */
enum dk_status policy_find(const char *path, struct where *out);
bool policy_child_hidden(const char *dir, const char *name);
bool policy_has_rules(const char *dir);
bool policy_leads_to_mount(const char *path);
bool path_canonical(const char *path, size_t len);

/* ---- worker.c ---- */
struct stream;
struct job {
	struct job *next;
	uint64_t pico;          /* number of the asker */
	struct mon_request req; /* the monitor's copy */
	/*
	 * The work.  try: the loop thread calls and it must not wait for a device;
	 * false = it would.  In a worker the answer is always true.
	 */
	bool (*work)(struct job *j, bool try);
	void (*done)(struct job *j); /* loop thread, before the reply; may be NULL */
	void (*park)(struct job *j); /* not NULL: where work could only try, it waits here and not in a worker; takes a job from the heap,
	                                whose data is lent to it for the answer */
	void *arg;              /* work's own */
	bool silent;            /* nobody's request: when a worker has done it, that is all; the job is its maker's */
	struct where a, b;
	bool slow;              /* it flushes: others must find a worker meanwhile */
	bool brief;             /* a change, which takes a few microseconds unless a disk is waited for */
	uint32_t text2;         /* offset of the second part of text */
	uint32_t text3;         /* DK_ATTR_CONTENTS: of the names to be asked for next, 0 = none */
	uint32_t args_name;     /* offset of an attribute's name */
	struct stream *stream;  /* held */
	int fd;                 /* the stream's, borrowed while it is held */
	/* The answer. */
	struct mon_reply reply;
	int out_fd;             /* goes to the stream table, or closed */
	int also_fd;            /* CLONE: the second to go along, or -1 */
	int more[1 + MON_FETCH_MORE]; /* FETCH: descriptors beside the first; DK_ATTR_OPENED: all; borrowed, answered at once */
	bool only_more;         /* they are all that go along */
	unsigned char *data;    /* MON_DATA_MAX bytes */
	char text[MON_TEXT_MAX + 2]; /* of the request; NUL behind text_len.  The last: mostly it is short, and not all is copied */
};
void worker_give(struct job *j); /* takes a job from the heap */
void worker_poke(void);          /* any thread: the loop thread is to look around */
void worker_poked(void);         /* it does: before worker_take */
struct job *worker_take(void);   /* one that is done, or NULL */
extern int worker_eventfd;
void worker_return(struct job *j); /* any thread: it is done, as if a worker had done it */
bool worker_thread(void *(*fn)(void *arg), size_t stack); /* loop thread; false: it cannot be had */
unsigned worker_busy(void); /* workers that have something to do, or will at once */
/*
 * As root, the view of the host's root is looked at with nobody's eyes: begin and end
 * enclose what must not succeed just because we are root.
 */
void as_nobody(const struct where *w);
void as_self(const struct where *w);
/* Relative path of a place, for calls below its dirfd. */
const char *where_path(const struct job *j, const struct where *w);

/* ---- stream.c: stream numbers of the sandbox ---- */
enum stream_kind { STREAM_FILE, STREAM_DIR, STREAM_NULL, STREAM_STD, STREAM_TTY, STREAM_PIPE, STREAM_SHM, STREAM_WAITSET,
	STREAM_TCP, STREAM_SERVER, STREAM_UDP };
struct net_peers;
struct stream {
	uint64_t number;
	enum stream_kind kind;
	int fd;
	uint32_t fd_flags; /* MON_FD_* */
	uint32_t rights;   /* DK_READ.. that the policy gave */
	uint32_t refs;
	bool local, permanent, closing;
	bool locked;       /* has had a lock on the host file */
	uint32_t kept;     /* keep.c: its place + 1, 0 = none */
	uint64_t opener;   /* picoprocess whose share it counts in; 0 = nobody's */
	/* Of the last three kinds: net.c. */
	int socket;        /* fd, or what is behind it */
	uint16_t published; /* which of those of -p + 1, 0 = none */
	bool v4;
	bool brokered;     /* a connection that the relay has; fd is an end of a pair */
	struct net_peers *peers;
	struct net_ends *ends; /* of datagrams, where all is brokered: what they are told with */
	int error;         /* brokered: why it ended, until it is asked for */
};
/* May p open one more file?  What is left of our descriptors is kept for those that have few. */
struct pico;
bool stream_share_left(const struct pico *p);
void stream_count(struct stream *s, uint64_t opener);
struct stream *stream_new(enum stream_kind kind, int fd, uint32_t fd_flags, uint32_t rights);
struct stream *stream_find(uint64_t number); /* borrowed */
void stream_each(void (*fn)(struct stream *s, void *arg), void *arg);
void stream_hold(struct stream *s);
void stream_put(struct stream *s);
void stream_close(struct stream *s);
uint32_t fd_flags_of(int fd);

/* ---- file.c, file_change.c, enum.c, walk.c, contents.c: the file driver.  Each fills j->work and checks its arguments. ---- */
enum dk_status file_open(struct job *j);
enum dk_status file_query(struct job *j);
enum dk_status file_enum(struct job *j);
enum dk_status file_delete(struct job *j);
enum dk_status file_rename(struct job *j);
enum dk_status file_set(struct job *j);
enum dk_status stream_query(struct job *j);
enum dk_status stream_set(struct job *j);
enum dk_status stream_length(struct job *j);
enum dk_status stream_flush(struct job *j);
/* Shared by the three files. */
enum dk_status file_place(struct job *j, uint32_t offset, struct where *w);
enum dk_status file_split_query(struct job *j);
/* try: fails with EAGAIN where it might have to wait. */
int open_below(const struct job *j, const struct where *w, int flags, unsigned mode, bool try);
int open_at(const struct where *w, const char *path, int flags, unsigned mode, bool try); /* path: as where_path gives */
void open_done(struct job *j, int fd, bool try); /* what was opened becomes the answer's, or is closed */
uint32_t where_rights(const struct where *w);
bool chain_work(struct job *j, bool try); /* answers DK_ATTR_CHAIN */
int open_known(const struct where *w, const char *path); /* names it, from memory alone, on whatever file system */
int open_inside(const struct where *w, const char *path, int flags); /* the same, but never on another file system, and as who we are at present; may wait */
enum dk_status contents_query(struct job *j); /* DK_ATTR_CONTENTS; the folder's place is judged */
bool contents_work(struct job *j, bool try);  /* its work: good names from text2 on */
/* contents_ahead.c: j, whose work is contents_work, is answered by what was read ahead, if it was; what it says comes next is begun. */
void contents_ahead(struct job *j);
void contents_forget(uint64_t pico); /* it ended */
enum dk_status tree_query(struct job *j);     /* DK_ATTR_TREE; the same */
enum dk_status opened_query(struct job *j);   /* DK_ATTR_OPENED; the same, and all is done then */
void tree_serve(void);                       /* after worker_poke: answers may be ready */
void tree_forget(uint64_t pico);              /* it has ended */
bool walk_work(struct job *j, bool try);  /* answers DK_OPTION_WALK; value[1]: bytes of struct dk_walk */
int open_parent(const struct job *j, const struct where *w, const char **name);
enum dk_status file_create_special(struct job *j);

/* keep.c: files that may be opened again without asking. */
void keep_stream(struct job *j, struct stream *s); /* what j just opened, if it can be; says so in the answer */
void keep_drop(struct stream *s);                  /* s->kept is not 0; it is closed */
int keep_seen(void);                               /* what picoprocesses look at, borrowed; -1 = none */
void keep_event(void);

/* stream_attr.c: answered at once, or j->work set; false = not one of these classes. */
bool attr_query(struct job *j);
bool attr_set(struct job *j);
void attr_drop_locks(struct stream *s);

/* ---- net.c, net_attr.c, net_datagram.c: the network outside (net.h) ---- */
void net_start(void);  /* its helper; if a network was granted */
void net_ready(void);  /* waits until that has bound what is published */
void net_settings(void (*add_record)(const char *record, void *arg), void *arg); /* of the library OS */
bool net_granted(void);
extern unsigned net_more_fds; /* descriptors beside those of streams */
void net_event(void);
void net_broker_event(void);
bool net_due(void);    /* somebody waits for what the helper will say at once */
bool net_has(pid_t pid); /* it is a process of the network's, */
void net_ended(pid_t pid); /* which has ended */
bool net_left(void);   /* one of them is alive */
void net_end(void);
void net_stats(void);  /* lines for --stats */
size_t net_counts_text(char *out, size_t size); /* as CONTROL_NETWORK has it (control.h) */
enum dk_status net_counts_query(struct job *j); /* of "net:" */
bool net_uri_is(const char *uri);
enum dk_status net_open(struct job *j);
enum dk_status net_listen(struct job *j);
enum dk_status net_accept(struct job *j);
enum dk_status net_send(struct job *j);
enum dk_status net_receive(struct job *j);
void net_closed(struct stream *s);
void net_drain(int fd);
bool net_attr_query(struct job *j); /* answered; false: not one of these classes, or no socket */
void net_tune(struct job *j);       /* MON_TUNE */
int net_shut(const struct stream *s, int how); /* a socket's side, SHUT_*; -1: errno */
bool net_attr_set(struct job *j);   /* the same, or work is set */

/* ---- special.c: null, std*, tty, pipe, shm ---- */
void special_init(void);
enum dk_status special_open(struct job *j, struct stream **out);
struct stream *special_std(unsigned i);
const char *special_std_kind(unsigned i);
bool special_std_attr(unsigned i, struct dk_attributes *out); /* as opening it says */
bool special_tty(void);
enum dk_status termios_get(int fd, struct dk_termios *out);
enum dk_status termios_set(int fd, const struct dk_termios *in);
void termios_restore(void);
extern int arena_fd, data_fd, palshared_fd;
void memory_init(void);
void memory_drop(void); /* at the end: what no picoprocess has any more is freed */

/* ---- picoproc.c, pico_death.c, picotable.c: picoprocesses ---- */
enum pico_state { PICO_SPARE, PICO_RUNNING, PICO_CLONING, PICO_GRANTED /* a channel in advance, for a clone that is not announced yet */ };
struct pico {
	uint64_t number;
	enum pico_state state, after_hello;
	enum dk_role role;
	pid_t pid;             /* 0 = not known yet; set by pico_set_pid */
	struct pico *pid_next; /* of the same bucket */
	int channel;
	uint64_t process_index;
	bool reaped, eof, busy, killed;
	bool asked;            /* the first: has made a request that is answered */
	bool is_copy;          /* made by another before that was started */
	bool says_who;         /* its messages bring the sender's pid along */
	uint32_t wait_status;
	uint32_t streams;      /* open files it opened; stream.c */
	uint64_t since_ns;     /* a spare's age, or when a clone fell silent */
	uint64_t parent;       /* of a clone: who announced it, or may */
	uint64_t grant;        /* the one in PICO_GRANTED whose channel it has, 0 = none */
	unsigned char *part;   /* of a datagram whose end is to come, net_datagram.c; NULL = none yet */
	uint32_t part_len;
	bool answer_ahead;     /* it may have left one small answer unread: a CLONE's it did not wait for */
};
/* picotable.c: gives p its number, takes it away; false: no memory, or no numbers left. */
bool picos_enter(struct pico *p);
void picos_leave(struct pico *p);
uint32_t picos_live(void);
struct pico *pico_by_pid(pid_t pid);
struct pico *pico_new(enum pico_state state, enum dk_role role, int *child_end);
struct pico *pico_find(uint64_t number);
void pico_boot(struct pico *p, const char *image);
void pico_start(struct pico *p, uint64_t parameter, uint64_t index);
uint64_t pico_spawn(const char *image, uint64_t parameter, uint64_t index, enum dk_status *status);
struct pico *pico_prepare_clone(const struct pico *parent, uint64_t index, int *child_end);
struct pico *pico_grant(struct pico *parent, int *child_end); /* a channel for its next clone; NULL: it has one, or there are many */
struct pico *pico_take_grant(struct pico *parent, uint64_t number, uint64_t index); /* announces it as a clone */
void pico_forget(struct pico *p);
void pico_kill(struct pico *p, const char *why);
void pico_eof(struct pico *p);
void pico_reap(pid_t hint); /* SIGCHLD, with the pid it told, or 0 */
void pico_set_pid(struct pico *p, pid_t pid);
bool pico_may_be(pid_t pid);
bool pico_want_kproc(void); /* starts it if there is none; false = not yet, or (errno) it cannot be made */
void pico_want_kproc_in(uint64_t ms); /* a start that ends sooner does without */
void pico_first_asked(void); /* the first picoprocess made its first request */
void pico_never_was(struct pico *p); /* the clone that was to be it failed */
void pico_made(uint64_t number, pid_t pid, bool failed); /* the launcher's word */
void pico_want_spare(void);
int pico_timeout_ms(void);
void pico_tick(void);
void pico_each(void (*fn)(struct pico *p));
void pico_close_channel(struct pico *p);
extern unsigned pico_limbo; /* clones that ended before they said hello */
void pico_check_limbo(struct pico *p);
void pico_announced(const struct pico *p); /* a clone, or a grant for one, that has yet to say hello */
extern uint64_t pico_reap_at; /* when to look for dead ones among all; 0: not */
void pico_reap_all(void);
extern struct pico *first, *kproc; /* NULL: it has ended; there is none yet.  Bare: the same */

/* ---- usage.c ---- */
enum dk_status usage_query(struct job *j);

/* deaths stream */
void deaths_init(void);
void deaths_note(const struct mon_death *d);
void deaths_flush(void);
int deaths_timeout_ms(void); /* until deaths_tick has something to tell, -1 = never */
void deaths_tick(uint64_t now);
bool deaths_waiting(void);
extern int deaths_fd, deaths_child_fd;

/* ---- launcher.c: the helper that lives in the sandbox's namespaces ---- */
struct launch_order {
	uint64_t pico;
};
struct launch_answer {
	uint64_t pico;
	int32_t pid, err, init; /* init: pid 1 of the sandbox, once it is there */
	int32_t cpu;            /* on which all of them stay, -1 = anywhere */
	char text[240];
};
struct launch_args {
	int control, pal, channel; /* of the first picoprocess */
	uint64_t number, pids;
	pid_t parent;
	int cpu; /* on which the monitor was when it made the launcher */
	const char *cgroups[4];
};
pid_t launcher_fork(void);
void launcher_main(const struct launch_args *a) __attribute__((noreturn));

/* ---- channel.c ---- */
void channel_receive(struct pico *p);
void channel_hear(struct pico *p);
void channel_hear_maker(const struct pico *granted);
void channel_drain(struct pico *p);
/* ---- answer.c ---- */
/* Does the job's work here if that cannot wait, else gives it to a worker; answers and releases it. */
void job_start(struct pico *p, struct job *j, enum dk_status status);
struct job *job_new(void);       /* nobody's request, without room for data; or NULL */
void job_do(struct job *j);      /* takes a job from the heap: a worker does it, or, if it is brief, this thread soon */
void job_release(struct job *j); /* gives back what it holds; the job itself is its owner's */
void job_trace(const struct job *j);
void channel_job_done(struct job *j); /* a worker is done with it */
/* One message; false: it was not sent, and the picoprocess is ended for it. */
bool channel_send(struct pico *p, const void *msg, size_t len, const int *fds, unsigned nfds);

/* ---- channel_ops.c ---- */
enum dk_status channel_op_open(struct job *j);
enum dk_status channel_op_fetch(struct job *j);
enum dk_status channel_op_query(struct job *j);
enum dk_status channel_op_set(struct job *j);
enum dk_status channel_op_delete(struct job *j);
enum dk_status channel_op_spawn(struct job *j);
enum dk_status channel_op_clone(struct job *j);
enum dk_status channel_op_spread(void);
void channel_op_exit(struct pico *p, const struct mon_request *q);

/* ---- loop.c ---- */
enum { LOOP_CHANNEL = 1, LOOP_SIGNAL, LOOP_WORKER, LOOP_LAUNCHER, LOOP_DEATHS, LOOP_LOG, LOOP_CONTROL, LOOP_CLIENT, LOOP_TRACER, LOOP_MEMORY, LOOP_KEPT, LOOP_NET };
void loop_init(void);
void loop_add(int fd, uint32_t what, uint64_t number);
void loop_add_priority(int fd, uint32_t what, uint64_t number); /* EPOLLPRI: a cgroup file that changed */
void loop_set_write(int fd, uint32_t what, uint64_t number, bool write);
void loop_remove(int fd);
void loop_run(void);
/* j, a brief one from the heap, is done by the loop thread once it is through with this event; false: it is not, give it to a worker. */
bool loop_later(struct job *j);

/* ---- baton.c: a second thread becomes the loop thread if the first stays away.  All of it is the loop thread's. ---- */
bool baton_may_leave(void);        /* somebody watches */
bool baton_work(struct job *j);    /* does the job's work.  False: another is the loop thread now */
void baton_lost(struct job *j);    /* then: the job is left to that one; returns when the caller is the loop thread again */
uint64_t now_ns(void);
uint64_t coarse_ns(void); /* as guests compare it */

/* ---- sandbox.c ---- */
void sandbox_run(void) __attribute__((noreturn));
void sandbox_end(int code) __attribute__((noreturn));
bool sandbox_launcher_event(void); /* takes its answers; false: it has ended */
pid_t sandbox_first_pid(void); /* waits for the launcher to say it */
void sandbox_spawn_order(struct pico *p, int child_end);
int sandbox_image(const char *name); /* descriptor, kept; -1 = no such image */
extern pid_t launcher_pid, init_pid; /* 0 = not known yet, or (the launcher) gone; init_pid -1 = gone */
extern bool as_root; /* known before the filter, which has no geteuid */
extern unsigned own_gid; /* the same */
extern uint64_t file_limit; /* RLIMIT_NOFILE, ours */
extern int ext_fds[EXT_SLOTS];
/* ---- boot.c ---- */
extern struct mon_boot boot_template;
extern int config_fd; /* the settings; -1 = not made yet, or closed */
void boot_fill(void);     /* the template, but what the settings add */
void boot_settings(void); /* makes the settings */
void hex_text(char *out, const void *bytes, size_t n); /* their hexadecimal digits, and a NUL */
/* ---- affinity.c ---- */
uint32_t host_ncpus(void); /* that the caller of bailey may use */
void affinity_prepare(void); /* the start will be on one CPU: which, the launcher says */
int affinity_stay(void);     /* launcher: it, and what it makes from now on, stay on this CPU; its number, -1 = they do not */
void affinity_follow(int cpu); /* monitor: to the first picoprocess's CPU; -1 = anywhere */
bool affinity_gathered(void);
void affinity_spread(void); /* the end of that, for all */
void affinity_give_back(pid_t pid); /* ... and for one process made meanwhile, 0 = the caller */
int affinity_timeout_ms(void);
void affinity_tick(void);

/* ---- control.c, report.c ---- */
void control_make(void); /* the socket, before the filter */
void control_name(int folder, const char *name); /* it can be found from now on */
int control_socket(void);    /* of the socket, -1 = none */
void control_event(uint32_t what);
void control_answer(const char *text, size_t len); /* kproc's */
bool control_trace(const char *text, size_t len); /* true: it is for whom traces alone */
int control_timeout_ms(void);
void control_tick(void);
void report_trace(const char *text, size_t len); /* a line that a report of a panic may end with */
size_t report_panic(int folder, const char *name, const char *text, size_t len); /* as state_panic */

/* ---- memwatch.c ---- */
bool memwatch_start(const char *folder, bool v2, uint64_t limit); /* of the sandbox's memory cgroup, which has this limit */
bool memwatch_on(void);
bool memwatch_total(struct mon_usage *u); /* private and shared memory of all; false: not known here */
void memwatch_event(void);
int memwatch_timeout_ms(void);
void memwatch_tick(void);

/* ---- cgroup.c, state.c, filter.c ---- */
void cgroup_make(const char **joins, unsigned max); /* folders to join, NULL behind */
void cgroup_remove(void);
const char *cgroup_path(unsigned i);
/* cpuid.c: the settings about CPUID, if it costs much here (abi/cpuid.h).  After state_make. */
void cpuid_settings(void (*add_record)(const char *record, void *arg), void *arg);
int state_folder_fd(void); /* FOLDER, after state_make; -1 = there is none */
void state_make(void); /* first of all: cgroups are written down before they are made */
void state_cgroup(const char *path);
int state_timeout_ms(void); /* until state_tick has something to do, -1 = never */
void state_tick(void);
void state_remove(void);
size_t state_panic(const char *text, size_t len); /* leaves a report; how much of the text is to be said at once */
void state_allow(void (*fn)(int fd, bool write));
void filter_install(void);
void filter_net_helper(void); /* of that process */
void filter_net_relay(void);
bool filter_has_nice(void);   /* CAP_SYS_NICE, in effect */
void filter_drop_nice(void);
void filter_allow_path(int fd, bool write);
#endif
