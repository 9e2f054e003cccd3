# The readers name the file and both sizes when a file is not what they read.
#
# REQUIRES: numpy
# RUN: %python %s %t
import pathlib
import sys

import numpy as np

from mpq import datasets

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)


def expect(error: type, text: str, action) -> None:
    try:
        action()
    except error as raised:
        assert text in str(raised), f"'{raised}' does not say '{text}'"
    else:
        raise AssertionError(f"no {error.__name__} that says '{text}'")


def write(name: str, data: bytes) -> pathlib.Path:
    path = folder / name
    path.write_bytes(data)
    return path


# Two CIFAR records: the label, then the planes.
records = np.arange(2 * 3073, dtype=np.uint32).astype(np.uint8)
images, labels = datasets.read_cifar(write("cifar.bin", records.tobytes()))
assert images.shape == (2, 3, 32, 32) and images[0, 0, 0, 0] == 1 and list(labels) == [0, 3073 % 256]
expect(ValueError, "3074 bytes are no multiple of a record of 3073",
       lambda: datasets.read_cifar(write("long.bin", bytes(3074))))

# An idx file of 2 x 3 bytes.
header = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3])
assert datasets.read_idx(write("a.idx", header + bytes(range(6)))).tolist() == [[0, 1, 2], [3, 4, 5]]
expect(ValueError, "5 bytes of data, but the header says 6",
       lambda: datasets.read_idx(write("short.idx", header + bytes(5))))
expect(ValueError, "not an idx file of bytes", lambda: datasets.read_idx(write("empty.idx", b"")))

expect(KeyError, "no task 'nothing'", lambda: datasets.load("nothing", folder))
expect(OSError, "t10k-images-idx3-ubyte", lambda: datasets.load("mnist", folder))
