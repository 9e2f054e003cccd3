// RUN: quant-opt %s --verify-diagnostics --split-input-file

// expected-error@+1 {{codes of learned tables have 2 to 8 bits, not 1}}
func.func private @one_bit(!mpq.tensor<2x6, axis 0, #mpq.lut<1>>)

// -----

// expected-error@+1 {{a group is -1 (the tensor), 0 (the row) or a number of weights, not -2}}
func.func private @negative_group(!mpq.tensor<2x6, axis 0, #mpq.lut<4, group = -2>>)

// -----

// expected-error@+1 {{a table of 16 values is for at least as many weights, not 15}}
func.func private @small_group(!mpq.tensor<2x60, axis 0, #mpq.lut<4, group = 15>>)

// -----

// expected-error@+1 {{expected 'group' or 'f16', not 'asymmetric'}}
func.func private @unknown_part(!mpq.tensor<2x6, axis 0, #mpq.lut<4, asymmetric>>)

// -----

// expected-error@+1 {{codes that are looked up have 2 to 8 bits, not 9}}
func.func private @packed_bits() attributes {a = #mpq.packed_lut<rows = 1, k = 1, bits = 9, group = 0, value_bits = 32, shared = false, planes = false>}

// -----

// expected-error@+1 {{reals of a table have 16 or 32 bits, not 8}}
func.func private @packed_values() attributes {a = #mpq.packed_lut<rows = 1, k = 1, bits = 4, group = 0, value_bits = 8, shared = false, planes = false>}

// -----

// expected-error@+1 {{tables of up to 16 reals are not stored byte by byte: codes have 5 bits or more, not 4}}
func.func private @packed_planes() attributes {a = #mpq.packed_lut<rows = 1, k = 1, bits = 4, group = 0, value_bits = 32, shared = false, planes = true>}
