//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the AVX-512 VNNI families share.
//
// One `vpdpbusd` multiplies four u8 activations, the same four in all lanes,
// with 16 x 4 s8 weights, and adds each lane's four products to its i32:
//
//     activations   x0 x1 x2 x3 | x0 x1 x2 x3 | ...   one dword, broadcast
//     weights       w00 .. w03  | w10 .. w13  | ...   row r, columns k .. k+3
//     accumulators  a0          | a1          | ...   a_r += sum_i x_i w_ri
//
// So 16 rows (output channels) advance by four columns of the weight matrix,
// and the sum is exact. What the codes stand for is put in at the ends:
//
//     real = s_x s_r (sum_i w_ri (x_i - z_x)) + bias_r + residual
//                     = a_r, started at -z_x sum_i w_ri
//     code = saturate(round(clamp(real) / s_y) + z_y)
//
// Starting the accumulator at the zero-point correction keeps the sum an exact
// integer. Behind it, all is in units of the result's step s_y, with the
// factors folded: one conversion, one FMA with s_x s_r / s_y and bias_r / s_y
// (and one with s_residual / s_y), the clamp, one conversion with rounding to
// nearest even, and packing, which saturates.
//
// Compared with the formula in exact arithmetic the code can differ by one
// where real / s_y is within 1e-4 of a rounding boundary: the folded factors
// are f32.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_VNNI_VNNI_H
#define MPQ_LIB_KERNEL_CPU_VNNI_VNNI_H

#include "mpq/Kernel/DynamicQuantization.h"

#include <string>

namespace mpq::vnni {

/// Rows and columns of a weight vector, and the bytes of one.
constexpr int64_t kRows = 16, kColumns = 4, kVectorBytes = kRows * kColumns;

/// Why the target or the weight cannot be used with `vpdpbusd`; empty if they
/// can. `depth` is the number of weights that one accumulator sums.
std::string checkTarget(const KernelTarget &target);
std::string checkWeight(mlir::Type weight, int64_t depth);
/// Why the quantizations cannot be: a result or a residual that is dynamic, an
/// input that is f32.
std::string checkQuantization(UniformAttr input, UniformAttr residual,
                              UniformAttr output);

/// `accumulator + activations . weights`; i32 x 16, i32 x 16 (four codes
/// each), i8 x 64.
mlir::Value emitDot(KernelBuilder &k, mlir::Value accumulator,
                    mlir::Value activations, mlir::Value weights);

/// The s8 level at (row, column) of a weight that `checkWeight` likes, as i8;
/// zero where not `valid` (null: true).
mlir::Value emitLevel(KernelBuilder &k, const WeightReader &weight,
                      llvm::ArrayRef<int64_t> shape, Index row, Index column,
                      mlir::Value valid);

/// Writes the scale and the sum of the levels of each row (f32 and i32
/// buffers); zeros behind the last row. For one scale per row.
void emitRowFactors(KernelBuilder &k, llvm::ArrayRef<int64_t> shape,
                    const WeightReader &weight, mlir::Value scales,
                    mlir::Value sums);

/// The codes (i8 x 16) of reals (f32 x 16) within the range of `quant`. The
/// same as its own `encode` for finite values, in fewer instructions.
mlir::Value emitCodes(KernelBuilder &k, const DynamicQuantization &quant,
                      mlir::Value reals);

/// Smallest and largest value, lane by lane: starts with zeros, which are in
/// every range.
class RangeFinder {
public:
  explicit RangeFinder(KernelBuilder &k) : k(k) {}
  llvm::SmallVector<mlir::Value> start() const;
  /// `range` with `reals` (f32 x 16) in it.
  llvm::SmallVector<mlir::Value> include(mlir::ValueRange range,
                                         mlir::Value reals) const;
  DynamicQuantization finish(UniformAttr quant, mlir::ValueRange range) const;

private:
  KernelBuilder &k;
};

/// From accumulators to results, 16 at a time.
class Epilogue {
public:
  /// `residual` and `output`: the quantization, null for f32.
  Epilogue(KernelBuilder &k, bool hasResidual, UniformAttr residual,
           UniformAttr output, RangeAttr clamp);

  /// What to multiply accumulators with: row scales (f32 x 16) times the
  /// input's scale, a constant or a scalar f32.
  mlir::Value foldScale(mlir::Value rowScales, double inputScale) const;
  mlir::Value foldScale(mlir::Value rowScales, mlir::Value inputScale) const;
  /// What to add; `bias` (f32 x 16) may be null.
  mlir::Value foldBias(mlir::Value bias) const;

  /// The result, f32 x 16: a real, or in steps of the output's scale before
  /// the zero point. `sum` is f32; `residual` has the residual's elements.
  mlir::Value apply(mlir::Value sum, mlir::Value scale, mlir::Value bias,
                    mlir::Value residual) const;
  /// The codes of one to four such results, one after the other: i8 x 64.
  mlir::Value encode(llvm::ArrayRef<mlir::Value> results) const;
  /// The same as packing leaves them, a quarter of each vector in a quarter of
  /// the codes: bytes 4 i ... 4 i + 3 of quarter q are those of lanes 4 q ...
  /// 4 q + 3 of result i.
  mlir::Value pack(llvm::ArrayRef<mlir::Value> results) const;

private:
  KernelBuilder &k;
  bool hasResidual;
  UniformAttr residualQuant, outputQuant;
  /// Of reals to the result's unit.
  double unit = 1.0;
  /// The clamp in that unit.
  double low, high;
};

} // namespace mpq::vnni

#endif // MPQ_LIB_KERNEL_CPU_VNNI_VNNI_H
