//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What families have in common whose kernels read the codes of a matmul's
// weight as `PackedLayout` lays them out. Each is registered twice: once behind
// the family that expands weights when a model is loaded, for whatever that one
// does not take, and once before it, for what gains by staying packed.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_PACKED_PACKEDFAMILY_H
#define MPQ_LIB_KERNEL_CPU_PACKED_PACKEDFAMILY_H

#include "mpq/Kernel/KernelBuilder.h"
#include "mpq/Kernel/PackedLayout.h"

#include "llvm/Support/FormatVariadic.h"

namespace mpq::packed {

/// Products with a stored weight that kernels read in a layout of theirs, an
/// attribute.
class StoredWeightFamily : public KernelFamily {
public:
  /// `onlyGains`: it accepts what gains by staying packed.
  StoredWeightFamily(llvm::StringRef name, int priority, bool onlyGains)
      : name(name), priority(priority), onlyGains(onlyGains) {}

  llvm::StringRef getName() const override { return name; }
  int getPriority() const override { return priority; }

  bool accepts(mlir::Operation *op, const KernelTarget &target,
               std::string &reason) const override;
  KernelLayouts getLayouts(mlir::Operation *op,
                           const KernelTarget &target) const override;
  mlir::Attribute getPackedLayout(mlir::Operation *op,
                                  const KernelTarget &target) const override;

protected:
  /// Why the kernels cannot do `op`, whatever its weight is; empty: they can.
  virtual std::string checkInput(MatmulOp op) const = 0;
  /// Why they cannot read the weight of `op` as it is packed (`kPackedLayoutAttr`);
  /// empty: they can.
  virtual std::string checkPacked(MatmulOp op) const = 0;
  /// The layout of the weight of `op`, which is stored as `weight`, or null and
  /// the reason: the kernels cannot do `op`, or, with `onlyGains`, gain nothing
  /// over expanded weights.
  virtual mlir::Attribute findLayout(MatmulOp op, StoredTensorType weight,
                                     const KernelTarget &target, bool onlyGains,
                                     std::string &reason) const = 0;

private:
  llvm::StringRef name;
  int priority;
  bool onlyGains;
};

/// Those whose layout is a `PackedLayout`.
class PackedFamily : public StoredWeightFamily {
public:
  using StoredWeightFamily::StoredWeightFamily;

  int64_t getPackedBytes(mlir::Operation *op,
                         const KernelTarget &target) const override;
  void emitPack(mlir::OpBuilder &builder, mlir::Location loc,
                mlir::Operation *op, const KernelTarget &target,
                const WeightReader &weight, mlir::Value packed) const override;
  void emit(mlir::OpBuilder &builder, mlir::Location loc, mlir::Operation *op,
            const KernelTarget &target,
            mlir::ValueRange operands) const override;

protected:
  /// Why the kernels cannot do `op`, whose weight is stored, beyond what
  /// `checkInput`, `getLayout` and `checkLayout` say; empty: they can.
  virtual std::string check(MatmulOp op, StoredTensorType weight) const {
    return {};
  }
  /// Why they cannot read a weight in this layout; empty: they can.
  virtual std::string checkLayout(MatmulOp op, const PackedLayout &layout) const {
    return {};
  }
  /// Why they gain nothing over expanded weights; empty: they do.
  virtual std::string checkGain(MatmulOp op,
                                const PackedLayout &layout) const = 0;
  /// The layout of `weight`, or null and the reason.
  virtual PackedAttr getLayout(StoredTensorType weight,
                               const KernelTarget &target,
                               std::string &reason) const = 0;
  virtual void emitLoops(KernelBuilder &k, MatmulOp op,
                         const PackedLayout &layout,
                         mlir::ValueRange operands) const = 0;

private:
  std::string checkPacked(MatmulOp op) const override;
  mlir::Attribute findLayout(MatmulOp op, StoredTensorType weight,
                             const KernelTarget &target, bool onlyGains,
                             std::string &reason) const override;
};

/// Why the activations of `op` are not codes; empty: they are.
std::string checkCodes(MatmulOp op);
/// Why they have a scale for each group of columns; empty: they have not.
std::string checkRowScales(MatmulOp op);

/// Why `AttrT` with the shape of the weight of `op` is not how that is packed;
/// empty: it is.
template <typename AttrT> std::string checkPackedAs(MatmulOp op);

/// Why exact sums of `op`, u8 rows times integer levels, are not possible in 32
/// bits; empty: they are, or the weight has no integer levels.
std::string checkIntegerSums(MatmulOp op, StoredTensorType weight);

/// Why expanded weights are as near as packed ones; empty: they are not.
std::string checkNearness(const PackedLayout &layout);

template <typename AttrT> std::string checkPackedAs(MatmulOp op) {
  auto layout = op->getAttrOfType<AttrT>(kPackedLayoutAttr);
  if (!layout)
    return llvm::formatv("lacks the attribute '{0}' as #mpq.{1}, which "
                         "mpq-pack-weights gives it",
                         kPackedLayoutAttr, AttrT::getMnemonic());
  llvm::ArrayRef<int64_t> shape = op.getWeightShape();
  if (layout.getRows() == shape[0] && layout.getK() == shape[1])
    return {};
  return llvm::formatv("'{0}' is of {1} x {2} weights, the op has {3} x {4}",
                       kPackedLayoutAttr, layout.getRows(), layout.getK(),
                       shape[0], shape[1]);
}

/// The priority of matmul_packed for what gains by staying packed. Families that
/// take less time than multiplying are asked before it.
constexpr int kMultiplyPriority = 310;

/// Registers `FamilyT` twice: as `name`, which takes what it can, and as
/// `gains`, which is asked before others and takes what gains. Both are
/// literals.
template <typename FamilyT>
void registerPackedFamily(llvm::StringRef name, int priority,
                          llvm::StringRef gains, int gainsPriority) {
  auto &families = Registry<KernelFamily>::get();
  families.add(name, std::make_unique<FamilyT>(name, priority,
                                               /*onlyGains=*/false));
  families.add(gains, std::make_unique<FamilyT>(gains, gainsPriority,
                                                /*onlyGains=*/true));
}

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_PACKED_PACKEDFAMILY_H
