# The fakes come before the libraries on the link line, so that what they define is not taken from there.
tandem_unit(web fakes/web_world.c)

# The pure parts of the browser's module, under node's own test runner.
find_program(NODE node)
if(NODE)
  file(GLOB client_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/client/*.test.mjs)
  add_test(NAME client COMMAND ${NODE} --test ${client_tests})
  set_tests_properties(client PROPERTIES TIMEOUT 60)
endif()
