# All of xmpp/ but its connection, on the real gateway with scripted legs on the far side.
# The fakes come before the libraries on the link line, so that what they define is not taken from there.
tandem_unit(xmpp fakes/clock.c fakes/media.c fakes/leg.c fakes/bench.c fakes/xmpp_conn.c fakes/xmpp_world.c)

# The connection itself, against a server of the test's own.
add_executable(xmpp_stream ${CMAKE_CURRENT_SOURCE_DIR}/xmpp/stream.c)
target_link_libraries(xmpp_stream PRIVATE tandem_xmpp)
add_test(NAME xmpp_stream COMMAND xmpp_stream)
set_tests_properties(xmpp_stream PROPERTIES TIMEOUT 180)
