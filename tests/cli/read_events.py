"""The event files of a run's folder, read by a reader of a few lines (own) or by TensorBoard (tensorboard).

    read_events.py print own|tensorboard FOLDER             a line `TAG STEP NUMBER` for each number that counts
    read_events.py compare own|tensorboard FOLDER <TABLE    fails where they are not, each once, those of the table that
                                                            `translution info --metrics` prints
    read_events.py times own FOLDER                         the wall times of all events, in the order of the files
"""
import csv
import glob
import math
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc ^ 0xFFFFFFFF


def check(data, stored):
    crc = crc32c(data)
    if ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32 != struct.unpack("<I", stored)[0]:
        sys.exit("a record has a wrong checksum")


def records(path):
    """The records of a file; the last may be cut off."""
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at + 12 <= len(data):
        check(data[at : at + 8], data[at + 8 : at + 12])
        end = at + 12 + struct.unpack("<Q", data[at : at + 8])[0]
        if end + 4 > len(data):
            return
        check(data[at + 12 : end], data[end : end + 4])
        yield data[at + 12 : end]
        at = end + 4


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def message(data):
    """The fields of a protobuf message by their numbers, of which none is there twice."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        size = {0: 0, 1: 8, 5: 4}.get(key & 7)
        if size == 0:
            value, at = varint(data, at)
        else:
            if size is None:
                size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        if key >> 3 in found:
            sys.exit(f"field {key >> 3} is there twice")
        found[key >> 3] = value
    return found


def events(folder):
    for path in sorted(glob.glob(glob.escape(folder) + "/events.out.tfevents.*")):
        for number, record in enumerate(records(path)):
            event = message(record)
            if (event.get(3) == b"brain.Event:2") != (number == 0):
                sys.exit(f"{path}: event {number} has the version {event.get(3)}")
            yield event


def read_own(folder):
    kept = []
    for event in events(folder):
        if 7 in event and message(event[7]) == {1: 1}:
            kept = [k for k in kept if k[1] < event[2]]
        if 5 in event:
            value = message(message(event[5])[1])
            kept.append((value[1].decode(), event[2], struct.unpack("<f", value[2])[0]))
    return kept


def read_tensorboard(folder):
    from tensorboard.backend.event_processing import event_accumulator as reader

    board = reader.EventAccumulator(folder, size_guidance={reader.SCALARS: 0}).Reload()
    return [(tag, e.step, e.value) for tag in board.Tags()["scalars"] for e in board.Scalars(tag)]


def read_table():
    for row in csv.DictReader(sys.stdin):
        group = "eval/" + row["test"] if row["test"] else "train"
        for name, cell in row.items():
            if name not in ("step", "epoch", "test") and cell:
                yield (f"{group}/{name}", int(row["step"])), float(cell)


def compare(numbers):
    found, wanted = {}, dict(read_table())
    for tag, step, value in numbers:
        if (tag, step) in found:
            sys.exit(f"{tag} of step {step} is there twice")
        found[tag, step] = value
    for key in sorted(found.keys() | wanted.keys()):
        event, metric = found.get(key, math.nan), wanted.get(key, math.nan)
        if not (math.isclose(event, metric, rel_tol=1e-6) or math.isnan(event) and math.isnan(metric)):
            sys.exit(f"{key}: {event} in the event files, {metric} in the metrics")


def main():
    how, reader, folder = sys.argv[1:]
    if crc32c(b"123456789") != 0xE3069283:
        sys.exit("crc32c is wrong")
    if how == "times":
        print(*(struct.unpack("<d", event[1])[0] for event in events(folder)), sep="\n")
        return
    numbers = read_own(folder) if reader == "own" else read_tensorboard(folder)
    if how == "compare":
        compare(numbers)
    else:
        print(*(f"{tag} {step} {value:.9g}" for tag, step, value in numbers), sep="\n")


main()
