#!/usr/bin/env python3
"""Who may include whom: the table of docs/architecture.md, checked over the sources. Usage: layers.py ROOT"""
import pathlib
import re
import sys

ROOMS = ("base", "media", "edge", "gateway", "sip", "xmpp", "web")
DESC = {"media/desc.h", "media/desc_sdp.h"}
LEGS = {"gateway/leg.h", "gateway/adapter.h", "gateway/reason.h", "gateway/config.h", "gateway/account.h",
        "gateway/message.h", "gateway/presence.h", "gateway/show.h"}
EDGE = {"edge/edge.h"}

# Headers of other rooms each room may include, beside base/ and its own.
MAY = {
    "base": set(),
    "media": set(),
    "edge": set(),
    "gateway": {"media/media.h", "media/desc.h", "media/negotiate.h"},
    "sip": DESC | LEGS | EDGE | {"gateway/store.h"},
    "xmpp": DESC | LEGS | {"gateway/store.h"},
    "web": DESC | LEGS | EDGE | {"gateway/stats.h"},
}
# The composition root alone knows every door.
MAIN = MAY["gateway"] | EDGE | {"sip/adapter.h", "web/adapter.h", "xmpp/adapter.h"}

# Third-party headers by prefix: the rooms that may include them. GLib and the C library are everybody's.
LIBRARIES = {
    "nice/": {"media"}, "stun/": {"media"}, "srtp2/": {"media"}, "liburing": {"media"},
    "openssl/": {"media", "edge"}, "wslay/": {"edge"}, "sofia-sip/": {"sip"}, "ares": {"sip"},
    "strophe": {"xmpp"}, "sqlite3": {"gateway"}, "jansson": {"gateway", "web"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def allowed(room, source, header):
    owner = header.split("/")[0]
    if owner == room or (owner == "base" and room in MAY):
        return True
    return header in (MAIN if source.as_posix().endswith("gateway/main.c") else MAY[room])


def faults(root):
    for room in ROOMS:
        for source in sorted((root / room).glob("*.[ch]")):
            for quote, header in INCLUDE.findall(source.read_text(encoding="utf-8")):
                if quote == '"' and not allowed(room, source, header):
                    yield f"{source.relative_to(root)}: may not include \"{header}\""
                for prefix, rooms in LIBRARIES.items():
                    if quote == "<" and header.startswith(prefix) and room not in rooms:
                        yield f"{source.relative_to(root)}: <{header}> belongs to {', '.join(sorted(rooms))}"


def main():
    root = pathlib.Path(sys.argv[1])
    found = list(faults(root))
    print("\n".join(found))
    seen = sum(len(list((root / room).glob("*.[ch]"))) for room in ROOMS)
    print(f"{seen} files, {len(found)} faults")
    return 1 if found or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
