#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command on a pseudo-terminal and keeps what its stderr shows there.

terminal.py [--columns N] [--interrupt TEXT] OUT COMMAND...

OUT gets the bytes, and OUT.screen the lines that a terminal of N columns (default 80) has at the end: a line
that is longer wraps, "\\r" goes to its first column, and CSI K clears to its end; any other sequence is an error.
--interrupt sends ctrl-c once TEXT was shown. The exit code is the command's.
"""
import argparse
import fcntl
import os
import pty
import struct
import sys
import termios
import unicodedata


def width(c):
    return 0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1


def screen(text, columns):
    lines, row, at, i = [[]], 0, 0, 0
    while i < len(text):
        c = text[i]
        i += 1
        if c == "\r":
            at = 0
        elif c == "\n":
            row += 1
            if row == len(lines):
                lines.append([])
        elif c == "\x1b":
            assert text[i:i + 2] == "[K", repr(text[i:i + 12])
            i += 2
            del lines[row][at:]
        else:
            assert c.isprintable(), repr(c)
            if at + width(c) > columns:  # the terminal goes on below
                row, at = row + 1, 0
                if row == len(lines):
                    lines.append([])
            lines[row] += [" "] * (at + width(c) - len(lines[row]))
            lines[row][at] = c
            if width(c) == 2:
                lines[row][at + 1] = ""
            at += width(c)
    return ["".join(line).rstrip() for line in lines]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--columns", type=int, default=80)
    parser.add_argument("--interrupt")
    parser.add_argument("out")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    o = parser.parse_args()
    child, terminal = pty.fork()
    if child == 0:
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, o.columns, 0, 0))
        os.execvp(o.command[0], o.command)
    shown = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        shown += part
        if o.interrupt and o.interrupt.encode() in shown:
            os.write(terminal, b"\x03")
            o.interrupt = None
    status = os.waitpid(child, 0)[1]
    with open(o.out, "wb") as f:
        f.write(shown)
    with open(o.out + ".screen", "w", encoding="utf-8") as f:
        f.write("\n".join(screen(shown.decode(), o.columns)) + "\n")
    sys.exit(os.waitstatus_to_exitcode(status) % 256)


if __name__ == "__main__":
    main()
