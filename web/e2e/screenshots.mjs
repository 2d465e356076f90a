// Writes a picture of every page, light and dark, wide and narrow, into web/screenshots; into another folder, if one is named, also as a
// very wide screen shows it.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fill, pagesOf } from "./fixture.mjs";
import { freePort, startNSD } from "./nsd.mjs";
import { settled, signIn, startBrowser, startHeadwater, until } from "./server.mjs";

const elsewhere = process.argv[2];
const folder = elsewhere ?? fileURLToPath(new URL("../screenshots", import.meta.url));
const sizes = { 1440: { width: 1440, height: 900 }, 390: { width: 390, height: 844 }, ...(elsewhere && { 2560: { width: 2560, height: 1440 } }) };

const file = "$TTL 300\nwww2 A 192.0.2.80\nwww2 AAAA 2001:db8::80\nshop CNAME www2\n@ MX 10 mx.example.net.\nbad A 192.0.2\n";

async function shoot(browser, server, colorScheme, size) {
  const context = await browser.newContext({ colorScheme, viewport: sizes[size], reducedMotion: "reduce" });
  const page = await context.newPage();
  const take = (name) => page.screenshot({ path: join(folder, `${name}-${colorScheme}-${size}.png`) });
  await page.goto(`${server.url}/`);
  await page.getByRole("button", { name: "Log in" }).waitFor();
  await take("sign-in");
  await signIn(page, server.url);
  for (const [name, path] of Object.entries(pagesOf(server.account))) {
    await page.goto(server.url + path, { waitUntil: "load" });
    await settled(page);
    await take(name);
  }
  await page.goto(`${server.url}${pagesOf(server.account).records}`);
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByLabel("Or its text").fill(file);
  await page.getByRole("button", { name: "Show what it does" }).click();
  await page.getByRole("dialog", { name: "What the import does" }).waitFor();
  await take("import-plan");
  await context.close();
}

const port = await freePort();
const server = await startHeadwater("--resolver", "127.0.0.1:9", "--name-server-interval", "1s", "--name-server-port", String(port));
const browser = await startBrowser();
let nsd;
try {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { zone, tsig } = await fill(server, { ip: "127.0.0.1", port });
  const records = `/client/v4/zones/${zone.id}/dns_records`;
  for (const name of ["ns-a", "ns-b"]) {
    await server.api("POST", records, { type: "A", name, content: "127.0.0.1" });
    await server.api("POST", records, { type: "NS", name: "@", content: `${name}.example.com` });
  }
  nsd = await startNSD({ port, primary: server.dns, zone: "example.com", key: tsig });
  await server.api("PATCH", `/client/v4/zones/${zone.id}/dns_settings`, { multi_provider: true });
  const secondaries = () => server.api("GET", `/headwater/v1/zones/${zone.id}/secondaries`);
  await until("the secondary", async () => {
    const s = await secondaries();
    return s.peers[0].state === "in_step" && s.name_servers.some((n) => n.state === "in_step");
  }, 60_000);
  await server.api("PATCH", `/client/v4/zones/${zone.id}/dnssec`, { status: "active" });
  await until("signatures", async () => (await server.api("GET", `/headwater/v1/zones/${zone.id}/dnssec`)).keys.some((k) => k.state === "signing"), 60_000);
  for (const scheme of ["light", "dark"]) for (const size of Object.keys(sizes)) await shoot(browser, server, scheme, size);
} finally {
  await browser.close();
  await nsd?.close();
  await server.close();
}
