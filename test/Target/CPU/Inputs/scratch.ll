; One sample of y = x + 1000, for one float, in a thousand steps through the
; arena: two runs in the same arena at the same time would count each other's.
define void @mpq_run(ptr %args) {
entry:
  %arena.slot = getelementptr ptr, ptr %args, i64 2
  %x.slot = getelementptr ptr, ptr %args, i64 3
  %y.slot = getelementptr ptr, ptr %args, i64 4
  %arena = load ptr, ptr %arena.slot
  %x = load ptr, ptr %x.slot
  %y = load ptr, ptr %y.slot
  %first = load float, ptr %x
  store volatile float %first, ptr %arena
  br label %step

step:
  %i = phi i32 [ 0, %entry ], [ %next, %step ]
  %value = load volatile float, ptr %arena
  %more = fadd float %value, 1.0
  store volatile float %more, ptr %arena
  %next = add i32 %i, 1
  %done = icmp eq i32 %next, 1000
  br i1 %done, label %exit, label %step

exit:
  %last = load volatile float, ptr %arena
  store float %last, ptr %y
  ret void
}
