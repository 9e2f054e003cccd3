; One sample of y = x for 8 bytes of any type.
define void @mpq_run(ptr %args) {
  %x.slot = getelementptr ptr, ptr %args, i64 3
  %y.slot = getelementptr ptr, ptr %args, i64 4
  %x = load ptr, ptr %x.slot
  %y = load ptr, ptr %y.slot
  %value = load i64, ptr %x, align 1
  store i64 %value, ptr %y, align 1
  ret void
}
