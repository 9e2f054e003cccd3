; One sample of y = x for 4 floats, but the last one is left unwritten.
define void @mpq_run(ptr %args) {
  %x.slot = getelementptr ptr, ptr %args, i64 3
  %y.slot = getelementptr ptr, ptr %args, i64 4
  %x = load ptr, ptr %x.slot
  %y = load ptr, ptr %y.slot
  %value = load <3 x i32>, ptr %x, align 4
  store <3 x i32> %value, ptr %y, align 4
  ret void
}
