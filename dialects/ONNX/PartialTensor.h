//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Values that are known, or partly known, while shapes are inferred. Models
// compute shapes with ops: what PyTorch writes as x.view(x.size(0), 64) becomes
//
//   %s = onnx.Shape(%x)         [?, 16, 2, 2]
//   %n = onnx.Gather(%s, 0)     ?
//   %u = onnx.Unsqueeze(%n)     [?]
//   %t = onnx.Concat(%u, 64)    [?, 64]
//   %y = onnx.Reshape(%x, %t)   tensor<?x64xf32>
//
// so elements are known or not one by one. Only small tensors are followed.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_ONNX_PARTIALTENSOR_H
#define MPQ_DIALECTS_ONNX_PARTIALTENSOR_H

#include "dialects/ONNX/Sizes.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

#include <memory>
#include <optional>

namespace mpq::onnx {

struct PartialTensor {
  /// One element: `integer` where the element type is an integer, else `real`.
  /// An integer that is not known may be an expression of sizes (Sizes.h).
  struct Element {
    bool known = false;
    int64_t integer = 0;
    double real = 0;
  };

  /// More elements than this are not followed.
  static constexpr int64_t kMaxElements = 4096;

  /// The type; static. Floating point (up to f64) or integer (up to i64).
  mlir::RankedTensorType type;
  llvm::SmallVector<Element, 4> elements;

  /// A tensor of unknown elements, if `type` can be followed.
  static std::optional<PartialTensor> create(mlir::Type type);
  /// All elements of a constant, if its type can be followed.
  static std::optional<PartialTensor> fromConstant(mlir::Attribute value);
  /// A one-dimensional i64 tensor of sizes.
  static PartialTensor fromShape(llvm::ArrayRef<int64_t> shape,
                                 mlir::MLIRContext *context);

  bool isFloat() const {
    return llvm::isa<mlir::FloatType>(type.getElementType());
  }
  bool isKnown() const {
    return llvm::all_of(elements, [](const Element &e) { return e.known; });
  }
  /// The elements as sizes: expressions, and kDynamic for unknown ones. Only for
  /// integers.
  llvm::SmallVector<int64_t> getIntegers() const;
  /// As a constant; all elements are known.
  mlir::DenseElementsAttr toConstant() const;
  /// Rounds or wraps a value to the element type.
  void set(size_t index, int64_t integer);
  void set(size_t index, double real);
};

/// What is known about the values of a function.
class ValueTable {
public:
  /// The partial value, or null. `value` may be null (a missing operand). Valid
  /// until the value is set or erased.
  const PartialTensor *lookup(mlir::Value value) const;
  /// All elements of an integer tensor, or nothing if one is unknown.
  std::optional<llvm::SmallVector<int64_t>>
  lookupIntegers(mlir::Value value) const;
  /// Likewise, as sizes: elements may be expressions, too.
  std::optional<llvm::SmallVector<int64_t>>
  lookupSizes(mlir::Value value) const;

  void set(mlir::Value value, PartialTensor tensor) {
    table[value] = std::make_unique<PartialTensor>(std::move(tensor));
  }
  void erase(mlir::Value value) { table.erase(value); }

  /// What the types are right under, in the order of the ops.
  llvm::ArrayRef<Requirement> getRequirements() const { return requirements; }
  void addRequirement(Requirement requirement) {
    requirements.push_back(std::move(requirement));
  }

private:
  // Constants are read when they are first asked for. On the heap, so that one
  // lookup does not invalidate the result of another.
  mutable llvm::DenseMap<mlir::Value, std::unique_ptr<PartialTensor>> table;
  llvm::SmallVector<Requirement> requirements;
};

/// The value of a constant of any size, or null.
mlir::ElementsAttr getConstant(mlir::Value value);

/// The integers of a constant, or nothing.
std::optional<llvm::SmallVector<int64_t>>
getConstantIntegers(mlir::Value value);

/// The bytes of a constant's elements in row-major order, one element or a
/// splat's only one; nothing where the type has no such form (i1, strings).
std::optional<llvm::ArrayRef<char>> getRawBytes(mlir::ElementsAttr value);

} // namespace mpq::onnx

#endif // MPQ_DIALECTS_ONNX_PARTIALTENSOR_H
