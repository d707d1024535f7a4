-- Tandem beside Prosody (0.12 or later): what to add to /etc/prosody/prosody.cfg.lua. docs/xmpp.md explains it.

-- Above the first VirtualHost. Tandem connects here; keep it to loopback or a tunnel, XEP-0114 has no encryption.
component_interfaces = { "127.0.0.1" }
component_ports = { 5347 }
component_conflict_resolve = "kick_old" -- a connection that died unnoticed does not lock the new one out

-- In the section of your host: a relay for clients behind firewalls (XEP-0215). They ask their own server, never Tandem.
-- coturn has the same secret as static-auth-secret. Conversations passes over entries without transport.
VirtualHost "example.org"
  modules_enabled = { "external_services" } -- these come on top of those of all hosts
  external_service_host = "turn.example.org"
  external_service_secret = "the secret of coturn"
  external_services = {
    { type = "stun", transport = "udp", port = 3478 },
    { type = "turn", transport = "udp", port = 3478, secret = true, ttl = 86400, algorithm = "turn" },
    { type = "turns", transport = "tcp", port = 5349, secret = true, ttl = 86400, algorithm = "turn" },
  }

-- A section of its own: 1001@sip.example.org is Tandem's 1001. It needs a DNS record and a certificate only if users of
-- other servers shall call.
Component "sip.example.org"
  component_secret = "the secret of [xmpp] in tandem.conf"
