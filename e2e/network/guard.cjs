/** Loaded into every Node process of a command: writes a line into SLM_NETWORK_LOG for each address that it turns to. */
const dgram = require("node:dgram");
const dns = require("node:dns");
const { appendFileSync } = require("node:fs");
const net = require("node:net");

const log = process.env.SLM_NETWORK_LOG;

const tell = (what) => appendFileSync(log, `${what}\n`);

/** Calls `before` with the arguments, then what was there. */
function watch(owner, name, before) {
  const original = owner[name];
  owner[name] = function watched(...argv) {
    before(...argv);
    return original.apply(this, argv);
  };
}

// Every client of HTTP, TLS and fetch connects by it. Its first argument may be the list that net.connect has normalized.
watch(net.Socket.prototype, "connect", (first, second) => {
  const options = Array.isArray(first) ? first[0] : first;
  if (typeof options !== "object") tell(`connect ${second ?? ""}:${options}`);
  else tell(`connect ${options.path ?? `${options.host ?? "localhost"}:${options.port}`}`);
});
watch(dgram.Socket.prototype, "send", () => tell("send a datagram"));
for (const owner of [dns, dns.promises])
  for (const name of Object.keys(owner).filter((key) => /^(?:lookup|resolve|reverse)/.test(key)))
    watch(owner, name, (host) => tell(`${name} ${host}`));
