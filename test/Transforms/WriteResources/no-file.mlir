// RUN: quant-opt %s --mpq-write-resources --verify-diagnostics

// expected-error @below {{cannot write the weights: '' is not the name of a file}}
module {
  func.func @main() -> tensor<2xi8> {
    %0 = arith.constant dense_resource<w> : tensor<2xi8>
    return %0 : tensor<2xi8>
  }
}

{-#
  dialect_resources: {
    builtin: {
      w: "0x400000000102"
    }
  }
#-}
