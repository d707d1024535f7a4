# All of xmpp/ but its connection, on the real gateway with scripted legs on the far side.
# The fakes come before the libraries on the link line, so that what they define is not taken from there.
tandem_unit(xmpp fakes/clock.c fakes/media.c fakes/leg.c fakes/bench.c fakes/xmpp_conn.c fakes/xmpp_world.c)
