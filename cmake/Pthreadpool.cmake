# Where the source of pthreadpool and the header of FXdiv (Debian's libfxdiv-dev), which it uses, are:
# PTHREADPOOL_DIR and FXDIV_INCLUDE_DIR.
set(PTHREADPOOL_DIR ${PROJECT_SOURCE_DIR}/.cache/pthreadpool CACHE PATH "Source of Google's pthreadpool")
if(NOT EXISTS ${PTHREADPOOL_DIR}/src/pthreads.c)
  message(STATUS "Fetching the source of pthreadpool")
  execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/FetchPthreadpool.sh ${PTHREADPOOL_DIR} RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "no source of pthreadpool in ${PTHREADPOOL_DIR}; cmake/FetchPthreadpool.sh fetches it")
  endif()
endif()
find_path(FXDIV_INCLUDE_DIR fxdiv.h)
if(NOT FXDIV_INCLUDE_DIR)
  message(FATAL_ERROR "no fxdiv.h: install libfxdiv-dev")
endif()
