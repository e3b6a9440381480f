# SPDX-License-Identifier: BSD-2-Clause
"""Running bench/load, the clients, against a server."""

import json
import subprocess

RECEIVERS = 50  # accounts that mail is delivered to


class Load:
    """A running bench/load, and a server's CPU time around what it does."""

    def __init__(self, bench, server, operation, port, timeout=120, **options):
        argv = [str(bench.build / "bench" / "load"), operation, "--port", str(port)]
        for key, value in options.items():
            argv += ["--" + key.replace("_", "-"), str(value)]
        self.server = server
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.killer = bench.limit(self.process, timeout)

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.server.name}: {self.process.stderr.read().strip() or 'took too long'}")
        return line

    def __enter__(self):
        try:
            self.line()  # "ready"
        except RuntimeError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        self.killer.cancel()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        self.process.wait(20)

    def run(self, command="go"):
        """What it reports, with the CPU seconds the server spent."""
        before = self.server.cpu()
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        result = json.loads(self.line())
        result["cpu"] = self.server.cpu() - before
        return result


def loop(bench, server, operation, port, **options):
    """Operations in a loop; the whole report."""
    options.setdefault("seconds", bench.seconds)
    with Load(bench, server, operation, port, **options) as load:
        return load.run()


def rate(result, of=1):
    return result["rate"] * of, result["cpu"], result["ops"] * of


def session(bench, server, account, **options):
    return Load(bench, server, "session", server.imap_port, first=account, **options)


def once(result):
    return result["seconds"] * 1000, result["cpu"], 1


def repeated(load, commands, times):
    """COMMANDS in turn TIMES times: mean milliseconds, CPU, operations."""
    results = [load.run(commands[i % len(commands)]) for i in range(times)]
    seconds = sum(r["seconds"] for r in results)
    return seconds * 1000 / times, sum(r["cpu"] for r in results), times
