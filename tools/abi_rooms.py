"""What programs of the last version see of a new interface: structs without the members that were added in their room;
called by tools/check_abi.

    abi_rooms.py OLD NEW > SEEN      dumps of abidw: the last version's, the new one, and what is compared with the first

Two kinds of struct have room. Configurations begin with their `size` and grow at their end: their library knows how
many members a program has. Results end with an array `reserved`: members that are added take its place, up to the size
that the struct had. (tl_settings, whose parts have room in unions, neither grows nor shrinks.)
"""
import copy
import sys
import xml.etree.ElementTree as Tree


def members(struct):
    return struct.findall("data-member")


def offset(member):
    return int(member.get("layout-offset-in-bits"))


def name(member):
    return member.find("var-decl").get("name")


def structs(dump):
    return {c.get("name"): c for c in dump.iter("class-decl") if members(c)}


def room_of(struct):
    """Where the room of a struct of the last version begins, in bits; None: it has none."""
    last = members(struct)[-1]
    if name(last) == "reserved":
        return offset(last)
    grows = name(members(struct)[0]) == "size" and all(name(m) for m in members(struct))
    return int(struct.get("size-in-bits")) if grows else None


def fold(old, new):
    """Puts what the last version had at the room, `reserved` or the end, in the place of what is there now."""
    room, size = room_of(old), old.get("size-in-bits")
    if room is None or (name(members(old)[-1]) == "reserved" and new.get("size-in-bits") != size):
        return
    for member in members(new):
        if offset(member) >= room:
            new.remove(member)
    new.extend(copy.deepcopy(m) for m in members(old) if offset(m) >= room)
    new.set("size-in-bits", size)


def add_types(old, new):
    """The types of `reserved` as it was, which nothing else may have now."""
    known = {a.get("id") for a in new.iter("array-type-def")}
    new.getroot().find("abi-instr").extend(
        copy.deepcopy(a) for a in old.iter("array-type-def") if a.get("id") not in known
    )


def main():
    old, new = (Tree.parse(path) for path in sys.argv[1:])
    now = structs(new)
    before = {n: s for n, s in structs(old).items() if n in now}
    if not any(room_of(s) is not None for s in before.values()):
        sys.exit(f"no struct in {sys.argv[1]} has room: the check looks in the wrong place")
    for struct, was in before.items():
        fold(was, now[struct])
    add_types(old, new)
    new.write(sys.stdout.buffer)


if __name__ == "__main__":
    main()
