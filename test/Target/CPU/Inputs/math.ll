; y = exp(x), which needs the C library's math functions.
declare float @expf(float)
define void @mpq_run(ptr %args) {
  %x.slot = getelementptr ptr, ptr %args, i64 3
  %y.slot = getelementptr ptr, ptr %args, i64 4
  %x = load ptr, ptr %x.slot
  %y = load ptr, ptr %y.slot
  %value = load float, ptr %x
  %result = call float @expf(float %value)
  store float %result, ptr %y
  ret void
}
