/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/monitor_fuzz.c - libFuzzer: what picoprocesses send to the monitor.
 *
 * The monitor's own code (channel, policy, files, streams, picoprocesses) in one thread, with the
 * sandbox around it replaced: no process is made or killed, jobs for workers run at once,
 * and the end of the sandbox is the end of one input.
 *
 * An input is a run of records:
 *	who    0 first, 1 kproc, 2 a guest, 3 a clone before its hello; bit 7: raw bytes, bit 6: with a descriptor
 *	op     as it is
 *	stream 0 none, else one of those that an answer named, or a false one
 *	mask   which of five args follow with 8 bytes (low five bits), the others are small (3 bits of op's high part)
 *	len    2 bytes, and so many bytes of text (raw: of message)
 */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "monitor/net.h"
#include "monitor/special.c"

/* Streams are counted: none may be left over. */
static unsigned live_streams;
static void *stream_calloc(size_t n, size_t size)
{
	live_streams += size == sizeof(struct stream) && n == 1;
	return calloc(n, size);
}
static void stream_free(void *p)
{
	live_streams--;
	free(p);
}
#define calloc stream_calloc
#define free   stream_free
#include "monitor/stream.c"
#undef calloc
#undef free

#define FIRST_FD 100

/* ---- what the sandbox around it is here ---- */

pid_t launcher_pid = 1, init_pid = 1;
bool as_root;
uint64_t file_limit = 1024;
struct mon_boot boot_template;
int config_fd = -1, ext_fds[EXT_SLOTS], worker_eventfd = -1;
static jmp_buf end_of_input;
static bool running;

void sandbox_end(int code)
{
	if (!running)
		_exit(code);
	longjmp(end_of_input, 1);
}
int fuzz_kill(pid_t pid, int sig);
int fuzz_kill(pid_t pid, int sig)
{
	return 0;
}
/* RLIMIT_FSIZE does not hold for room beyond a file's end: it filled the whole disk. */
int fuzz_fallocate(int fd, int mode, off_t offset, off_t length);
int fuzz_fallocate(int fd, int mode, off_t offset, off_t length)
{
	return syscall(SYS_fallocate, fd, mode, offset & 0xfffff, length & 0xfffff);
}
int sandbox_image(const char *name) { return !strcmp(name, "linux") ? 0 : -1; }
bool sandbox_launcher_event(void) { return true; }
void sandbox_spawn_order(struct pico *p, int child_end) { close(child_end); }
pid_t sandbox_first_pid(void) { return 0; }
void control_event(uint32_t what) {}
void control_answer(const char *text, size_t len) {}
bool control_trace(const char *text, size_t len) { return false; }
int control_timeout_ms(void) { return -1; }
void control_tick(void) {}
void report_trace(const char *text, size_t len) {}
size_t state_panic(const char *text, size_t len) { return len; }
void worker_give(struct job *j)
{
	bool silent = j->silent;

	j->work(j, false);
	if (!silent)
		channel_job_done(j);
}
struct job *worker_take(void) { return NULL; }
void worker_poke(void) {}
void worker_poked(void) {}
unsigned worker_busy(void) { return 0; }
bool baton_may_leave(void) { return false; }
bool baton_work(struct job *j) { return true; }
void baton_lost(struct job *j) {}
bool net_has(pid_t pid) { return false; }
void net_ended(pid_t pid) {}
uint32_t host_ncpus(void) { return 1; }
bool affinity_gathered(void) { return false; }
void affinity_spread(void) {}
int affinity_timeout_ms(void) { return -1; }
void affinity_tick(void) {}
int state_timeout_ms(void) { return -1; }
void state_tick(void) {}

/* ---- the view ---- */

static char top[64];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	return remove(path);
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[200];
	int fd;

	snprintf(path, sizeof path, "%s/%s/%s", top, dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

static void fill(void)
{
	char path[200];

	for (unsigned i = 0; i < 4; i++) {
		static const char *const dirs[] = { "v", "v/sub", "r", "root" };

		snprintf(path, sizeof path, "%s/%s", top, dirs[i]);
		mkdir(path, 0755);
	}
	put_file("v", "a", "some text");
	put_file("v/sub", "b", "more");
	put_file("r", "a", "read only");
	put_file("root", "secret", "hidden");
	put_file("root", "shown", "shown");
	snprintf(path, sizeof path, "%s/v/link", top);
	(void)!symlink("../root/secret", path);
	snprintf(path, sizeof path, "%s/v/fifo", top);
	mkfifo(path, 0600);
}

/* What the rw folder has become goes; the folder itself, whose descriptor the policy holds, stays. */
static void clean(void)
{
	char path[100];

	snprintf(path, sizeof path, "find %s/v -mindepth 1 -delete", top);
	if (system(path) == 0)
		fill();
}

static void at_end(void)
{
	nftw(top, remove_one, 20, FTW_DEPTH | FTW_PHYS);
}

/* ---- the network's helper: answers at once, each fourth time with an error ---- */

static int helper_end = -1;

static void prepare_network(void)
{
	static const char *const rules[] = { "127.0.0.9:9", "*.test", "localhost:9/udp" }, *const published[] = { "127.0.0.1:0:53/udp", "127.0.0.1:0:80" };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int pair[2];

	net_mode = NET_RULES;
	for (unsigned i = 0; i < ARRAY_LEN(rules); i++)
		if (net_rule_add(rules[i], strlen(rules[i])))
			abort();
	for (unsigned i = 0; i < ARRAY_LEN(published); i++) {
		if (net_publish_parse(published[i], &net_published[i]))
			abort();
		net_published_fd[i] = socket(AF_INET, (i ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (net_published_fd[i] < 0)
			abort();
		(void)!bind(net_published_fd[i], (struct sockaddr *)&a, sizeof a);
	}
	net_publish_count = ARRAY_LEN(published);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	net_helper_fd = pair[0];
	helper_end = pair[1];
	loop_add(net_helper_fd, LOOP_NET, 0);
}

static int socket_for(const struct net_ask *ask)
{
	int pair[2];

	if (ask->proto == NET_UDP)
		return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -1;
	close(pair[1]);
	return pair[0];
}

static void play_helper(void)
{
	static const char text[] = "rcode 1 0\na 1 127.0.0.9\naaaa 1 ::1\n";
	static struct net_order o;

	while (recv(helper_end, &o, sizeof o, MSG_DONTWAIT) == (ssize_t)sizeof o) {
		union {
			struct cmsghdr h;
			char room[CMSG_SPACE(sizeof(int))];
		} c = { .h = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) } };
		struct net_answer a = { .id = o.id, .err = o.what != NET_DO_DNS && o.id % 4 == 0 ? ECONNREFUSED : 0, .len = o.what == NET_DO_DNS ? sizeof text - 1 : 0 };
		struct iovec v[2] = { { &a, sizeof a }, { (void *)text, a.len } };
		struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
		int fd = o.what == NET_DO_OPEN && !a.err ? socket_for(&o.ask) : -1;

		if (o.what == NET_DO_RESET)
			continue;
		if (fd >= 0) {
			memcpy(CMSG_DATA(&c.h), &fd, sizeof fd);
			m.msg_control = &c;
			m.msg_controllen = sizeof c;
		}
		if (sendmsg(helper_end, &m, MSG_NOSIGNAL) < 0)
			abort();
		if (fd >= 0)
			close(fd);
	}
	net_event();
}

static void prepare(void)
{
	static char guest[3][8] = { "/", "/v", "/r" }, flags[3][10] = { "ro,view", "rw", "ro" };
	static const char *const names[] = { "root", "v", "r" };
	struct rlimit small = { 1 << 20, 1 << 20 };
	static char host[3][100];

	snprintf(top, sizeof top, "/tmp/bailey-fuzz-%d", getpid());
	mkdir(top, 0700);
	fill();
	atexit(at_end);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	spec.log_fd = open("/dev/null", O_WRONLY);
	spec.pids = 64;
	for (unsigned i = 0; i < 3; i++) {
		snprintf(host[i], sizeof host[i], "%s/%s", top, names[i]);
		policy_mount(flags[i], guest[i], host[i]);
	}
	policy_hide("/secret");
	policy_hide("/dark*");
	policy_hide("/etc");
	policy_show("/etc/shown");
	arena_fd = memory_file("arena");
	data_fd = memory_file("data");
	palshared_fd = memory_file("pal");
	if (ftruncate(palshared_fd, 4096) < 0) /* the page of keep.c */
		abort();
	boot_template.protocol = MON_PROTOCOL;
	loop_init();
	prepare_network();
}

/* ---- one input ---- */

struct input {
	const uint8_t *at, *end;
};

static uint8_t byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static uint64_t word(struct input *in)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)byte(in) << 8 * i;
	return v;
}

static int ends[4];
static uint64_t who[4], named[16];
static unsigned named_count;

static void take_answer(int end)
{
	static char bytes[sizeof(struct mon_reply) + MON_DATA_MAX];
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(MON_FDS_MAX * sizeof(int))];
	} c;
	struct iovec v = { bytes, sizeof bytes };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };
	struct mon_reply r;

	while (recvmsg(end, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) >= (ssize_t)sizeof r) {
		memcpy(&r, bytes, sizeof r);
		if (r.value[0] && named_count < ARRAY_LEN(named))
			named[named_count++] = r.value[0];
		m.msg_controllen = sizeof c;
	}
}

static size_t build(struct input *in, uint8_t kind, unsigned char *msg)
{
	struct mon_request q = { .op = byte(in) };
	uint8_t stream = byte(in), mask = byte(in);
	size_t len;

	if (stream)
		q.stream = stream <= named_count ? named[stream - 1] : stream == 255 ? word(in) : stream;
	for (unsigned i = 0; i < 5; i++)
		q.args[i] = mask & 1u << i ? word(in) : (q.op >> 5) & 7;
	q.op &= 31;
	len = byte(in);
	len = (len | (size_t)byte(in) << 8) & 0x3fff;
	if (len > (size_t)(in->end - in->at))
		len = (size_t)(in->end - in->at);
	if (kind & 0x80) {
		memcpy(msg, in->at, len);
		in->at += len;
		return len;
	}
	q.text_len = (uint32_t)len;
	memcpy(msg, &q, sizeof q);
	memcpy(msg + sizeof q, in->at, len);
	in->at += len;
	return sizeof q + len;
}

static void send_one(struct input *in)
{
	static unsigned char msg[sizeof(struct mon_request) + 0x4000];
	uint8_t kind = byte(in);
	unsigned w = kind & 3;
	size_t len = build(in, kind, msg);
	struct pico *p = pico_find(who[w]);
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} c = { .h = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec v = { msg, len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (kind & 0x40) {
		memcpy(CMSG_DATA(&c.h), &ends[w], sizeof(int));
		m.msg_control = &c;
		m.msg_controllen = sizeof c;
	}
	if (ends[w] < 0 || !p || p->channel < 0 || sendmsg(ends[w], &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
	channel_receive(p);
	if (running)
		play_helper();
	take_answer(ends[w]);
}

static void forget(struct pico *p)
{
	pico_forget(p);
}

static void reset(void)
{
	unsigned permanent = 0;

	running = false;
	play_helper(); /* nobody waits any more */
	pico_each(forget);
	first = kproc = NULL;
	for (uint32_t i = 0; i < slot_count; i++)
		if (slots[i] && !slots[i]->permanent) {
			slots[i]->refs = 1;
			stream_close(slots[i]);
		}
	for (uint32_t i = 0; i < slot_count; i++)
		permanent += slots[i] != NULL;
	if (live_streams != permanent || free_count != slot_count - permanent)
		abort();
	while (waiting) {
		struct waiting_end *w = waiting;

		waiting = w->next;
		free(w);
	}
	waiting_count = 0;
	deaths_flush();
	syscall(SYS_close_range, FIRST_FD, ~0u, 0);
}

static void up(int *fd)
{
	int new = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FD);

	close(*fd);
	*fd = new;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dk_role roles[] = { DK_ROLE_FIRST, DK_ROLE_KPROC, DK_ROLE_GUEST, DK_ROLE_GUEST };
	static bool ready;
	static unsigned long runs;
	struct input in = { data, data + size };
	volatile bool go = true;

	if (!ready)
		prepare();
	ready = true;
	if (++runs % 256 == 0)
		clean();
	named_count = 0;
	for (unsigned i = 0; i < 4; i++) {
		struct pico *p = pico_new(i == 3 ? PICO_CLONING : PICO_RUNNING, roles[i], &ends[i]);

		if (!p)
			abort();
		up(&p->channel);
		up(&ends[i]);
		loop_add(p->channel, LOOP_CHANNEL, p->number);
		who[i] = p->number;
		p->process_index = i + 1;
		p->after_hello = PICO_RUNNING;
		if (i == 0)
			first = p;
		if (i == 1)
			kproc = p;
	}
	running = true;
	if (setjmp(end_of_input))
		go = false;
	while (go && in.at < in.end)
		send_one(&in);
	reset();
	return 0;
}
