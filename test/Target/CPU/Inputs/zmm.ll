; A 512-bit addition: must stay one instruction where there is AVX-512.
define void @mpq_run(ptr %args) {
  %x.slot = getelementptr ptr, ptr %args, i64 3
  %y.slot = getelementptr ptr, ptr %args, i64 4
  %x = load ptr, ptr %x.slot
  %y = load ptr, ptr %y.slot
  %value = load <16 x float>, ptr %x, align 4
  %sum = fadd <16 x float> %value, %value
  store <16 x float> %sum, ptr %y, align 4
  ret void
}
