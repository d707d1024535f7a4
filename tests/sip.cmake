tandem_unit(sip)

# sip/ with a scripted gateway: driven by raw messages, SIPp and baresip.
add_executable(sip_rig ${CMAKE_CURRENT_SOURCE_DIR}/sip/rig.c)
target_link_libraries(sip_rig PRIVATE tandem_sip)

find_package(Python3 REQUIRED COMPONENTS Interpreter)
foreach(story run torture sipp)
  add_test(NAME sip_${story} COMMAND Python3::Interpreter -W ignore ${CMAKE_CURRENT_SOURCE_DIR}/sip/${story}.py)
  set_tests_properties(sip_${story} PROPERTIES TIMEOUT 300
    ENVIRONMENT "SIP_RIG=$<TARGET_FILE:sip_rig>;CORPUS_DIR=${CMAKE_SOURCE_DIR}/../shared/corpus")
endforeach()
