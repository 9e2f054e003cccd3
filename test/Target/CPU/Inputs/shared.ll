; One sample of y = x + 1000, for one float, in 200 steps that a team shares: 8
; numbers in the arena, each of which becomes its neighbour plus 5, from one half
; of the arena to the other. Who skips a part, does it twice or too early makes
; one of them another number, and the result is their mean.
%frame = type { ptr, ptr }

define internal void @step(ptr %frame, i64 %part, i64 %parts) {
entry:
  %to.slot = getelementptr %frame, ptr %frame, i64 0, i32 1
  %from = load ptr, ptr %frame
  %to = load ptr, ptr %to.slot
  %before = mul i64 8, %part
  %first = udiv i64 %before, %parts
  %after = add i64 %before, 8
  %end = udiv i64 %after, %parts
  %some = icmp ult i64 %first, %end
  br i1 %some, label %loop, label %exit

loop:
  %i = phi i64 [ %first, %entry ], [ %next, %loop ]
  %next = add i64 %i, 1
  %neighbour = and i64 %next, 7
  %source = getelementptr float, ptr %from, i64 %neighbour
  %value = load float, ptr %source
  %more = fadd float %value, 5.0
  %target = getelementptr float, ptr %to, i64 %i
  store float %more, ptr %target
  %again = icmp ult i64 %next, %end
  br i1 %again, label %loop, label %exit

exit:
  ret void
}

define void @mpq_run(ptr %args) {
entry:
  %frame = alloca %frame
  %to.slot = getelementptr %frame, ptr %frame, i64 0, i32 1
  %arena.slot = getelementptr ptr, ptr %args, i64 2
  %x.slot = getelementptr ptr, ptr %args, i64 3
  %y.slot = getelementptr ptr, ptr %args, i64 4
  %team.slot = getelementptr ptr, ptr %args, i64 5
  %arena = load ptr, ptr %arena.slot
  %half = getelementptr float, ptr %arena, i64 8
  %x = load ptr, ptr %x.slot
  %y = load ptr, ptr %y.slot
  %team = load ptr, ptr %team.slot
  %number = load float, ptr %x
  br label %fill

fill:
  %f = phi i64 [ 0, %entry ], [ %f.next, %fill ]
  %f.slot = getelementptr float, ptr %arena, i64 %f
  store float %number, ptr %f.slot
  %f.next = add i64 %f, 1
  %filled = icmp eq i64 %f.next, 8
  br i1 %filled, label %loop, label %fill

loop:
  %i = phi i32 [ 0, %fill ], [ %next, %joined ]
  %from = phi ptr [ %arena, %fill ], [ %to, %joined ]
  %to = phi ptr [ %half, %fill ], [ %from, %joined ]
  store ptr %from, ptr %frame
  store ptr %to, ptr %to.slot
  %alone = icmp eq ptr %team, null
  br i1 %alone, label %serial, label %shared

serial:
  call void @step(ptr %frame, i64 0, i64 1)
  br label %joined

shared:
  %fork = load ptr, ptr %team
  call void %fork(ptr %team, ptr @step, ptr %frame, i64 4)
  br label %joined

joined:
  %next = add i32 %i, 1
  %done = icmp eq i32 %next, 200
  br i1 %done, label %add, label %loop

add:
  %a = phi i64 [ 0, %joined ], [ %a.next, %add ]
  %sum = phi float [ 0.0, %joined ], [ %sum.next, %add ]
  %a.slot = getelementptr float, ptr %arena, i64 %a
  %term = load float, ptr %a.slot
  %sum.next = fadd float %sum, %term
  %a.next = add i64 %a, 1
  %added = icmp eq i64 %a.next, 8
  br i1 %added, label %exit, label %add

exit:
  %mean = fmul float %sum.next, 0.125
  store float %mean, ptr %y
  ret void
}
