# SPDX-License-Identifier: Apache-2.0
"""What tests/unit/base/test_sandbox.c runs contained: programs that behave, and programs that do not.
main.py NAME MARKER FOLDER PORT. MARKER stands in the command line of every process, so that the test finds
those that are left over; FOLDER and its file secret.txt are the host's; a server of the host listens on PORT,
and on the abstract name MARKER.
"""
import ctypes
import errno
import os
import resource
import signal
import socket
import sys
import threading
import time

NAME, MARKER, FOLDER, PORT = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
SECRET = os.path.join(FOLDER, "secret.txt")
libc = ctypes.CDLL(None, use_errno=True)


def tried(what, attempts):
    """Prints which of {name: function} went through."""
    done = []
    for name, attempt in attempts.items():
        try:
            if attempt() is not False:
                done.append(name)
        except Exception:
            pass
    print(what, " ".join(done) or "nothing")


def for_ever():
    while True:
        time.sleep(1000)


# Programs that behave.

def good():
    print("hello", sum(int(x) for x in sys.stdin.read().split()))
    print("to stderr", file=sys.stderr)
    sys.exit(3)


def comforts():
    """What ordinary programs use must be there."""
    import asyncio
    import multiprocessing
    import shutil
    import subprocess
    import tempfile
    with tempfile.NamedTemporaryFile("w+") as f:
        f.write("text")
        f.flush()
        shutil.copy2(f.name, "copy")
    assert open("copy").read() == "text" and os.getcwd() == "/tmp" == os.environ["HOME"]
    assert subprocess.run(["sh", "-c", "echo $((6 * 7)) | cat"], capture_output=True).stdout == b"42\n"
    assert asyncio.run(asyncio.sleep(0, "done")) == "done"
    with multiprocessing.Pool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
    thread = threading.Thread(target=time.sleep, args=(0,))
    thread.start()
    thread.join()
    assert not os.isatty(0) and not os.isatty(1)
    with open("/dev/null", "w") as null, open("/dev/stdout", "w") as out, open("/dev/urandom", "rb") as random:
        null.write("gone")
        out.write("all there %d\n" % len(random.read(7)))


def environment():
    print(" ".join(sorted(os.environ)), *sorted(os.listdir("/proc/self/fd")), os.getuid(), os.getgid())
    print("root's files belong to", os.stat("/usr").st_uid)  # a user that is not there
    print(sorted(os.listdir(".")), oct(os.stat("run.sh").st_mode & 0o777))


def abort():
    os.abort()


def exit_137():
    sys.exit(137)


def reads_all():
    print(len(sys.stdin.buffer.read()))


def reads_nothing():
    print("did not look")


def many_arguments():
    print(len(sys.argv), sum(map(len, sys.argv)))


# Programs that use too much.

def fork_bomb():
    while True:
        try:
            os.fork()
        except OSError:
            pass


def thread_bomb():
    while True:
        try:
            threading.Thread(target=for_ever).start()
        except RuntimeError:
            pass


def fill_disk():
    with open("big", "wb") as f:
        try:
            while True:
                f.write(b"x" * 65536)
                f.flush()
        except OSError:
            os._exit(7)


def many_files():
    for i in range(1000000):
        try:
            open(f"file{i}", "w").close()
        except OSError:
            os._exit(7)
    print("a million files")


def fill_memory():
    held = []
    while True:
        try:
            held.append(bytearray(b"x" * (1 << 20)))
        except MemoryError:
            pass


def share_memory():
    """Half of the limit in each of four processes."""
    for _ in range(4):
        if os.fork() == 0:
            held = bytearray(b"x" * (32 << 20))
            for_ever()
    for_ever()


def map_memory():
    import mmap
    held = []
    while True:
        try:
            held.append(mmap.mmap(-1, 1 << 20))
            held[-1].write(b"x" * (1 << 20))
        except (OSError, MemoryError):
            pass


def inherit_memory():
    """A parent's pages are counted once, however many children see them."""
    held = bytearray(b"x" * (32 << 20))
    children = []
    for _ in range(4):
        children.append(os.fork())
        if children[-1] == 0:
            end = time.process_time() + 0.1
            while time.process_time() < end:
                pass
            os._exit(0)
    for child in children:
        os.waitpid(child, 0)
    print("held", len(held))


def start_many():
    """A child that vfork made runs on its parent's memory, which is not there twice."""
    import subprocess
    held = b"x" * (40 << 20)
    for _ in range(150):
        subprocess.run(["true"])
    print("held", len(held))


def ask_for_much():
    bytearray(1 << 40)


def sleep():
    for_ever()


def ignore_signals():
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    for_ever()


def stop():
    os.kill(os.getpid(), signal.SIGSTOP)
    for_ever()


def spin():
    while True:
        pass


def spin_in_children():
    for _ in range(3):
        if os.fork() == 0:
            spin()
    for_ever()


def spin_in_turns():
    """No process lives long enough to be seen spinning."""
    while True:
        if os.fork() == 0:
            end = time.process_time() + 0.02
            while time.process_time() < end:
                pass
            os._exit(0)
        os.wait()


def print_for_ever():
    while True:
        sys.stdout.write("out " * 1000)


def complain_for_ever():
    while True:
        sys.stderr.write("err " * 1000)


def recurse():
    sys.setrecursionlimit(1 << 30)

    class Deep:
        def __repr__(self):
            return repr(self)
    repr(Deep())


def open_for_ever():
    held = []
    try:
        while len(held) < 1000000:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as e:
        print(errno.errorcode[e.errno], len(held) < 1000)


def close_all():
    os.closerange(0, 100)
    for_ever()


def close_all_and_end():
    os.closerange(0, 100)
    os._exit(5)


def raise_limits():
    print(*(max(resource.getrlimit(getattr(resource, n))) for n in ("RLIMIT_NPROC", "RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_AS",
                                                                     "RLIMIT_CPU", "RLIMIT_CORE", "RLIMIT_STACK")))
    names = ["RLIMIT_AS", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_CPU", "RLIMIT_STACK", "RLIMIT_CORE"]
    tried("raised", {n: lambda n=n: resource.setrlimit(getattr(resource, n), (1 << 40, 1 << 40)) for n in names})


# Programs that reach for the host.

def read_secrets():
    files = [SECRET, "/etc/shadow", "/etc/passwd", "/etc/hostname", "/proc/kcore", "/dev/mem", "/dev/kmsg",
             "/proc/1/root" + SECRET, "../.." + SECRET, "/proc/self/cwd/../" + SECRET]
    folders = [FOLDER, "/root", "/home", "/var", "/run", "/sys", "/boot", "/dev/pts"]
    attempts = {f: lambda f=f: len(open(f, "rb").read(1)) > 0 for f in files}
    attempts.update({f: lambda f=f: len(os.listdir(f)) >= 0 for f in folders})
    tried("read", attempts)


def show_processes():
    """All that they tell of themselves; the test looks for the host's secret in it."""
    import glob
    for pattern in ("environ", "cmdline", "maps", "mountinfo", "status"):
        for path in glob.glob("/proc/[0-9]*/" + pattern):
            try:
                sys.stdout.buffer.write(open(path, "rb").read())
            except OSError:
                pass
    print("shown", len(glob.glob("/proc/[0-9]*")) <= 3)


def write_outside():
    names = [SECRET, os.path.join(FOLDER, MARKER), "/" + MARKER, "/usr/" + MARKER, "/usr/bin/" + MARKER, "/etc/" + MARKER,
             "/dev/" + MARKER, "/bin/" + MARKER, "/var/tmp/" + MARKER, "/proc/sys/kernel/hostname",
             "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/usr/bin/python3"]
    attempts = {n: lambda n=n: open(n, "w").write("x") > 0 for n in names}
    attempts.update({"mkdir " + n: lambda n=n: os.mkdir(n) for n in names[1:9]})
    attempts["chmod"] = lambda: os.chmod("/usr", 0o777)
    attempts["remove"] = lambda: os.remove("/usr/bin/env")
    attempts["rename"] = lambda: os.rename("/usr", "/usr2")
    attempts["input"] = lambda: os.write(0, b"x")
    attempts["shorten input"] = lambda: os.ftruncate(0, 0)
    attempts["open input"] = lambda: open("/proc/self/fd/0", "r+b", buffering=0).write(b"x")
    for place in ("/", "/usr", "/dev", "/etc", "/etc/alternatives", "/bin", "/proc/sys"):
        attempts["mount " + place] = lambda p=place: os.path.exists(p) and not os.statvfs(p).f_flag & os.ST_RDONLY
    tried("wrote", attempts)


def links():
    os.symlink(SECRET, "link")
    os.symlink("/", "top")
    tried("followed", {"link": lambda: open("link").read(), "write": lambda: open("link", "a").write("x"),
                       "top": lambda: open("top" + SECRET).read(), "hard": lambda: os.link(SECRET, "hard"),
                       "host's": lambda: os.link("/usr/bin/env", "env")})


def connect():
    def tcp(family, address):
        with socket.socket(family, socket.SOCK_STREAM) as s:
            s.settimeout(1)
            s.connect(address)
            s.sendall(MARKER.encode())

    def send(family, kind, address):
        with socket.socket(family, kind) as s:
            s.sendto(MARKER.encode(), address)
    tried("reached", {
        "tcp": lambda: tcp(socket.AF_INET, ("127.0.0.1", PORT)), "tcp6": lambda: tcp(socket.AF_INET6, ("::1", PORT)),
        "udp": lambda: send(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", PORT)),
        "raw": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(),
        "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close(),
        "packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close(),
        "abstract": lambda: tcp(socket.AF_UNIX, "\0" + MARKER), "vsock": lambda: socket.socket(40, 1, 0).close()})


def kill_others():
    attempts = {f"{target} {number}": lambda t=target, n=number: os.kill(t, n)
                for target in (os.getppid(), 1) for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM)}
    tried("sent", {"outside": lambda: os.kill(os.getpid() + 100000, 9)})
    for attempt in attempts.values():
        try:
            attempt()
        except OSError:
            pass
    try:
        os.kill(-1, signal.SIGKILL)  # all that it may, but itself and the first
    except ProcessLookupError:
        pass
    print("alive")


def kill_group():
    os.kill(0, signal.SIGKILL)
    for_ever()


def leave_child():
    """In the same process group, holding the output open."""
    if os.fork() == 0:
        for_ever()
    print("parent ends")


def leave_daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            while True:
                try:
                    print("late", flush=True)
                    open(os.path.join(FOLDER, "late"), "w").close()
                except OSError:
                    pass
                time.sleep(0.01)
        os._exit(0)
    os.wait()
    os._exit(0)


def trace():
    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
    buffer = ctypes.create_string_buffer(8)
    mine = Vector(ctypes.cast(buffer, ctypes.c_void_p).value, 8)

    def ok(value):
        return value >= 0
    attempts = {}
    for pid in (os.getppid(), 1):
        attempts[f"attach {pid}"] = lambda p=pid: ok(libc.ptrace(16, p, None, None))
        attempts[f"seize {pid}"] = lambda p=pid: ok(libc.ptrace(0x4206, p, None, None))
        attempts[f"read {pid}"] = lambda p=pid: ok(libc.process_vm_readv(p, ctypes.byref(mine), 1, ctypes.byref(mine), 1, 0))
        attempts[f"mem {pid}"] = lambda p=pid: open(f"/proc/{p}/mem", "r+b")
    tried("traced", attempts)


def take_rights():
    def ok(value):
        return value == 0
    tmp, none = b"/tmp", None
    attempts = {
        "mount": lambda: ok(libc.mount(b"none", tmp, b"tmpfs", 0, none)),
        "bind": lambda: ok(libc.mount(b"/usr", tmp, none, 4096, none)),
        "remount": lambda: ok(libc.mount(b"none", b"/usr", none, 32 | 4096, none)),
        "umount": lambda: ok(libc.umount2(tmp, 2)),
        "chroot": lambda: ok(libc.chroot(tmp)),
        "setuid": lambda: ok(libc.setuid(0)), "setgid": lambda: ok(libc.setgid(0)),
        "setgroups": lambda: ok(libc.setgroups(0, none)),
        "sethostname": lambda: ok(libc.sethostname(b"x", 1)),
        "settime": lambda: ok(libc.settimeofday(ctypes.create_string_buffer(16), none)),
        "reboot": lambda: ok(libc.reboot(0)), "swapon": lambda: ok(libc.swapon(tmp, 0)),
        "acct": lambda: ok(libc.acct(none)),
        "memory file": lambda: libc.memfd_create(b"x", 0) >= 0,
        "inotify": lambda: libc.inotify_init1(0) >= 0,
        "device": lambda: os.mknod("device", 0o600 | 0o020000, os.makedev(1, 1)),
        "dumpable": lambda: ok(libc.prctl(4, 0, 0, 0, 0)),
    }
    for name, flag in {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x8000000,
                       "uts": 0x4000000, "cgroup": 0x2000000, "time": 0x80}.items():
        attempts["unshare " + name] = lambda f=flag: ok(libc.unshare(f))
        attempts["setns " + name] = lambda n=name, f=flag: ok(
            libc.setns(os.open("/proc/self/ns/" + {"mount": "mnt"}.get(name, n), os.O_RDONLY), f))
    stack = ctypes.create_string_buffer(65536)
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: 0)
    attempts["clone"] = lambda: libc.clone(callback, ctypes.byref(stack, 65536 - 64), 0x10000000 | 17, none) > 0
    tried("got", attempts)
    with open("/proc/self/status") as f:
        status = dict(line.split(":\t") for line in f.read().splitlines() if ":\t" in line)
    print(int(status["CapPrm"], 16), int(status["CapEff"], 16), int(status["CapAmb"], 16), status["NoNewPrivs"], status["Seccomp"])


globals()[NAME]()
