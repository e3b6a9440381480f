# SPDX-License-Identifier: BSD-2-Clause
"""Replay a record of file operations up to a moment, as a disk would have it
after the power went: what was synced is there, of the rest an arbitrary part,
torn at sectors; names of files are there once their folder was synced."""

import os
import pathlib
import random

SECTOR = 512


def read_record(path):
    """The operations as tuples (op, path, ...)."""
    ops = []
    data = pathlib.Path(path).read_bytes()
    at = 0
    while at < len(data):
        end = data.index(b"\n", at)
        words = data[at:end].decode().split(" ")
        at = end + 1
        if words[0] == "write":
            length = int(words[3])
            ops.append(("write", words[1], int(words[2]), data[at:at + length]))
            at += length
        elif words[0] == "truncate":
            ops.append(("truncate", words[1], int(words[2])))
        else:
            ops.append(tuple(words))
    return ops


class File:
    """Content as it is on disk for sure, and what was done since."""

    def __init__(self):
        self.durable = bytearray()
        self.pending = []

    def apply(self, op):
        if op[0] == "truncate":
            size = op[1]
            del self.durable[size:]
            self.durable.extend(bytes(size - len(self.durable)))
        else:
            offset, data = op[1], op[2]
            if len(self.durable) < offset:
                self.durable.extend(bytes(offset - len(self.durable)))
            self.durable[offset:offset + len(data)] = data

    def sync(self):
        for op in self.pending:
            self.apply(op)
        self.pending = []

    def lose(self, rng):
        """Keep an arbitrary part of what was not synced, in any order."""
        kept = []
        for op in self.pending:
            fate = rng.random()
            if fate < 0.4:
                continue
            if op[0] == "write" and fate < 0.6 and len(op[2]) > SECTOR:
                # Torn: some sectors of it.
                for at in range(0, len(op[2]), SECTOR):
                    if rng.random() < 0.5:
                        kept.append(("write", op[1] + at, op[2][at:at + SECTOR]))
            else:
                kept.append(op)
        if rng.random() < 0.5:
            rng.shuffle(kept)
        for op in kept:
            self.apply(op)


class Disk:
    """Names and files; a name is durable once its folder was synced."""

    def __init__(self, root):
        self.root = root
        self.names = {}      # path -> File, as the program sees it
        self.durable = {}    # path -> File or None (a folder)
        self.pending = []    # name operations not yet synced, in order

    def name_op(self, op):
        self.pending.append(op)

    def run(self, op):
        kind, path = op[0], op[1]
        if kind == "mkdir":
            self.name_op(("set", path, None))
        elif kind == "create":
            self.names[path] = File()
            self.name_op(("set", path, self.names[path]))
        elif kind == "write":
            self.names[path].pending.append(("write", op[2], op[3]))
        elif kind == "truncate":
            self.names[path].pending.append(("truncate", op[2]))
        elif kind == "sync":
            if path in self.names:
                self.names[path].sync()
            else:
                self.sync_folder(path)
        elif kind == "rename":
            file = self.names.pop(path)
            self.names[op[2]] = file
            self.name_op(("del", path))
            self.name_op(("set", op[2], file))
        elif kind == "unlink":
            self.names.pop(path, None)
            self.name_op(("del", path))

    def apply_name(self, op):
        if op[0] == "set":
            self.durable[op[1]] = op[2]
        else:
            self.durable.pop(op[1], None)

    def sync_folder(self, path):
        rest = []
        for op in self.pending:
            if os.path.dirname(op[1]) == path:
                self.apply_name(op)
            else:
                rest.append(op)
        self.pending = rest

    def cut(self, rng, target):
        """Write what is left into the folder TARGET."""
        for op in self.pending[:rng.randint(0, len(self.pending))]:
            self.apply_name(op)
        for file in {id(f): f for f in self.durable.values() if f}.values():
            file.lose(rng)
        for path, file in sorted(self.durable.items()):
            # A name without its folder is not reachable.
            parent = os.path.dirname(path)
            if parent != self.root and not self.has_folders(parent):
                continue
            where = target + path[len(self.root):]
            if file is None:
                os.makedirs(where, exist_ok=True)
            else:
                os.makedirs(os.path.dirname(where), exist_ok=True)
                with open(where, "wb") as out:
                    out.write(file.durable)

    def has_folders(self, path):
        while path != self.root:
            if path not in self.durable:
                return False
            path = os.path.dirname(path)
        return True


def cut_at(ops, root, index, seed, target):
    """The disk after OPS[:INDEX]; returns the acknowledgements until then."""
    rng = random.Random(seed)
    disk = Disk(root)
    acks = bytearray()
    ack_path = os.path.join(root, "acks")
    for op in ops[:index]:
        if op[1] == ack_path:
            if op[0] == "write":
                acks += op[3]
        else:
            disk.run(op)
    disk.cut(rng, target)
    return bytes(acks)
