/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/test_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/control.h"
#include "net/daemon.h"

/* Sockets of the system, and a whole daemon in a child. */

static void
test_unix(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct net_server *second;
	struct net_options o = { .name = "second" };
	struct err e = ERR_INIT;
	struct stat st;
	int fd;

	(void)state;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", in_dir("echo"));
	/* A socket file left by a dead process. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_return_code(bind(fd, (struct sockaddr *)&un, sizeof(un)), errno);
	close(fd);
	start((struct net_options){ 0 });
	assert_return_code(stat(un.sun_path, &st), errno);
	assert_int_equal(st.st_mode & 0777, 0660);
	/* Unix peers may speak for others. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_return_code(
	    connect(fd, (struct sockaddr *)&un, sizeof(un)), errno);
	say(fd, "PROXY TCP4 192.0.2.1 198.51.100.1 5000 143\r\nPEER\r\n");
	expect(fd, "hello\r\n192.0.2.1 5000 remote \r\n");
	close(fd);
	/* A live one is not taken away. */
	assert_true(net_server_new(&o, &second, &e));
	assert_false(
	    net_listen(second, "unix:echo", test_dir, &echo, false, NULL, &e));
	assert_non_null(strstr(e.msg, "in use"));
	assert_false(
	    net_listen(second, "127.0.0.1", test_dir, &echo, false, NULL, &e));
	assert_false(
	    net_listen(second, "127.0.0.1:0", test_dir, &echo, true, NULL, &e));
	net_server_free(&second);
	stop();
	assert_int_not_equal(stat(un.sun_path, &st), 0);
}

static void
test_activation(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	struct net_server *s;
	struct net_options o = { .name = "activated" };
	struct err e = ERR_INIT;
	char text[32], spec[32];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	if (fcntl(3, F_GETFD) >= 0 && fd != 3)
		skip(); /* the test program was given more than the usual */
	assert_return_code(bind(fd, (struct sockaddr *)&sin, len), errno);
	assert_return_code(listen(fd, 5), errno);
	getsockname(fd, (struct sockaddr *)&sin, &len);
	if (fd != 3) {
		dup2(fd, 3);
		close(fd);
	}
	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDS", "1", 1);
	snprintf(spec, sizeof(spec), "127.0.0.1:%u", ntohs(sin.sin_port));
	assert_true(net_server_new(&o, &s, &e));
	assert_true(net_listen(s, spec, test_dir, &echo, false, NULL, &e));
	assert_int_equal(s->listeners[0]->fd, 3);
	assert_null(getenv("LISTEN_FDS"));
	net_server_free(&s);
}

static char greeting[] = GREETING;

static bool
child_listen(const struct conf *c, struct net_server *s, struct err *e)
{
	return net_listen(
	    s, "unix:child", conf_get(c, "run_dir"), &echo, false, greeting, e);
}

static bool
child_start(const struct conf *c, struct net_server *s, struct err *e)
{
	(void)c;
	(void)s;
	(void)e;
	metric_add(metric_counter("child_total", "kind=\"a\"", "A"), 2);
	metric_add(metric_counter("other_total", NULL, "B"), 0.5);
	metric_add(metric_counter("child_total", "kind=\"b\"", "A"), 1);
	metric_add(metric_counter("child_total", "kind=\"a\"", "A"), 1);
	return true;
}

static void
child_reload(const struct conf *c)
{
	(void)c;
	metric_add(metric_counter("reloads_total", NULL, "R"), 1);
}

static const struct daemon child = { .name = "child",
	.start = child_start,
	.listen = child_listen,
	.reload = child_reload };

static pid_t
spawn(void)
{
	char name[] = "child", c[] = "-c", conf[128];
	char *argv[] = { name, c, conf, NULL };
	pid_t pid;

	snprintf(conf, sizeof(conf), "%s", in_dir("conf"));
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the test fail */
		optind = 1;
		_exit(daemon_main(&child, 3, argv));
	}
	return pid;
}

static void
ask(const char *path, const char *want)
{
	struct buf b = { 0 };
	struct err e = ERR_INIT;

	for (int i = 0; i < 500; i++) {
		buf_clear(&b);
		if (control_get(in_dir("run"), "child", path, &b, &e) &&
		    strstr(buf_cstr(&b), want))
			break;
		usleep(10000);
	}
	assert_non_null(strstr(buf_cstr(&b), want));
	buf_fini(&b);
}

static void
write_conf(void)
{
	struct passwd *me = getpwuid(geteuid());
	FILE *f = fopen(in_dir("conf"), "w");

	fprintf(f,
	    "run_dir = %s/run\nuser = %s\nlog_file = %s/log\n"
	    "log_level = error\n",
	    test_dir, me ? me->pw_name : "root", test_dir);
	fclose(f);
}

static void
test_daemon(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct err e = ERR_INIT;
	struct buf b = { 0 };
	char got[64] = "";
	int fd, status, ready;
	pid_t pid, second;

	(void)state;
	write_conf();
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", in_dir("notify"));
	ready = socket(AF_UNIX, SOCK_DGRAM, 0);
	bind(ready, (struct sockaddr *)&un, sizeof(un));
	setenv("NOTIFY_SOCKET", un.sun_path, 1);
	pid = spawn();
	assert_true(recv(ready, got, sizeof(got) - 1, 0) > 0);
	assert_string_equal(got, "READY=1");
	unsetenv("NOTIFY_SOCKET");
	close(ready);
	ask("/healthz", "ok\n");
	/* Values of one name stand together, whatever came between. */
	ask("/metrics", "child_total{kind=\"a\"} 3\nchild_total{kind=\"b\"} 1");
	ask("/metrics", "# TYPE other_total counter\nother_total 0.5\n");
	ask("/who", "[]\n");
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", in_dir("run/child"));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_return_code(
	    connect(fd, (struct sockaddr *)&un, sizeof(un)), errno);
	say(fd, "USER ann\r\n");
	expect(fd, "hello\r\n");
	ask("/who", "\"user\":\"ann\"");
	assert_false(control_get(in_dir("run"), "child", "/nothing", &b, &e));
	assert_non_null(strstr(e.msg, "404"));
	assert_false(control_get(in_dir("run"), "nobody", "/who", &b, &e));
	assert_string_equal(e.msg, "nobody is not running");
	kill(pid, SIGHUP);
	ask("/metrics", "reloads_total 1\n");
	/* Only one of a name. */
	second = spawn();
	waitpid(second, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 1);
	ask("/healthz", "ok\n");
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(fd);
	assert_int_not_equal(access(in_dir("run/child.pid"), F_OK), 0);
	assert_int_not_equal(access(in_dir("run/child.ctl"), F_OK), 0);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_activation, test_abandon),
		cmocka_unit_test_teardown(test_daemon, test_abandon),
		cmocka_unit_test_teardown(test_unix, test_abandon),
	};

	return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
