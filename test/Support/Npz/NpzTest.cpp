//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Damaged and hostile files. That numpy's files are read and ours are read by
// numpy, numpy-files.py beside this file shows.
//
//===----------------------------------------------------------------------===//
#include "mpq/Support/Npz.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include "gtest/gtest.h"

using namespace llvm;
using namespace mpq;

/// A `.npy` file with this header text and `bytes` bytes of data.
static std::string makeNpy(StringRef text, size_t bytes,
                           StringRef version = StringRef("\1\0", 2)) {
  std::string file = "\x93NUMPY" + version.str();
  file += char(text.size() & 0xff);
  file += char(text.size() >> 8);
  if (version[0] != 1)
    file.append(2, '\0');
  file += text.str();
  file.append(bytes, '\1');
  return file;
}

class NpzFile : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(sys::fs::createUniqueDirectory("mpq-npz", folder));
    path = (folder + "/file.npz").str();
  }
  void TearDown() override { sys::fs::remove_directories(folder); }

  void write(StringRef bytes) {
    std::error_code code;
    raw_fd_ostream(path, code) << bytes;
    ASSERT_FALSE(code);
  }
  std::string read() {
    auto file = MemoryBuffer::getFile(path);
    return file ? (*file)->getBuffer().str() : "";
  }
  /// The message of the error, without the path before it.
  std::string getError() {
    Expected<std::vector<NpyArray>> arrays = readNpz(path);
    if (arrays)
      return "no error";
    std::string message = toString(arrays.takeError());
    StringRef text = message;
    EXPECT_TRUE(text.consume_front(path + ": ")) << message;
    return text.str();
  }
  std::string getErrorOf(StringRef bytes) {
    write(bytes);
    return getError();
  }

  SmallString<128> folder;
  std::string path;
};

TEST_F(NpzFile, RefusesWhatIsNoArray) {
  EXPECT_EQ("No such file or directory", getError());
  EXPECT_EQ("the file is empty", getErrorOf(""));
  EXPECT_EQ("neither a .npz archive nor a .npy file", getErrorOf("hello"));
  EXPECT_EQ("not a .npy array: it does not start with the .npy magic",
            getErrorOf("\x93NUMPY"));
  EXPECT_EQ("unsupported .npy version 9.0",
            getErrorOf(makeNpy("{}", 0, StringRef("\x09\0", 2))));
  EXPECT_NE(
      std::string::npos,
      getErrorOf("PK\3\4 and no more").find("not a readable .npz archive: "));
}

TEST_F(NpzFile, RefusesMalformedHeaders) {
  auto header = [&](StringRef text) { return getErrorOf(makeNpy(text, 4)); };
  EXPECT_EQ("malformed .npy header: expected '{' before ''", header(""));
  EXPECT_EQ("malformed .npy header: unknown key 'color'",
            header("{'color': 3}"));
  EXPECT_EQ(
      "the .npy header misses one of 'descr', 'fortran_order' and 'shape'",
      header("{'descr': '<f4'}"));
  EXPECT_EQ("malformed .npy header: expected the string's end before ''<f4'",
            header("{'descr': '<f4"));
  EXPECT_EQ("unsupported element type '>f4' (big-endian)",
            header("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}"));
  EXPECT_EQ("unsupported element type '|O' (Python objects)",
            header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"));
  EXPECT_EQ(
      "structured element types are not supported",
      header(
          "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"));
  EXPECT_EQ("malformed .npy header: expected a size before '-1,)}'",
            header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"));
  EXPECT_EQ("malformed .npy header: expected True or False before '1, 'shape': "
            "(1,)}'",
            header("{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}"));
  std::string cut =
      makeNpy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 0);
  EXPECT_EQ("the .npy header is cut short",
            getErrorOf(StringRef(cut).drop_back(3)));
}

TEST_F(NpzFile, RefusesSizesThatAreNotThere) {
  auto shape = [&](StringRef text) {
    return getErrorOf(makeNpy(
        ("{'descr': '<f4', 'fortran_order': False, 'shape': " + text + "}")
            .str(),
        8));
  };
  EXPECT_EQ("no error", shape("(2,)"));
  EXPECT_EQ("no error", shape("(2, 1L)"));
  EXPECT_EQ("shape [3] of float32 needs 12 bytes, the file has 8",
            shape("(3,)"));
  EXPECT_EQ("shape [] of float32 needs 4 bytes, the file has 8", shape("()"));
  EXPECT_EQ("shape [1099511627776] of float32 needs 4398046511104 bytes, the "
            "file has 8",
            shape("(1099511627776,)"));
  EXPECT_EQ("the size of shape [4294967296, 4294967296, 4] overflows",
            shape("(4294967296, 4294967296, 4)"));
  EXPECT_EQ("shape [0, 9223372036854775807, 9] of float32 needs 0 bytes, the "
            "file has 8",
            shape("(0, 9223372036854775807, 9)"));
}

TEST_F(NpzFile, FindsDamageInAnArchive) {
  std::vector<NpyArray> arrays(1);
  arrays[0] = cantFail(NpyArray::create("a", NpyType::I32, {10}));
  for (int32_t &value : arrays[0].as<int32_t>())
    value = 7;
  cantFail(writeNpz(path, arrays));
  std::string good = read();
  // Every place of the file, cut there: an error, never a crash.
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_NE("no error", getErrorOf(StringRef(good).take_front(size))) << size;
  // The archive's directory begins where the data ends.
  size_t entry = good.rfind("PK\1\2");
  std::string changed = good;
  changed[entry - 1] ^= 1;
  EXPECT_EQ("array 'a': CRC error", getErrorOf(changed));
  // The size in the archive's directory: 2 GB of data in 500 bytes.
  changed = good;
  changed[entry + 20 + 3] = changed[entry + 24 + 3] = 0x7f;
  EXPECT_NE("no error", getErrorOf(changed));
  // A bit of any byte changed: an error or an array, never a crash.
  for (size_t at = 0; at < good.size(); ++at) {
    changed = good;
    changed[at] ^= 1 << at % 8;
    write(changed);
    consumeError(readNpz(path).takeError());
  }
}

TEST_F(NpzFile, WritesTheSameBytes) {
  std::vector<NpyArray> arrays;
  arrays.push_back(cantFail(NpyArray::create("empty", NpyType::F16, {0, 3})));
  arrays.push_back(cantFail(NpyArray::create("scalar", NpyType::F64, {})));
  arrays.push_back(cantFail(NpyArray::create("flags", NpyType::Bool, {3})));
  arrays[1].as<double>()[0] = 2.5;
  for (uint8_t &value : arrays[2].as<uint8_t>())
    value = 1;
  cantFail(writeNpz(path, arrays));
  std::string once = read();
  cantFail(writeNpz(path, arrays));
  EXPECT_EQ(once, read());
  std::vector<NpyArray> back = cantFail(readNpz(path));
  ASSERT_EQ(3u, back.size());
  EXPECT_EQ("empty", back[0].name);
  EXPECT_EQ("[0, 3]", formatShape(back[0].shape));
  EXPECT_EQ(2.5, back[1].as<double>()[0]);
  EXPECT_EQ(NpyType::Bool, back[2].type);
  EXPECT_EQ(0u, uintptr_t(back[2].data()) % 64);
}

TEST_F(NpzFile, RefusesToWrite) {
  std::vector<NpyArray> arrays(2);
  arrays[0] = cantFail(NpyArray::create("a", NpyType::I8, {1}));
  arrays[1] = cantFail(NpyArray::create("a", NpyType::I8, {1}));
  EXPECT_EQ(path + ": two arrays are called 'a'",
            toString(writeNpz(path, arrays)));
  EXPECT_EQ(path + ": there are no arrays to write",
            toString(writeNpz(path, {})));
  arrays.pop_back();
  std::string nowhere = (folder + "/none/file.npz").str();
  EXPECT_NE("", toString(writeNpz(nowhere, arrays)));
  EXPECT_FALSE(sys::fs::exists(path));
}

TEST_F(NpzFile, ListsTheArraysThereAre) {
  std::vector<NpyArray> arrays(2);
  arrays[0] = cantFail(NpyArray::create("x", NpyType::I8, {1}));
  arrays[1] = cantFail(NpyArray::create("y", NpyType::I8, {1}));
  EXPECT_EQ(&arrays[1], cantFail(findArray(arrays, "y", "f.npz")));
  EXPECT_EQ("f.npz: no array 'z'; the file has x, y",
            toString(findArray(arrays, "z", "f.npz").takeError()));
}
