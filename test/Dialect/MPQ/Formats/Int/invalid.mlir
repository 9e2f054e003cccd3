// RUN: quant-opt %s --verify-diagnostics --split-input-file

// expected-error@+1 {{an integer format has 2 to 8 bits, not 1}}
func.func private @one_bit(!mpq.tensor<2x6, axis 0, #mpq.int<1>>)

// -----

// expected-error@+1 {{an integer format has 2 to 8 bits, not 9}}
func.func private @nine_bits(!mpq.tensor<2x6, axis 0, #mpq.int<9>>)

// -----

// expected-error@+1 {{a group is -1 (the tensor), 0 (the row) or a number of weights, not -2}}
func.func private @negative_group(!mpq.tensor<2x6, axis 0, #mpq.int<4, group = -2>>)

// -----

// expected-error@+1 {{expected 'group', 'asymmetric' or 'f16', not 'signed'}}
func.func private @unknown_part(!mpq.tensor<2x6, axis 0, #mpq.int<4, signed>>)
