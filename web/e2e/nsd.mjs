// A real NSD as secondary.
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stop } from "./server.mjs";

/** A port that is free for TCP and UDP now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const tcp = createServer().listen(0, "127.0.0.1", () => {
      const { port } = tcp.address();
      const udp = createSocket("udp4");
      udp.once("error", reject);
      udp.bind(port, "127.0.0.1", () => udp.close(() => tcp.close(() => resolve(port))));
    });
  });
}

function config(folder, ip, port, primary, zone, key) {
  return `server:
  ip-address: ${ip}@${port}
  username: ""
  chroot: ""
  database: ""
  pidfile: "${folder}/nsd.pid"
  zonesdir: "${folder}"
  zonelistfile: "${folder}/zone.list"
  xfrdfile: "${folder}/xfrd.state"
  xfrdir: "${folder}"
  server-count: 1
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
key:
  name: "${key.name}"
  algorithm: ${key.algo}
  secret: "${key.secret}"
zone:
  name: "${zone}"
  zonefile: "zone"
  request-xfr: 127.0.0.1@${primary} ${key.name}
  allow-notify: 127.0.0.1 ${key.name}
  outgoing-interface: ${ip}
  min-retry-time: 1
  max-retry-time: 1
  max-refresh-time: 5
`;
}

/** Starts NSD on a port, of an address of its own where several are told apart; ask answers what it holds. */
export async function startNSD({ ip = "127.0.0.1", port, primary, zone, key }) {
  const folder = await mkdtemp(join(tmpdir(), "headwater-nsd-"));
  const file = join(folder, "nsd.conf");
  const write = (k) => writeFile(file, config(folder, ip, port, primary, zone, { ...k, name: k.name.replace(/\.$/, "") }));
  await write(key);
  const start = () => spawn("nsd", ["-d", "-c", file], { stdio: "ignore" });
  let child = start();
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([`${ip}:${port}`]);
  return {
    serial: () => resolver.resolveSoa(zone).then((soa) => soa.serial, () => null),
    addresses: (name) => resolver.resolve4(name).catch(() => []),
    address: (name) => resolver.resolve4(name).then((list) => list[0], () => null),
    /** Has another key from now on. */
    rekey: async (k) => {
      await stop(child);
      await write(k);
      child = start();
    },
    stop: () => stop(child),
    start: () => {
      child = start();
    },
    close: async () => {
      await stop(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
