# The gateway's calls are tested with scripted legs, no media and a clock turned by hand.
tandem_unit(gateway fakes/clock.c fakes/media.c fakes/leg.c fakes/bench.c)
