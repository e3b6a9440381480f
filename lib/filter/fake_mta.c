/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/fake_mta.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "site/setting.h"

static int listener;
static struct buf heard;
static const char *rcpt_reply;
static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
say(FILE *f, const char *text)
{
	fprintf(f, "%s\r\n", text);
	fflush(f);
}

static void
hear(const char *line)
{
	pthread_mutex_lock(&lock);
	buf_puts(&heard, line);
	pthread_mutex_unlock(&lock);
}

static void
take_data(FILE *f)
{
	char line[2048];

	say(f, "354 go on");
	while (fgets(line, sizeof(line), f) && strcmp(line, ".\r\n") != 0)
		hear(line);
	say(f, "250 taken");
}

static void
say_rcpt(FILE *f)
{
	const char *reply;

	pthread_mutex_lock(&lock);
	reply = rcpt_reply;
	pthread_mutex_unlock(&lock);
	say(f, reply);
}

static void
converse(FILE *f)
{
	char line[2048];

	say(f, "220 mta");
	while (fgets(line, sizeof(line), f)) {
		fseek(f, 0, SEEK_CUR); /* from reading to writing */
		if (strncmp(line, "MAIL", 4) == 0)
			hear(line);
		if (strncmp(line, "EHLO", 4) == 0)
			say(f, "250-mta\r\n250 DSN");
		else if (strncmp(line, "RCPT", 4) == 0)
			say_rcpt(f);
		else if (strncmp(line, "DATA", 4) == 0)
			take_data(f);
		else if (strncmp(line, "QUIT", 4) == 0)
			return;
		else
			say(f, "250 fine");
	}
}

static void *
serve(void *arg)
{
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		FILE *f = fdopen(fd, "r+");

		converse(f);
		fclose(f);
	}
	return arg;
}

void
fake_mta_start(struct site *site)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t n = sizeof(sin);
	struct err e = ERR_INIT;
	char where[32];

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&sin, n) != 0 ||
	    listen(listener, 5) != 0 ||
	    getsockname(listener, (struct sockaddr *)&sin, &n) != 0)
		abort();
	snprintf(where, sizeof(where), "127.0.0.1:%u", ntohs(sin.sin_port));
	if (site_setting_set(site, NULL, STR("mta.submission"),
		(struct site_scope){ .domain = STR_NULL }, str_of(where),
		&e) != SITE_OK)
		abort();
	fake_mta_answer("250 fine");
	if (pthread_create(&thread, NULL, serve, NULL) != 0)
		abort();
}

void
fake_mta_stop(void)
{
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	buf_fini(&heard);
}

void
fake_mta_answer(const char *rcpt)
{
	pthread_mutex_lock(&lock);
	rcpt_reply = rcpt;
	pthread_mutex_unlock(&lock);
}

/* What was sent is there when its sender has his answer. */
const char *
fake_mta_heard(void)
{
	return buf_cstr(&heard);
}
