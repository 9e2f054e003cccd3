//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What payloads of several formats have in common: codes of a few bits, row by
// row, and behind them the scales of groups of them. For a rows x k matrix:
//
//   codes    rows x ceil(k * bits / 8) bytes; code j of a row takes the bits
//            [j*bits, (j+1)*bits) of the row's bytes, little endian; or, of three
//            codes, rows x ceil(k / 5) bytes, code j being digit j % 5 of byte
//            j / 5 of the row in base 3, the lowest first
//   scales   f32 or f16, little endian, row by row, group by group
//
// and then what the format adds. Rows of codes are byte-aligned, scales need
// not be. Host and IR read the same layout, which is defined here only.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_FORMATS_GROUPEDPAYLOAD_H
#define MPQ_FORMATS_GROUPEDPAYLOAD_H

#include "mpq/Support/Quantization.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/Support/Error.h"

namespace mpq {

struct GroupedPayload {
  unsigned bits;       ///< of one code: 1 to 8
  int64_t group;       ///< weights that share a scale: 0, a row; -1, the tensor
  ScaleType scaleType; ///< how a scale is stored
  bool isBase3 = false; ///< codes are digits, 3^5 = 243 of which fit a byte

  /// Digits of a byte in base 3.
  static constexpr int64_t kDigits = 5;

  int64_t getRowBytes(int64_t k) const {
    return isBase3 ? (k + kDigits - 1) / kDigits : (k * bits + 7) / 8;
  }
  int64_t getScaleBytes() const { return scaleType == ScaleType::F16 ? 2 : 4; }
  int64_t getGroupsPerRow(int64_t k) const;
  int64_t getScaleCount(int64_t rows, int64_t k) const;
  /// The index of the scale that holds at (`row`, `column`).
  int64_t getScaleIndex(int64_t k, int64_t row, int64_t column) const;
  int64_t getScalesOffset(int64_t rows, int64_t k) const {
    return rows * getRowBytes(k);
  }
  /// Where the format's own part begins.
  int64_t getEnd(int64_t rows, int64_t k) const {
    return getScalesOffset(rows, k) + getScaleCount(rows, k) * getScaleBytes();
  }
  /// Consecutive weights of a row that share a scale (`k` beyond a row).
  int64_t getGroupLength(int64_t k) const;

  /// The code, zero-extended. `setCode` expects the row to be zeroed and takes
  /// the lower bits.
  uint32_t getCode(llvm::ArrayRef<char> payload, int64_t k, int64_t row,
                   int64_t column) const;
  void setCode(llvm::MutableArrayRef<char> payload, int64_t k, int64_t row,
               int64_t column, uint32_t code) const;
  float getScale(llvm::ArrayRef<char> payload, int64_t rows, int64_t k,
                 int64_t index) const;
  void setScale(llvm::MutableArrayRef<char> payload, int64_t rows, int64_t k,
                int64_t index, float scale) const;

  /// The same as IR, on a 1-D memref of i8 with static size: the code as an
  /// i32, the scale as an f32, by position or by index, and the index.
  mlir::Value emitCode(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::Value payload, int64_t k, mlir::Value row,
                       mlir::Value column) const;
  mlir::Value emitScale(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value payload, int64_t rows, int64_t k,
                        mlir::Value row, mlir::Value column) const;
  mlir::Value emitScaleAt(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Value payload, int64_t rows, int64_t k,
                          mlir::Value index) const;
  mlir::Value emitScaleIndex(mlir::OpBuilder &builder, mlir::Location loc,
                             int64_t k, mlir::Value row,
                             mlir::Value column) const;

  /// Parses the rest of a format's attribute, `, group = 32, f16>` in any
  /// order, and words that are the format's own, for which `extra` returns
  /// true. `words` says all of them, for errors.
  static mlir::ParseResult
  parseParameters(mlir::AsmParser &parser, int64_t &group, bool &half,
                  llvm::StringRef words = "'group' or 'f16'",
                  llvm::function_ref<bool(llvm::StringRef)> extra = nullptr);
  /// The group as it stands behind a format's name: `:g32`, `:tensor` or
  /// nothing.
  std::string getSuffix() const;
  /// Reads what a user wrote behind the name: the group, `f16`, and parts that
  /// are the format's own, for which `extra` returns true.
  static llvm::Expected<GroupedPayload>
  parseSuffix(llvm::StringRef spelling, unsigned bits,
              const std::string &syntax,
              llvm::function_ref<bool(llvm::StringRef)> extra = nullptr);
};

/// Builds IR for the byte of `payload` at `index`, as an i32.
mlir::Value emitByte(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value payload, mlir::Value index);
/// Builds IR for the f32 at byte `index`, which need not be aligned.
mlir::Value emitFloat(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value payload, mlir::Value index);

} // namespace mpq

#endif // MPQ_FORMATS_GROUPEDPAYLOAD_H
