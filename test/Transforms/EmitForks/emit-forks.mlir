// RUN: quant-opt %s --mpq-emit-forks | FileCheck %s

// A call that is worth it becomes a request to the team, an argument that @main
// gets; operands go through a frame. Other calls stay.
// CHECK-LABEL: llvm.func @main(
// CHECK-SAME: %[[X:.*]]: !llvm.ptr, %[[N:.*]]: i64, %[[TEAM:.*]]: !llvm.ptr)
// CHECK-SAME: mpq.parts = 4 : i64
// CHECK: %[[FRAME:.*]] = llvm.alloca %{{.*}} x i64
// CHECK: %[[FIRST:.*]] = llvm.getelementptr %[[FRAME]][0]
// CHECK: llvm.store %[[X]], %[[FIRST]]
// CHECK: %[[SECOND:.*]] = llvm.getelementptr %[[FRAME]][1]
// CHECK: llvm.store %[[N]], %[[SECOND]]
// CHECK: %[[PART:.*]] = llvm.mlir.addressof @kernel_part
// CHECK: llvm.call @mpq_fork(%[[TEAM]], %[[PART]], %[[FRAME]], %{{.*}})
// CHECK: llvm.call @mpq_fork
// The number of parts may be known at run time only.
// CHECK: llvm.call @mpq_fork(%{{.*}}, %{{.*}}, %{{.*}}, %[[N]])
// CHECK: llvm.call @serial(%[[X]])
llvm.func @main(%x: !llvm.ptr, %n: i64) {
  %zero = llvm.mlir.constant(0 : i64) : i64
  %one = llvm.mlir.constant(1 : i64) : i64
  llvm.call @kernel(%x, %n, %zero, %one) {mpq.parts = 2 : i64} : (!llvm.ptr, i64, i64, i64) -> ()
  llvm.call @kernel(%x, %n, %zero, %one) {mpq.parts = 4 : i64} : (!llvm.ptr, i64, i64, i64) -> ()
  llvm.call @kernel(%x, %n, %zero, %n) {mpq.parts = 3 : i64} : (!llvm.ptr, i64, i64, i64) -> ()
  llvm.call @serial(%x) : (!llvm.ptr) -> ()
  llvm.return
}
llvm.func internal @kernel(%x: !llvm.ptr, %n: i64, %part: i64, %parts: i64) {
  llvm.return
}
llvm.func internal @serial(%x: !llvm.ptr) {
  llvm.return
}

// Without a team everything is one part.
// CHECK-LABEL: llvm.func internal @mpq_fork(
// CHECK-SAME: %[[TEAM:.*]]: !llvm.ptr, %[[CALLEE:.*]]: !llvm.ptr, %[[FRAME:.*]]: !llvm.ptr, %[[PARTS:.*]]: i64)
// CHECK: llvm.icmp "eq" %[[TEAM]]
// CHECK: llvm.call %[[CALLEE]](%[[FRAME]], %{{.*}}, %{{.*}})
// CHECK: %[[FORK:.*]] = llvm.load %[[TEAM]]
// CHECK: llvm.call %[[FORK]](%[[TEAM]], %[[CALLEE]], %[[FRAME]], %[[PARTS]])

// One function for all calls of a kernel.
// CHECK-LABEL: llvm.func internal @kernel_part(
// CHECK-SAME: %[[FRAME:.*]]: !llvm.ptr, %[[PART:.*]]: i64, %[[PARTS:.*]]: i64)
// CHECK: llvm.load
// CHECK: llvm.load
// CHECK: llvm.call @kernel(%{{.*}}, %{{.*}}, %[[PART]], %[[PARTS]])
// CHECK-NOT: @kernel_part
