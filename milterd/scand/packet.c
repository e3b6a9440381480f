/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/packet.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

union control {
	struct cmsghdr header; /* for its alignment */
	char space[CMSG_SPACE(PACKET_FDS * sizeof(int))];
};

bool
packet_pair(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0;
}

static void
attach(struct msghdr *m, union control *control, const int *fds, size_t nfds)
{
	struct cmsghdr *header = &control->header;

	m->msg_control = control->space;
	m->msg_controllen = CMSG_SPACE(nfds * sizeof(int));
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(nfds * sizeof(int));
	memcpy(CMSG_DATA(header), fds, nfds * sizeof(int));
}

bool
packet_send(
    int fd, enum packet kind, const char *text, const int *fds, size_t nfds)
{
	char letter = (char)kind;
	size_t n = strnlen(text, PACKET_MAX - 1);
	char copy[PACKET_MAX];
	struct iovec io[2] = { { &letter, 1 }, { copy, n } };
	struct msghdr m = { .msg_iov = io, .msg_iovlen = 2 };
	union control control = { 0 };
	ssize_t sent;

	memcpy(copy, text, n);
	if (nfds > 0)
		attach(&m, &control, fds, nfds);
	do
		sent = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent >= 0;
}

static bool
wait_for(int fd, int milliseconds)
{
	int64_t end = clock_mono_ms() + milliseconds;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	if (milliseconds < 0)
		return true;
	do {
		int64_t left = end - clock_mono_ms();

		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

static void
take_fds(struct msghdr *m, struct message *out)
{
	size_t taken = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n && taken < PACKET_FDS; i++)
			memcpy(&out->fds[taken++],
			    CMSG_DATA(h) + i * sizeof(int), sizeof(int));
	}
}

static void
make_printable(char *text)
{
	for (char *p = text; *p; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
}

bool
packet_recv(int fd, int milliseconds, struct message *out)
{
	struct iovec io[2] = { { &out->kind, 1 },
		{ out->text, sizeof(out->text) - 1 } };
	union control control = { 0 };
	struct msghdr m = { .msg_iov = io,
		.msg_iovlen = 2,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	ssize_t n;

	memset(out, 0, sizeof(*out));
	memset(out->fds, -1, sizeof(out->fds));
	if (!wait_for(fd, milliseconds))
		return false;
	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = EPIPE;
	if (n <= 0)
		return false;
	take_fds(&m, out);
	out->text[n - 1] = '\0';
	make_printable(out->text);
	return true;
}

void
packet_close(struct message *m)
{
	for (size_t i = 0; i < PACKET_FDS; i++) {
		if (m->fds[i] >= 0)
			close(m->fds[i]);
		m->fds[i] = -1;
	}
}
