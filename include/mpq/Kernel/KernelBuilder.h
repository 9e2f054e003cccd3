//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What every kernel family needs to write loops: indices that fold, loops that
// vanish when they run once, flat views of buffers, vectors, quantization.
//
// Kernels address memory linearly. All buffers become 1-D memrefs, and an
// address is an `Index`: an SSA value plus a constant. Sums and products of
// indices fold the constants, so that the 48 loads of a register tile differ in
// their constant only, which the code generator puts into the instruction:
//
//     KernelBuilder k(builder, loc, target);
//     Activation x = k.activation(operands[0], op.getInputLayoutAttr());
//     k.forLoop(0, 32, 1, [&](Index row) {
//       Index at = x.offset(k, 0, 0, row, -1);  // one pixel left of the row
//       for (int column = 0; column < 18; ++column)
//         use(k.load(x.buffer, at + column * x.block));
//     });
//
// Kernels compute in f32. An activation may be stored as bf16: loads from such a
// buffer give f32, stores to it round, so that a kernel need not know. What a
// kernel wants as it is stored, it loads with `loadStored`.
//
// Vectors are as long as the algorithm wants (a channel block, usually); LLVM
// splits what is longer than a register.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_KERNELBUILDER_H
#define MPQ_KERNEL_KERNELBUILDER_H

#include "mpq/Kernel/KernelFamily.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mpq {

/// On an `scf.for`: threads may share its iterations (`parallelFor`); and they
/// are counted on with those of the one before.
inline constexpr llvm::StringLiteral kParallelAttr = "mpq.parallel";
inline constexpr llvm::StringLiteral kJoinedAttr = "mpq.joined";

/// An index: `base + offset`, where the base may be absent. Converts from a
/// constant and from a value.
struct Index {
  mlir::Value base;
  int64_t offset = 0;

  Index(int64_t offset = 0) : offset(offset) {}
  Index(mlir::Value base) : base(base) {}
  bool isConstant() const { return !base; }
  Index operator+(int64_t more) const {
    Index sum = *this;
    sum.offset += more;
    return sum;
  }
};

class KernelBuilder;

/// A 4-D activation, in memory as one row of elements. Plain NCHW is the layout
/// with one channel per block and no border.
struct Activation {
  /// 1-D memref of f32 or bf16, or of i8 where `quant` is set.
  mlir::Value buffer;
  /// Null for floats.
  UniformAttr quant;
  /// Logical N, C, H, W.
  llvm::SmallVector<int64_t, 4> shape;
  int64_t block = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0;

  int64_t channelBlocks() const { return (shape[1] + block - 1) / block; }
  /// Elements between vertical neighbours, channel blocks, samples.
  int64_t rowPitch() const { return (left + shape[3] + right) * block; }
  int64_t planePitch() const { return (top + shape[2] + bottom) * rowPitch(); }
  int64_t samplePitch() const { return channelBlocks() * planePitch(); }
  /// The element index of channel 0 of a block at logical (n, block, h, w); h
  /// and w may reach into the border.
  Index offset(KernelBuilder &k, Index n, Index channelBlock, Index h,
               Index w) const;
};

class KernelBuilder {
public:
  /// Builds at `builder`'s insertion point, in the entry block of a function
  /// (constants go to the start of that block).
  KernelBuilder(mlir::OpBuilder &builder, mlir::Location loc,
                const KernelTarget &target);

  mlir::ImplicitLocOpBuilder b;
  const KernelTarget target;

  //===--- Constants ------------------------------------------------------===//

  mlir::Value index(int64_t value);
  mlir::Value f32(double value);
  /// An integer of any width, i8 and i32 mostly.
  mlir::Value integer(unsigned bits, int64_t value);
  /// A vector of equal elements.
  mlir::Value splatF32(double value, int64_t lanes);
  mlir::Value splatInteger(unsigned bits, int64_t value, int64_t lanes);
  /// Any vector constant.
  mlir::Value constant(mlir::TypedAttr value);

  //===--- Indices --------------------------------------------------------===//

  /// The index as one value.
  mlir::Value value(Index index);
  Index add(Index a, Index b);
  Index mul(Index a, int64_t factor);
  Index mul(Index a, Index b);
  Index sub(Index a, Index b);
  Index min(Index a, int64_t bound);
  Index min(Index a, Index b);
  Index floorDiv(Index a, int64_t divisor);
  Index mod(Index a, int64_t divisor);
  /// `a / b` and `a % b`; b is not zero.
  Index floorDiv(Index a, Index b);
  Index mod(Index a, Index b);
  /// `0 <= a < bound`, of type i1.
  mlir::Value lessThan(Index a, int64_t bound);
  /// The position of element `at` in a row-major array of `sizes`.
  Index linear(llvm::ArrayRef<Index> at, llvm::ArrayRef<int64_t> sizes);
  /// The size of a dimension of a memref; a constant where it is static.
  Index dim(mlir::Value memref, int64_t dimension);
  /// The product of all dimensions but the last `inner`: a buffer's rows.
  Index rows(mlir::Value memref, int64_t inner = 1);

  //===--- Loops ----------------------------------------------------------===//

  using Body = llvm::function_ref<void(Index)>;
  using CarryingBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      Index, mlir::ValueRange)>;

  /// `for (i = lower; i < upper; i += step)`; just the body when it runs once.
  void forLoop(int64_t lower, int64_t upper, int64_t step, Body body);
  void forLoop(Index lower, Index upper, int64_t step, Body body);
  /// The same with values carried from one iteration to the next, which the
  /// body returns. Returns the last ones.
  llvm::SmallVector<mlir::Value> forLoop(int64_t lower, int64_t upper,
                                         int64_t step, mlir::ValueRange init,
                                         CarryingBody body);
  /// The same with bounds that need not be constants.
  llvm::SmallVector<mlir::Value> forLoop(Index lower, Index upper, int64_t step,
                                         mlir::ValueRange init,
                                         CarryingBody body);
  /// A nest of loops from 0 to each of `sizes`, the first outermost.
  void forEach(llvm::ArrayRef<int64_t> sizes,
               llvm::function_ref<void(llvm::ArrayRef<Index>)> body);
  /// The same as `forLoop`, and any number of threads may share the iterations:
  /// none reads or writes what another writes. `mpq-split-kernels` turns the
  /// outermost of these loops into loops over one thread's part; what is outside
  /// of them is done by every thread for itself, and so must not write to an
  /// operand. A parallel loop in a parallel loop makes the pieces smaller: it is
  /// worth marking where the outer one may have few iterations. With
  /// `Units::Joined` the iterations are counted on with those of the parallel
  /// loop before in the same block, for what is one loop with a special end.
  enum class Units { Own, Joined };
  void parallelFor(Index lower, Index upper, int64_t step, Body body,
                   Units units = Units::Own);
  /// `body` as a parallel loop of one iteration: one of the threads runs it.
  void parallelOnce(llvm::function_ref<void()> body, Units units = Units::Own);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body);
  /// Runs the body of the number that `selector` is, of 1 ... `count`, each
  /// emitted for its number; nothing for other numbers.
  void switchTo(Index selector, int64_t count,
                llvm::function_ref<void(int64_t)> body);
  /// Cuts rows 0 ... `rows` - 1 into stretches of nearly equal height, at most
  /// `most`. The body is emitted for each height that can occur: one or two
  /// where `rows` is a constant, `most` of them, in a switch at run time,
  /// otherwise. `parallel`: as `parallelFor`.
  void forRowTiles(Index rows, int64_t most,
                   llvm::function_ref<void(Index row, int64_t height)> body,
                   bool parallel = false);

  //===--- Buffers --------------------------------------------------------===//

  /// A memref of identity layout as a 1-D memref.
  mlir::Value flatten(mlir::Value memref);
  /// Bytes [byteOffset, byteOffset + count * size) of a 1-D memref of i8 as
  /// elements.
  mlir::Value view(mlir::Value bytes, mlir::Type element, int64_t byteOffset,
                   int64_t count);
  /// A 1-D stack buffer aligned to 64 bytes. Stack space is scarce: a few KiB.
  mlir::Value stackBuffer(mlir::Type element, int64_t count);
  Activation activation(mlir::Value memref, BlockedAttr layout,
                        UniformAttr quant = {});

  /// Of a buffer of bf16, all loads but the last give f32, and all stores take
  /// it and round to the nearest, half to even.
  mlir::Value load(mlir::Value buffer, Index at);
  void store(mlir::Value scalar, mlir::Value buffer, Index at);
  mlir::Value loadVector(mlir::Value buffer, Index at, int64_t lanes);
  void storeVector(mlir::Value vector, mlir::Value buffer, Index at);
  /// The first `valid` lanes (a constant) of a vector; the others are zero and
  /// are not touched in memory.
  mlir::Value loadPartial(mlir::Value buffer, Index at, int64_t lanes,
                          int64_t valid);
  void storePartial(mlir::Value vector, mlir::Value buffer, Index at,
                    int64_t valid);
  /// The first `valid` lanes, a number that need not be a constant.
  mlir::Value loadPartial(mlir::Value buffer, Index at, int64_t lanes,
                          Index valid);
  void storePartial(mlir::Value vector, mlir::Value buffer, Index at,
                    Index valid);
  /// The mask of the first `valid` lanes.
  mlir::Value mask(int64_t lanes, Index valid);
  /// The lanes that lie below element `end` of the buffer; the others are zero.
  mlir::Value loadBefore(mlir::Value buffer, Index at, int64_t lanes,
                         int64_t end);
  mlir::Value loadStored(mlir::Value buffer, Index at, int64_t lanes);
  void prefetch(mlir::Value buffer, Index at);

  /// Loads stay on their side of this point; costs no instruction. LLVM's
  /// machine scheduler hoists the broadcasts of unrolled steps until registers
  /// spill (half the speed of a 1x1 convolution); one of these between two
  /// steps keeps them apart.
  void keepLoadsInOrder();

  /// `count` elements from `at` on become `scalar`.
  void fill(mlir::Value buffer, Index at, int64_t count, mlir::Value scalar);
  /// Writes the whole border of an activation: zero, or the zero point.
  void fillBorder(const Activation &activation);

  //===--- Packing --------------------------------------------------------===//

  /// `at` where it is below `bound`; otherwise an index that is, and `valid`
  /// (null: true) becomes false. Costs nothing where `at` never reaches `bound`
  /// because it is below `end`.
  Index limit(Index at, int64_t end, int64_t bound, mlir::Value &valid);
  /// The weight at (row, column), zero where not `valid` (null: true).
  mlir::Value readWeight(const WeightReader &weight, Index row, Index column,
                         mlir::Value valid);

  /// The row of a table of `rows` rows that `index`, an integer, names: a
  /// negative one counts from the end. Data may hold any number, so what is
  /// beyond the table is its nearest row.
  Index tableRow(mlir::Value index, int64_t rows);

  //===--- Arithmetic -----------------------------------------------------===//

  mlir::Value broadcast(mlir::Value scalar, int64_t lanes);
  /// `a * b + c`, fused where the target fuses.
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  mlir::Value addf(mlir::Value a, mlir::Value b);
  mlir::Value mulf(mlir::Value a, mlir::Value b);
  /// max(value, bound) and min(value, bound), `bound` of any NaN: one
  /// instruction, a NaN value becomes the bound.
  mlir::Value maxf(mlir::Value value, double bound);
  mlir::Value minf(mlir::Value value, double bound);
  /// The clamp of an op (null: none); infinite bounds cost nothing.
  mlir::Value clamp(mlir::Value value, RangeAttr range);
  /// 2^x for x <= 0, -inf included, or a vector of it. Within 2.2e-7 of the
  /// exact value, relatively; below 2^-126.5, and so for -inf, it is zero. NaN
  /// stays NaN.
  mlir::Value exp2(mlir::Value x);
  /// One value of all lanes, halves first: ((0 . 2) . (1 . 3)). The lanes are
  /// as many as a power of two.
  mlir::Value
  reduceLanes(mlir::Value vector,
              llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine);
  /// Runs `body` over `count` elements a vector at a time. `valid` is `lanes`,
  /// or what is left: the number of lanes that the last vector has.
  llvm::SmallVector<mlir::Value>
  forEachVector(Index count, int64_t lanes, mlir::ValueRange init,
                llvm::function_ref<llvm::SmallVector<mlir::Value>(
                    Index at, Index valid, mlir::ValueRange)>
                    body);
  /// Calls an LLVM intrinsic, `llvm.x86.…`.
  mlir::Value intrinsic(llvm::StringRef name, mlir::Type result,
                        mlir::ValueRange operands);

  //===--- bf16 (lib/Kernel/Bfloat16.cpp) ---------------------------------===//

  /// The f32 of a bf16 or of a vector of them, and back: the nearest, half to
  /// even; a NaN stays one. Other types are what they are. `narrow` may make
  /// zero of what is no normal number (AVX512_BF16 does).
  mlir::Value widen(mlir::Value stored);
  mlir::Value narrow(mlir::Value reals, mlir::Type element);
  /// `sums[i] + a[2i] * b[2i] + a[2i + 1] * b[2i + 1]` for vectors of f32 and
  /// twice as many bf16: vdpbf16ps, for targets that have it and 16 lanes.
  mlir::Value dotPairs(mlir::Value sums, mlir::Value a, mlir::Value b);
  /// Two neighbouring bf16, or one (`valid`) and zero, `lanes` times:
  /// 2 * `lanes` elements.
  mlir::Value broadcastPair(mlir::Value buffer, Index at, int64_t lanes,
                            int64_t valid = 2);

  //===--- Quantized activations ------------------------------------------===//

  /// f32 of u8 codes held as i8: scale * (code - zero point).
  mlir::Value dequantize(mlir::Value codes, UniformAttr quant);
  /// u8 codes, as i8, of clamp(value): rounded half to even, saturated.
  mlir::Value quantize(mlir::Value value, UniformAttr quant,
                       RangeAttr clamp = {});
  /// The reals of `lanes` elements of an activation, and back; `clamp` is
  /// applied before quantizing.
  mlir::Value loadReals(const Activation &from, Index at, int64_t lanes);
  void storeReals(mlir::Value reals, const Activation &to, Index at,
                  RangeAttr clamp);
  /// A table of the 256 reals that codes stand for, on the stack. Null for f32.
  mlir::Value makeCodeTable(UniformAttr quant);
  /// One real in all lanes, through the table where the activation is u8: for
  /// kernels that broadcast, a second load is cheaper than a conversion.
  mlir::Value broadcastReal(const Activation &from, Index at, int64_t lanes,
                            mlir::Value codeTable);

private:
  mlir::Block *entry;
  llvm::DenseMap<mlir::Attribute, mlir::Value> constants;
};

/// What keeps a float kernel from an op that reads and writes `activations`
/// (operand name, quantization): empty if nothing does.
std::string checkStaticQuantization(
    llvm::ArrayRef<std::pair<llvm::StringRef, UniformAttr>> activations);

/// The distinct input positions, along one dimension, that `outputs`
/// neighbouring outputs of a window read, relative to the first. They are
/// sorted so that successive ones belong to different outputs where that is
/// possible (0, 3, 6, 1, 4, 7, ... for a window of 3): who adds them to the
/// accumulators in this order finds no accumulator still busy with the addition
/// before.
llvm::SmallVector<int64_t> getWindowPositions(int64_t outputs, int64_t stride,
                                              int64_t kernel, int64_t dilation);

/// The fields of a convolution that kernels compute with.
struct ConvGeometry {
  int64_t samples, inputChannels, outputChannels;
  int64_t inputHeight, inputWidth, outputHeight, outputWidth;
  int64_t kernelHeight, kernelWidth;
  int64_t strideY, strideX, dilationY, dilationX;
  int64_t padTop, padLeft;
  explicit ConvGeometry(ConvOp op);

  /// The layout of the input whose border is just what the windows read.
  BlockedAttr getInputLayout(mlir::MLIRContext *context, int64_t block) const;
  /// The layout of the result, without a border.
  BlockedAttr getResultLayout(mlir::MLIRContext *context, int64_t block) const;
};

} // namespace mpq

#endif // MPQ_KERNEL_KERNELBUILDER_H
