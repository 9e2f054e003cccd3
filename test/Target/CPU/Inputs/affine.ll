; One sample of y[i] = x[i] * 2 * scale[i], for 4 floats. The scales are weights;
; `prepare` doubles them into the prepared block, `run` reads them there.
define void @mpq_prepare(ptr %args) {
  %weights = load ptr, ptr %args
  %prepared.slot = getelementptr ptr, ptr %args, i64 1
  %prepared = load ptr, ptr %prepared.slot
  %scale = load <4 x float>, ptr %weights, align 16
  %twice = fadd <4 x float> %scale, %scale
  store <4 x float> %twice, ptr %prepared, align 16
  ret void
}

define void @mpq_run(ptr %args) {
  %prepared.slot = getelementptr ptr, ptr %args, i64 1
  %x.slot = getelementptr ptr, ptr %args, i64 3
  %y.slot = getelementptr ptr, ptr %args, i64 4
  %prepared = load ptr, ptr %prepared.slot
  %x = load ptr, ptr %x.slot
  %y = load ptr, ptr %y.slot
  %scale = load <4 x float>, ptr %prepared, align 16
  %value = load <4 x float>, ptr %x, align 4
  %product = fmul <4 x float> %value, %scale
  store <4 x float> %product, ptr %y, align 4
  ret void
}
