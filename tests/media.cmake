# media_turn stops the worker between two looks at its sockets, to post a command just there.
tandem_unit(media)
if(TARGET unit_media)
  target_link_options(unit_media PRIVATE -Wl,--wrap=epoll_wait)
endif()
