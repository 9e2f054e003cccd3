//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The graph of a model as a function. Generic by name: which operands, results
// and attributes an op has is read from the schema tables of the dialect.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_FRONTEND_ONNX_GRAPHIMPORTER_H
#define MPQ_FRONTEND_ONNX_GRAPHIMPORTER_H

#include "Tensors.h"

#include "dialects/ONNX/ONNX.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mpq {

class GraphImporter {
public:
  GraphImporter(ModelFile &file, llvm::StringRef path,
                mlir::MLIRContext *context);

  /// Null if there was an error, which has been reported.
  mlir::OwningOpRef<mlir::ModuleOp> run();

private:
  using Node = ::onnx::NodeProto;
  /// Errors at the file, and at a node: "node 'conv1' (Conv): ...".
  mlir::InFlightDiagnostic error() const;
  mlir::InFlightDiagnostic error(const Node &node) const;
  mlir::Location getLocation(llvm::StringRef name) const;
  std::string getName(const Node &node) const;

  // The model as a whole.
  llvm::LogicalResult checkModel();
  llvm::LogicalResult upgrade();
  llvm::LogicalResult collectNames();
  llvm::LogicalResult addArguments(mlir::func::FuncOp function);
  llvm::LogicalResult addNodes();
  llvm::LogicalResult addResults(mlir::func::FuncOp function);

  // Values.
  llvm::FailureOr<mlir::Type> getType(const ::onnx::TypeProto &type,
                                      llvm::StringRef what);
  void setInterface(mlir::func::FuncOp function, unsigned index, bool result,
                    const ::onnx::ValueInfoProto &info);
  /// The value called `name`, made now if it is an initializer; failure has
  /// been reported as an error of `user`.
  llvm::FailureOr<mlir::Value> getValue(llvm::StringRef name, const Node *user);

  // One node.
  llvm::LogicalResult addNode(const Node &node);
  llvm::LogicalResult
  checkCounts(const Node &node, const onnx::OpSchema &schema,
              llvm::ArrayRef<onnx::Parameter> parameters, unsigned minimum,
              const google::protobuf::RepeatedPtrField<std::string> &names,
              llvm::StringRef what);
  llvm::FailureOr<llvm::SmallVector<mlir::NamedAttribute>>
  getAttributes(const Node &node, const onnx::OpSchema &schema);
  mlir::Attribute getAttribute(const Node &node,
                               const ::onnx::AttributeProto &attribute,
                               onnx::AttrKind kind);
  mlir::Attribute getConstantValue(const Node &node, mlir::NamedAttribute form);
  /// The type of result `index`: its rank is not known yet, but its element
  /// type follows from the operands, the attributes or the declarations.
  mlir::Type getResultType(const Node &node, const onnx::OpSchema &schema,
                           unsigned index, llvm::ArrayRef<mlir::Value> operands,
                           llvm::ArrayRef<mlir::NamedAttribute> attributes);

  ModelFile &file;
  ::onnx::GraphProto &graph;
  std::string path;
  mlir::MLIRContext *context;
  mlir::OpBuilder b;
  TensorReader tensors;
  int64_t opset = 0;
  llvm::StringMap<const ::onnx::TensorProto *> initializers;
  llvm::StringMap<const ::onnx::ValueInfoProto *> declared;
  llvm::StringMap<mlir::Value> values;
  llvm::DenseMap<const Node *, unsigned> indices;
};

/// The order in which the nodes can run: their own, where that works. Failure
/// if there is none; `stuck` is then a node on a cycle or behind one, or one
/// whose input nobody makes.
llvm::FailureOr<llvm::SmallVector<const ::onnx::NodeProto *>>
sortNodes(const ::onnx::GraphProto &graph, const ::onnx::NodeProto *&stuck);

} // namespace mpq

#endif // MPQ_FRONTEND_ONNX_GRAPHIMPORTER_H
