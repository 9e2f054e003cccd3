//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One-shot bufferization of the compute ops: destination-passing ops become
// themselves on memrefs.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/MPQ.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace mpq;

namespace {

/// Kernels want their operands row-major and without gaps. A part of a larger
/// buffer has a compact one instead, to be copied out of it or into it.
bool isCompact(Value buffer) {
  return cast<MemRefType>(buffer.getType()).getLayout().isIdentity();
}

Value allocateCompact(RewriterBase &b, Location loc, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < type.getRank(); ++d)
    if (type.isDynamicDim(d))
      sizes.push_back(memref::DimOp::create(b, loc, buffer, d));
  return memref::AllocOp::create(
      b, loc, MemRefType::get(type.getShape(), type.getElementType()), sizes);
}

/// Replaces every tensor operand by its buffer; the results are the buffers of
/// the destinations. The destination is never read.
template <typename OpT>
struct ComputeOpBufferization
    : DstBufferizableOpInterfaceExternalModel<ComputeOpBufferization<OpT>, OpT> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
  }

  bool bufferizesToElementwiseAccess(Operation *op, const AnalysisState &,
                                     ArrayRef<OpOperand *>) const {
    return false;
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    rewriter.setInsertionPoint(op);
    SmallVector<Value> operands, destinations;
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (isa<mlir::TensorType>(value.getType())) {
        FailureOr<Value> buffer = getBuffer(rewriter, value, options, state);
        if (failed(buffer))
          return failure();
        value = *buffer;
      }
      bool isInit = cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
      if (isInit)
        destinations.push_back(value);
      if (isa<MemRefType>(value.getType()) && !isCompact(value)) {
        Value compact = allocateCompact(rewriter, op->getLoc(), value);
        if (!isInit)
          memref::CopyOp::create(rewriter, op->getLoc(), value, compact);
        value = compact;
      }
      operands.push_back(value);
    }
    OperationState newState(op->getLoc(), op->getName(), operands, TypeRange{},
                            op->getAttrDictionary().getValue());
    for (Region &region : op->getRegions())
      newState.addRegion()->takeBody(region);
    rewriter.setInsertionPoint(op);
    Operation *made = rewriter.create(newState);
    for (auto [written, wanted] :
         llvm::zip(cast<DestinationStyleOpInterface>(made).getDpsInits(),
                   destinations))
      if (written != wanted)
        memref::CopyOp::create(rewriter, op->getLoc(), written, wanted);
    if (op->getNumResults())
      replaceOpWithBufferizedValues(rewriter, op, destinations);
    else
      rewriter.eraseOp(op);
    return success();
  }
};

template <typename... Ops>
void attach(MLIRContext *context) {
  (Ops::template attachInterface<ComputeOpBufferization<Ops>>(*context), ...);
}

} // namespace

namespace mpq {
void registerBufferization(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, MPQDialect *) {
    attach<ConvOp, MatmulOp, GatherOp, ConvertOp, PoolOp, SlicePadOp, MapOp,
           SoftmaxOp, NormalizeOp, RotaryOp, AttentionOp>(context);
  });
}
} // namespace mpq
