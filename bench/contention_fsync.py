"""What an append of one writer asks of the disk, seen by strace, and the floor for that."""
import collections
import os
import pathlib
import re
import shutil
import signal
import statistics
import struct
import subprocess
import time

from contention_measure import (RECORD, UNBOUNDED, Failed, put_away, read_records,
                                run_writers)

SYNCS = "fsync,fdatasync,syncfs,sync,msync"
CALLS = ("access,openat,write,pwrite64,writev,fsync,fdatasync,io_submit,link,linkat,rename,"
         "renameat,renameat2")
TOGETHER = r"IOCB_CMD_FD?SYNC, aio_fildes=\d+(?:<([^>]*)>)?"    # Several syncs, asked for at once.
WARM_UP = 250     # Appends before the recorded ones: history is then as long as it gets.
RECORDED = 21
TURN_S, TURNS = 0.05, 24     # Short turns, and many: whatever slows the disk slows both.
SETTLED_S = 0.002    # After that a program has gone on where it was woken.
ROUNDS = 4    # Each in new folders: how quick a disk is hangs on where they happen to be.


def have_strace():
    """Whether strace is there and may be used here."""
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-f", "-o", "/dev/null", "true"],
                          capture_output=True).returncode == 0


def count_syncs(peer, folder, appends):
    """(all syncs of a run, those of files that are no SQLite database or its journal)."""
    trace = folder.parent / "syncs.txt"
    command = peer.command(folder, 1, 1, appends, 120, 5)
    run_writers(["strace", "-f", "-y", "-o", trace, "-e",
                 f"trace={SYNCS},io_submit", *command], folder, 240)
    seen = trace.read_text(errors="replace")
    calls = re.findall(rf"\b(?:{SYNCS.replace(',', '|')})\((?:\d+<([^>]*)>)?", seen)
    calls += re.findall(TOGETHER, seen)
    names = [path.rsplit("/", 1)[-1] for path in calls]
    return len(calls), sum("." in n and not re.match(r"(catalog|plain)\.db", n) for n in names)


def syncs_per_append(peer, folder):
    """How often one append of one row syncs: the difference of a longer and a shorter run."""
    few, many = 5, 25
    less, more = count_syncs(peer, folder, few), count_syncs(peer, folder, many)
    return [(m - n) / (many - few) for m, n in zip(more, less)]


def quoted(line):
    """The paths and other texts among the arguments that a line of strace tells."""
    return re.findall(r'"([^"]*)"', line)


def parts(line):
    """(call, path of its descriptor or its last path, result) of a line of strace -y."""
    found = re.match(r"\d+\s+(\w+)\((.*)\)\s+= (-?\d+)", line)
    if not found:
        return None
    call, arguments, result = found.groups()
    descriptor = re.match(r"\d+<([^>]*)>", arguments)
    names = quoted(arguments)
    path = descriptor.group(1) if descriptor else names[-1] if names else ""
    return call, path, int(result)


def made(call, line):
    """Whether a call makes a new file, or names one that had been made in advance."""
    return (call == "openat" and "O_CREAT" in line and "O_EXCL" in line
            or call == "linkat" and "AT_EMPTY_PATH" in line)


def within(path):
    """How a step names the folder a path is in."""
    return "@" + os.path.basename(os.path.dirname(path))


def steps(lines, folder):
    """The steps of one append, for contention_floor, from what it was seen to do."""
    files, out = {}, []
    named = {}  # Files by the names they were given, too.
    nameless = collections.Counter()  # Bytes written to what has no name yet.
    swap = (str(folder / "catalog.db"), str(folder))
    for line in lines:
        seen = parts(line)
        if not seen or seen[2] < 0:
            continue
        call, path, result = seen
        if call == "io_submit":
            kept = [f for f in files.values() if f["syncs"] == 0]
            for f in kept:
                f["kept"] = f["syncs"] = 1
            folders = [p for p in re.findall(TOGETHER, line) if os.path.isdir(p)]
            out.append("together" + "".join("@" + os.path.basename(p) for p in folders))
        elif path == swap[1] or path.startswith(swap[0]):
            if call in ("fsync", "fdatasync") and "swap" not in out:
                out.append("swap")
        elif made(call, line):
            name = quoted(line)[-1]
            files[path] = {"bytes": nameless.pop(path, 0), "syncs": 0, "in": within(name)}
            named[name] = files[path]
            out.append(path)
        elif call in ("write", "pwrite64", "writev"):
            if path in files:
                files[path]["bytes"] += result
            else:
                nameless[path] += result
        elif call in ("fsync", "fdatasync"):
            if path in files:
                files[path]["syncs"] += 1
            else:
                out.append("folder@" + os.path.basename(path))
        elif call.startswith("rename") and quoted(line)[0] in named:
            exchanges = "RENAME_EXCHANGE" in line
            named[quoted(line)[0]]["replaces"] = "exchange" if exchanges else "replace"
        elif call in ("link", "linkat") and re.search(r"v\d+\.metadata\.json$", path):
            out.append("link" + within(path))
    return [step_of(files[s]) if s in files else s for s in out]


def step_of(file):
    """The step that makes such a file."""
    if "kept" in file:
        return f"later:{file['bytes']}{file['in']}"
    if "replaces" in file and not file["syncs"]:
        return f"{file['replaces']}:{file['bytes']}{file['in']}"
    return f"file:{file['bytes']}:{file['syncs']}{file['in']}"


def is_synced(step):
    """Whether a step has to do with what is durable when the append is acknowledged."""
    return not re.match(r"(replace|exchange):|file:\d+:0@", step)


def syncs_of(step):
    """How many of a step's syncs are not the swap's."""
    what, *folders = step.split("@")
    kind, *numbers = what.split(":")
    return {"file": lambda: int(numbers[1]), "later": lambda: 1, "folder": lambda: 1,
            "together": lambda: len(folders)}.get(kind, lambda: 0)()


def record_steps(peer, folder):
    """The steps of a usual append: of those recorded, one with as many as most have."""
    trace = folder.parent / "steps.txt"
    command = peer.command(folder, 1, 1, WARM_UP + RECORDED, 240, 5)
    run_writers(["strace", "-f", "-y", "-s", "512", "-o", trace, "-e", f"trace={CALLS}",
                 *command, "marks"], folder, 400)
    blocks, current = [], None
    with open(trace, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if "contention:append" in line:
                current = []
                blocks.append(current)
            elif current is not None:
                current.append(line)
    seen = [steps(b, folder) for b in blocks[WARM_UP:]]
    usual, _ = collections.Counter(len(s) for s in seen).most_common(1)[0]
    return next(s for s in seen if len(s) == usual)


def group_of(program):
    """The processes of a program that is a process group of its own."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue    # It has ended.
        if int(fields[2]) == program.pid:
            found.append(int(stat.parent.name))
    return found


def bind(group, processors):
    """Where the threads of these processes go on, and those that they start."""
    for pid in group:
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
            try:
                os.sched_setaffinity(int(task.name), processors)
            except ProcessLookupError:
                pass    # It has ended.


def let_run(program, seconds, processor):
    """Lets a stopped program (a process group of its own) run for so long. It begins on
    that processor, and may go where the system likes."""
    group = group_of(program)
    bind(group, {processor})
    os.killpg(program.pid, signal.SIGCONT)
    time.sleep(SETTLED_S)
    bind(group, os.sched_getaffinity(0))
    try:
        program.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, signal.SIGSTOP)


def end(program):
    """Ends a program that may be stopped, and all that it has started."""
    try:
        os.killpg(program.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    program.wait()


def ours_us(folder):
    """Microseconds of each append of ours after those that warm up."""
    _, _, appends = read_records(folder, 1)
    return [(a[3] - a[2]) / 1e3 for a in appends[WARM_UP + 1:]]


def bare_us(folder):
    """Microseconds of each bare append."""
    return [t / 1e3 for t in numbers(folder / "floor.bin")]


def numbers(path):
    """The whole numbers of 8 bytes that a file has; its last one may be in the making."""
    data = path.read_bytes() if path.exists() else b""
    return struct.unpack(f"={len(data) // 8}q", data[:len(data) // 8 * 8])


def in_turns(peer, floor_program, recorded, folder):
    """Times of ours, of each of the floors (lists of steps): programs by turns of TURN_S,
    in a folder that is new. A disk may wake who waits on one processor later than on
    another, and who waits stays where he is: all begin as many turns on each."""
    ours = folder / "ours"
    bare = [folder / f"bare{i}" for i in range(len(recorded))]
    for place in (ours, *bare):
        place.mkdir(parents=True)
    command = peer.command(ours, 1, 1, UNBOUNDED, 1000, 5)
    processors = sorted(os.sched_getaffinity(0))
    programs = [subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL,
                                 start_new_session=True)]
    try:
        late = time.monotonic() + 120
        while not is_warm(ours) and programs[0].poll() is None and time.monotonic() < late:
            time.sleep(TURN_S)
        os.killpg(programs[0].pid, signal.SIGSTOP)
        for place, steps_of_it in zip(bare, recorded):
            programs.append(subprocess.Popen([str(floor_program), str(place), *steps_of_it],
                                             start_new_session=True))
            os.killpg(programs[-1].pid, signal.SIGSTOP)
        for turn in range(TURNS):
            processor = processors[turn // 2 % len(processors)]
            for program in programs[::-1] if turn % 2 else programs:
                let_run(program, TURN_S, processor)
                if program.poll() is not None:
                    raise Failed(f"{program.args[0]} ended: {program.returncode}")
    finally:
        for program in programs:
            end(program)
    return [ours_us(ours), *map(bare_us, bare)]


def is_warm(folder):
    """Whether the writer has so many appends that history is as long as it gets."""
    notes = folder / "writer-0.bin"
    return notes.exists() and notes.stat().st_size >= (WARM_UP + 2) * RECORD.size


def one_writer_floor(peer, floor_program, folder):
    """One writer beside the same files and syncs made bare, in turns; medians, and a ratio;
    and beside those of the files that it syncs alone."""
    recorded = record_steps(peer, folder)
    if not recorded:
        raise Failed("strace showed no append")
    put_away(folder)
    synced = [s for s in recorded if is_synced(s)]
    times = [[], [], []]
    for nth in range(ROUNDS):
        found = in_turns(peer, floor_program, [recorded, synced], folder / f"round{nth}")
        if not all(found):
            raise Failed("nothing was done in the turns")
        for all_of_it, more in zip(times, found):
            all_of_it.extend(more)
    put_away(folder)
    ours, floor, synced_us = map(statistics.median, times)
    return {"ours_us": ours, "floor_us": floor, "ratio": ours / floor,
            "synced_us": synced_us, "synced_ratio": ours / synced_us,
            "ours": len(times[0]), "bare": len(times[1]),
            "steps": recorded, "syncs_outside_the_swap": sum(map(syncs_of, recorded)),
            "swaps": recorded.count("swap")}
