// The configuration that the dashboard offers to paste, given to the real servers: each checks it, loads it, and fetches the
// zone with it.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { Resolver } from "node:dns/promises";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { signedInto } from "./hands.mjs";
import { freePort } from "./nsd.mjs";
import { startBrowser, startHeadwater, stop, until } from "./server.mjs";

const run = promisify(execFile);
const schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";

/** Each server: what stands around the text, how it is checked, and how it is started. */
const servers = {
  BIND: async (folder, port, text) => {
    const file = join(folder, "named.conf");
    const options = `directory "${folder}"; pid-file "${folder}/named.pid"; session-keyfile "${folder}/session.key"; lock-file none; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no;`;
    await writeFile(file, `options { ${options} };\ncontrols { };\n${text}\n`);
    await run("named-checkconf", [file]);
    return ["named", "-g", "-c", file];
  },
  NSD: async (folder, port, text) => {
    const file = join(folder, "nsd.conf");
    const server = `ip-address: 127.0.0.1@${port}\n username: ""\n chroot: ""\n database: ""\n pidfile: "${folder}/nsd.pid"\n zonesdir: "${folder}"\n zonelistfile: "${folder}/zone.list"\n xfrdfile: "${folder}/xfrd.state"\n xfrdir: "${folder}"\n xfrd-reload-timeout: 0`;
    await writeFile(file, `server:\n ${server}\nremote-control:\n control-enable: no\n${text}\n`);
    await run("nsd-checkconf", [file]);
    return ["nsd", "-d", "-c", file];
  },
  "Knot DNS": async (folder, port, text) => {
    const file = join(folder, "knot.conf");
    const head = `server:\n  listen: 127.0.0.1@${port}\n  rundir: ${folder}\ndatabase:\n  storage: ${folder}\ntemplate:\n  - id: default\n    storage: ${folder}\n`;
    await writeFile(file, `${head}${text}\n`);
    await run("knotc", ["-c", file, "conf-check"]);
    return ["knotd", "-c", file];
  },
  PowerDNS: async (folder, port, text) => {
    const [settings, commands] = text.split("# commands\n");
    const base = `launch=gsqlite3\ngsqlite3-database=${folder}/pdns.sqlite3\nlocal-address=127.0.0.1\nlocal-port=${port}\nsocket-dir=${folder}\nsecurity-poll-suffix=\nxfr-cycle-interval=1\nzone-cache-refresh-interval=0\nquery-cache-ttl=0\ncache-ttl=0\n`;
    await writeFile(join(folder, "pdns.conf"), base + settings);
    await run("sh", ["-c", `sqlite3 "${folder}/pdns.sqlite3" < ${schema}`]);
    for (const line of commands.trim().split("\n")) {
      assert.match(line, /^pdnsutil /);
      await run("sh", ["-c", line.replace("pdnsutil", `pdnsutil --config-dir=${folder}`)]);
    }
    return ["pdns_server", `--config-dir=${folder}`, "--daemon=no", "--guardian=no", "--disable-syslog"];
  },
};

let browser, server, zone, key;

before(async () => {
  browser = await startBrowser();
  server = await startHeadwater();
  const account = `/client/v4/accounts/${server.account}/secondary_dns`;
  zone = await server.api("POST", "/client/v4/zones", { name: "example.com", account: { id: server.account } });
  await server.api("POST", `/client/v4/zones/${zone.id}/dns_records`, { type: "A", name: "www", content: "192.0.2.7" });
  key = await server.api("POST", `${account}/tsigs`, { name: "transfer.example.com.", algo: "hmac-sha512" });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** The text that the dashboard shows for a server. */
async function configuration(page, name) {
  await page.goto(`${server.url}/${server.account}/configurations/dns-zone-transfers?tab=tsig`);
  await page.getByRole("button", { name: "Configuration with transfer.example.com." }).click();
  const dialog = page.getByRole("dialog", { name: "Configuration for your secondary" });
  await dialog.getByLabel("Address of this primary").fill("127.0.0.1");
  await dialog.getByLabel("Port", { exact: true }).fill(server.dns);
  await dialog.getByRole("tab", { name, exact: true }).click();
  return dialog.getByLabel(`Configuration for ${name}`).innerText();
}

test("each server takes its configuration, and the zone with it", async (t) => {
  const { page } = await signedInto(browser, t, { server });
  const account = `/client/v4/accounts/${server.account}/secondary_dns`;
  const ports = {};
  const peers = [];
  for (const name of Object.keys(servers)) {
    ports[name] = await freePort();
    peers.push(await server.api("POST", `${account}/peers`, { name, ip: "127.0.0.1", port: ports[name], tsig_id: key.id, ixfr_enable: true }));
  }
  const outgoing = `/client/v4/zones/${zone.id}/secondary_dns/outgoing`;
  await server.api("POST", outgoing, { name: "example.com", peers: peers.map((p) => p.id) });
  await server.api("POST", `${outgoing}/enable`, {});
  for (const [name, prepare] of Object.entries(servers)) {
    await t.test(name, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), "headwater-config-"));
      t.after(() => rm(folder, { recursive: true, force: true }));
      await mkdir(folder, { recursive: true });
      const text = await configuration(page, name);
      const [program, ...args] = await prepare(folder, ports[name], text);
      const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], cwd: folder });
      let log = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (d) => (log += d));
      t.after(() => stop(child));
      const resolver = new Resolver({ timeout: 500, tries: 1 });
      resolver.setServers([`127.0.0.1:${ports[name]}`]);
      const address = () => resolver.resolve4("www.example.com").then((l) => l[0], () => null);
      await until(`${name} to answer`, async () => (await address()) === "192.0.2.7").catch((e) => {
        throw new Error(`${e.message}\n${log}\n${server.log()}`);
      });
      // It hears of the next change, too: NOTIFY is let in with this configuration.
      const serial = () => resolver.resolveSoa("example.com").then((s) => s.serial, () => null);
      const before = await serial();
      await server.api("POST", `/client/v4/zones/${zone.id}/dns_records`, { type: "TXT", name: "after", content: name });
      await until(`${name} to follow`, async () => (await serial()) > before).catch((e) => {
        throw new Error(`${e.message}\n${log}`);
      });
    });
  }
});
