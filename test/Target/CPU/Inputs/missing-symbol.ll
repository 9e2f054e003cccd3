declare void @no_such_function()
define void @mpq_run(ptr %args) {
  call void @no_such_function()
  ret void
}
