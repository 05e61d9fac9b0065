"""Thrift's compact protocol: any struct as {field number: value}."""


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        made = shift = 0
        while True:
            b = self.byte()
            made |= (b & 0x7f) << shift
            if b < 0x80:
                return made
            shift += 7

    def zigzag(self):
        v = self.varint()
        return (v >> 1) ^ -(v & 1)

    def binary(self):
        size = self.varint()
        self.at += size
        if self.at > len(self.data):
            raise IndexError("a string beyond the end")
        return bytes(self.data[self.at - size:self.at])

    def list(self):
        head = self.byte()
        size = head >> 4
        if size == 15:
            size = self.varint()
        kind = head & 15
        if kind in (1, 2):
            return [self.byte() == 1 for _ in range(size)]
        return [self.value(kind) for _ in range(size)]

    def value(self, kind):
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            return self.byte()
        if kind in (4, 5, 6):
            return self.zigzag()
        if kind == 8:
            return self.binary()
        if kind in (9, 10):
            return self.list()
        if kind == 12:
            return self.struct()
        raise ValueError(f"thrift type {kind} at {self.at}")

    def struct(self):
        made, field = {}, 0
        while True:
            head = self.byte()
            if head == 0:
                return made
            field = field + (head >> 4) if head >> 4 else self.zigzag()
            made[field] = self.value(head & 15)


def struct(data, at=0):
    """(the struct, where it ends)."""
    r = Reader(data, at)
    return r.struct(), r.at
