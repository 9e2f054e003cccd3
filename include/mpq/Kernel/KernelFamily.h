//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Kernel families: who turns a compute op of the `mpq` dialect into loops.
//
// What a family is asked about one op, always with the same target:
//
//   on tensors    accepts      can you do this op?  (no: the reason why not)
//                 getLayouts   how do you want the activations laid out?
//                 emitPack     IR that rewrites a weight into your layout
//   on memrefs    accepts      again, since IR may be written by hand
//                 emit         IR of the kernel itself
//
// Families are asked in the order of `getPriority`, most specialised first; the
// first that accepts gets the op. The reference family has the lowest priority
// and accepts everything, so every format and every shape runs on a CPU.
//
// `emit` fills the body of a function whose arguments are the op's operands as
// memrefs; equal problems share one function, so a kernel may depend on nothing
// but the op's attributes and operand types. Kernels start no threads, have
// no state, allocate nothing beyond small stack buffers, and write *all* of the
// destination buffer (border and channel tail included, see `#mpq.blocked`).
//
// Families for GPUs (`isForGpu`) are asked on GPU targets only, and there is no
// reference behind them. One op may have several kernels, each for a range of
// row counts (`getLaunches`). `emit` then fills the body of a `gpu.func`, which
// is what one *thread* does; its arguments are global pointers
// (`!llvm.ptr<1>`, aligned to 16 bytes) in the place of the memrefs, followed
// by the number of rows of the activations as an i32 and the workspace.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_KERNELFAMILY_H
#define MPQ_KERNEL_KERNELFAMILY_H

#include "dialects/MPQ/MPQ.h"
#include "mpq/Support/Registry.h"

#include <optional>
#include <string>

namespace mpq {

/// What a kernel may know about a GPU (`mpq/Target/NVVM.h` has the numbers).
struct GpuTarget {
  /// 80 for compute capability 8.0; 0: the target is a CPU.
  unsigned capability = 0;
  /// Multiprocessors, to choose tiles that keep all of them busy.
  unsigned processors = 1;
  /// Shared memory that one block may have, in bytes.
  unsigned sharedBytes = 0;
  /// wgmma: products by four warps together. PTX with it runs on sm_90a only.
  bool wgmma = false;
};

/// What a kernel may know about the CPU it is generated for. Derived from the
/// target's features (`mpq/Target/CPU.h`), carried on the module as
/// `mpq.vector_bits`, `mpq.features` and `mpq.target`; for a GPU it is
/// `mpq.gpu`. `setKernelTarget` (mpq/Execution/Program.h) writes all of them.
struct KernelTarget {
  /// Width of the widest profitable vector register: 512, 256 or 128.
  unsigned vectorBits = 128;
  /// Number of vector registers: 32 with AVX-512, otherwise 16.
  unsigned vectorRegisters = 16;
  bool avx2 = false;
  bool avxvnni = false;
  bool avx512f = false;
  bool avx512bw = false;
  bool avx512vl = false;
  bool avx512vnni = false;
  /// vpermb and vpermi2b: bytes from a table of 64 or 128.
  bool avx512vbmi = false;
  /// vpopcntd and vpopcntq.
  bool avx512vpopcntdq = false;
  /// vdpbf16ps and conversions to bf16; only together with `avx512f`.
  bool avx512bf16 = false;
  /// Fused multiply-add in hardware.
  bool fma = false;
  /// LLVM's name of the CPU to tune for; empty: not known.
  std::string cpu;
  GpuTarget gpu;

  bool isGpu() const { return gpu.capability != 0; }
  /// f32 lanes of one register.
  unsigned lanes() const { return vectorBits / 32; }

  /// Reads the attributes of the module around `op`.
  static KernelTarget get(mlir::Operation *op);
  /// Writes them.
  void set(mlir::Operation *module) const;
};

/// The layouts that a family wants (null: plain). Borders are the minimum that
/// the kernel needs; the layout pass may widen them, and hands the final layouts
/// to the op as attributes before `emitPack` and `emit`.
struct KernelLayouts {
  /// One per activation operand, in the order of `getActivationOperands`.
  llvm::SmallVector<BlockedAttr> activations;
  BlockedAttr result;
};

/// How to launch one of the kernels that a GPU family has for an op. The grid
/// is ceil(rows / rowsPerBlock) x columnBlocks x splits blocks.
struct KernelLaunch {
  /// For up to so many rows of the activations; `kAnyRows`: no bound.
  static constexpr int64_t kAnyRows = INT64_MAX;
  int64_t maxRows = kAnyRows;
  int64_t rowsPerBlock = 1;
  int64_t columnBlocks = 1;
  /// Blocks that share one tile of the result, each with a part of K.
  int64_t splits = 1;
  int64_t threads = 32;
  /// Dynamic shared memory of a block. Beyond 48 KiB the launch must ask for it
  /// (CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES).
  int64_t sharedBytes = 0;
  /// Global memory for what blocks tell each other; zero before the first
  /// launch, and again after each.
  int64_t workspaceBytes = 0;
};

/// The attribute of an op that says which of its kernels `emit` is to build: the
/// `maxRows` of the launch.
inline constexpr llvm::StringLiteral kMaxRowsAttr = "mpq.max_rows";

/// Access to a weight while packing: builds IR that reads one element of the
/// weight matrix [rows][k], whatever the weight's storage is.
class WeightReader {
public:
  virtual ~WeightReader() = default;
  /// The f32 value at (row, column).
  virtual mlir::Value emitValue(mlir::OpBuilder &builder, mlir::Location loc,
                                mlir::Value row, mlir::Value column) const = 0;
  /// The stored format, null for float weights. With it, integer kernels reach
  /// levels and scales of `getPayload()`.
  virtual FormatAttrInterface getFormat() const { return {}; }
  virtual mlir::Value getPayload() const { return {}; }
};

/// The format of a weight that a kernel reads as stored.
constexpr llvm::StringLiteral kWeightFormatAttr = "mpq.weight_format";

/// The layout of a packed weight, where a family gives one.
constexpr llvm::StringLiteral kPackedLayoutAttr = "mpq.packed_layout";

class KernelFamily {
public:
  virtual ~KernelFamily() = default;

  /// The name in `family = "..."`, remarks and symbols, e.g. `conv_f32`.
  virtual llvm::StringRef getName() const = 0;
  /// Families are asked in descending order.
  virtual int getPriority() const = 0;

  /// Whether the kernels run on GPUs.
  virtual bool isForGpu() const { return false; }

  /// Whether the family implements `op`, on tensors or, with its weight packed
  /// (NamedFamily.h), memrefs; if not, `reason` says why, naming the value.
  virtual bool accepts(mlir::Operation *op, const KernelTarget &target,
                       std::string &reason) const = 0;

  /// The layouts it wants for an op that it accepts.
  virtual KernelLayouts getLayouts(mlir::Operation *op,
                                   const KernelTarget &target) const = 0;

  /// Whether kernels of `op`, whose weight is stored in a format, read the
  /// payload as it is. It is not packed then (`emitPack` is not asked), and takes
  /// no memory beside the file; on memrefs the format is the op's attribute
  /// `kWeightFormatAttr`.
  virtual bool readsStored(mlir::Operation *op) const { return false; }

  /// What the kernel has to know about the packed weight, whose format the op
  /// does not have any more on memrefs: there it is the op's attribute
  /// `kPackedLayoutAttr`. Null: nothing.
  virtual mlir::Attribute getPackedLayout(mlir::Operation *op,
                                          const KernelTarget &target) const {
    return {};
  }

  /// Bytes of the packed weight (a multiple of 64). The layouts are final.
  virtual int64_t getPackedBytes(mlir::Operation *op,
                                 const KernelTarget &target) const {
    return 0;
  }

  /// Builds IR that writes all `getPackedBytes` bytes of `packed`, a 1-D memref
  /// of i8 aligned to 64 bytes. Scalar loops will do: it runs once.
  virtual void emitPack(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Operation *op, const KernelTarget &target,
                        const WeightReader &weight, mlir::Value packed) const {}

  /// Builds the kernel of `op`, whose operands are memrefs (the weight packed:
  /// a 1-D memref of i8), at the builder's insertion point. `operands` are the
  /// function's arguments that stand for the op's operands, in order.
  virtual void emit(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Operation *op, const KernelTarget &target,
                    mlir::ValueRange operands) const = 0;

  /// The kernels of a GPU family for `op`, for ever more rows; the last one has
  /// no bound. With a known number of `rows` it is one kernel.
  virtual llvm::SmallVector<KernelLaunch>
  getLaunches(mlir::Operation *op, const KernelTarget &target,
              std::optional<int64_t> rows) const {
    return {};
  }
};

/// The families of `Registry<KernelFamily>`, most specialised first.
std::vector<KernelFamily *> getKernelFamilies();

/// The first family that accepts `op`, and what the others before it said
/// (`name: reason`, one entry each).
struct KernelChoice {
  KernelFamily *family = nullptr;
  llvm::SmallVector<std::string> rejections;
};
KernelChoice chooseKernelFamily(mlir::Operation *op, const KernelTarget &target);

/// The family called `name`, or null.
KernelFamily *lookupKernelFamily(llvm::StringRef name);

} // namespace mpq

#endif // MPQ_KERNEL_KERNELFAMILY_H
