# The edge's tests drive a real edge thread over loopback sockets: the rig brings clients, certificates made on the spot
# and a clock that a test may turn forward (it replaces base/clock.c).
tandem_unit(edge edge/rig.c edge/certs.c edge/clock.c)
if(TARGET unit_edge)
  target_link_libraries(unit_edge PRIVATE PkgConfig::OPENSSL)
endif()
