tandem_unit(sip)

# sip/ with a scripted gateway: driven by SIPp, baresip and raw messages (tests/sip/run.py).
add_executable(sip_rig ${CMAKE_CURRENT_SOURCE_DIR}/sip/rig.c)
target_link_libraries(sip_rig PRIVATE tandem_sip)
