// What is wrong with a secondary is shown by its cause, with what to do about it.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { fill } from "./fixture.mjs";
import { formDialog, signedInto } from "./hands.mjs";
import { freePort, startNSD } from "./nsd.mjs";
import { startBrowser, startHeadwater, until } from "./server.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

/** A server over UDP that answers every question for an SOA with a serial. */
async function answering(serial) {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    if ((query[2] & 0x78) !== 0) return; // a NOTIFY
    const end = query.indexOf(0, 12) + 5;
    const data = Buffer.alloc(22);
    data.writeUInt32BE(serial, 2);
    const answer = Buffer.concat([query.subarray(0, end), Buffer.from("c00c000600010000003c0016", "hex"), data]);
    answer.writeUInt16BE(0x8400, 2);
    answer.writeUInt16BE(1, 6);
    answer.fill(0, 8, 12);
    socket.send(answer, from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

test("a secondary ahead of us is shown as that, and our serial is raised past it", async (t) => {
  const server = await startHeadwater("--probe-interval", "500ms");
  t.after(() => server.close());
  const { page } = await signedInto(browser, t, { server });
  const secondary = await answering(2026112801);
  t.after(() => secondary.close());
  await fill(server, { ip: "127.0.0.1", port: secondary.address().port });
  await page.goto(`${server.url}/${server.account}/example.com/secondaries`);
  const card = page.getByRole("region", { name: "ns-secondary-1" });
  await card.getByText("Ahead", { exact: true }).waitFor();
  await card.getByText("It holds serial 2026112801").waitFor();
  await card.getByRole("button", { name: "Raise our serial to 2026112802" }).click();
  await page.getByText("Serial raised").waitFor();
  await card.getByText("Behind", { exact: true }).waitFor();
});

test("what is wrong with real secondaries is told by its cause, the worst first, with what to do, wherever one looks", async (t) => {
  const server = await startHeadwater();
  t.after(() => server.close());
  const { page } = await signedInto(browser, t, { server });
  const zone = await server.api("POST", "/client/v4/zones", { name: "example.com", account: { id: server.account } });
  const account = `/client/v4/accounts/${server.account}/secondary_dns`;
  const key = await server.api("POST", `${account}/tsigs`, { name: "transfer.example.com.", algo: "hmac-sha256" });
  const wrong = { ...key, secret: Buffer.alloc(32, 7).toString("base64") };
  const primary = server.dns;
  // Each by its own address: nobody could tell several at one apart.
  const servers = [
    { name: "elsewhere", ip: "127.0.0.11", state: "Zone not there", cause: /NOTIFY: .*Add the zone to its configuration/, of: { primary, zone: "other.example", key } },
    { name: "mistyped", ip: "127.0.0.12", state: "Wrong key", cause: /BADSIG.*Compare name, algorithm and secret/, of: { primary, zone: "example.com", key: wrong } },
    { name: "empty", ip: "127.0.0.13", state: "Refuses", cause: /SERVFAIL/, of: { primary: await freePort(), zone: "example.com", key } }, // it asks somebody else
    { name: "gone", ip: "127.0.0.14", state: "Unreachable", cause: /nothing listens.*Is it running/i },
    { name: "well", ip: "127.0.0.15", state: "In step", of: { primary, zone: "example.com", key } },
  ];
  const peers = [];
  for (const s of servers) {
    s.port = await freePort();
    peers.push(await server.api("POST", `${account}/peers`, { name: s.name, ip: s.ip, port: s.port, tsig_id: key.id, ixfr_enable: true }));
    if (!s.of) continue;
    s.nsd = await startNSD({ ip: s.ip, port: s.port, ...s.of });
    t.after(() => s.nsd.close());
  }
  const outgoing = `/client/v4/zones/${zone.id}/secondary_dns/outgoing`;
  await server.api("POST", outgoing, { name: zone.name, peers: peers.map((p) => p.id) });
  await server.api("POST", `${outgoing}/enable`, {});

  await page.goto(`${server.url}/${server.account}/example.com/secondaries`);
  const card = (name) => page.getByRole("region", { name, exact: true });
  for (const s of servers) {
    await card(s.name).getByText(s.state, { exact: true }).waitFor({ timeout: 60_000 });
    if (s.cause) await card(s.name).getByText(s.cause).first().waitFor();
  }
  const order = async (names) => (await names.allInnerTexts()).map((x) => x.split("\n")[0]).filter((x) => servers.some((s) => s.name === x));
  await until("the worst first", async () => String(await order(page.locator("main section h2"))) === String(servers.map((s) => s.name)));
  // Its own request, which was refused, stands with it, and its configuration is at hand.
  await card("mistyped").getByText(/^.*127\.0\.0\.12.*BADSIG/).first().waitFor();
  await card("mistyped").getByRole("button", { name: "Configuration of mistyped" }).click();
  await page.getByRole("dialog", { name: "Configuration for your secondary" }).getByRole("button", { name: "Close" }).click();
  const counted = async () => /headwater_refusals_total\{reason="signature"\} [1-9]/.test(await (await fetch(`${server.url}/metrics`)).text());
  await until("its refusals among the metrics", counted);

  await page.goto(`${server.url}/${server.account}/example.com`);
  const list = page.getByRole("list", { name: "Secondaries, worst first" }).getByRole("listitem");
  await until("the worst first on the overview", async () => String(await order(list)) === String(servers.map((s) => s.name)));
  await page.goto(`${server.url}/${server.account}/home?standing=trouble`);
  const row = page.getByRole("row", { name: /example\.com/ });
  for (const words of ["1 zone not there", "1 wrong key", "1 refuses", "1 unreachable", "1 in step"]) await row.getByText(words, { exact: true }).waitFor();

  // Mended, it is in step, and what was wrong is gone.
  await servers[1].nsd.rekey(key);
  await row.getByText("2 in step", { exact: true }).waitFor({ timeout: 60_000 });
  assert.equal(await row.getByText("1 wrong key").count(), 0);
});

test("a key is rotated while a secondary follows all the time, and is retired when nobody uses it", async (t) => {
  const server = await startHeadwater("--probe-interval", "500ms");
  t.after(() => server.close());
  const { page } = await signedInto(browser, t, { server });
  const port = await freePort();
  const { zone, tsig } = await fill(server, { ip: "127.0.0.1", port });
  const nsd = await startNSD({ port, primary: server.dns, zone: "example.com", key: tsig });
  t.after(() => nsd.close());
  const follows = async (content) => {
    await server.api("POST", `/client/v4/zones/${zone.id}/dns_records`, { type: "A", name: "probe", content });
    await until(`${content} at the secondary`, async () => (await nsd.addresses("probe.example.com")).includes(content), 60_000);
  };
  await follows("192.0.2.101");
  await page.goto(`${server.url}/${server.account}/configurations/dns-zone-transfers?tab=tsig`);
  await page.getByRole("button", { name: "Rotate transfer.example.com." }).click();
  await formDialog(page).getByRole("button", { name: "Begin" }).click();
  const row = formDialog(page).getByRole("row", { name: /ns-secondary-1/ });
  await row.getByText(/Uses the old key|Has not asked yet/).waitFor();
  const retire = formDialog(page).getByRole("button", { name: "Retire transfer.example.com." });
  if (!(await retire.isDisabled())) throw new Error("the old key could be retired while it is used");
  await follows("192.0.2.102"); // with the old one

  const keys = () => server.api("GET", `/client/v4/accounts/${server.account}/secondary_dns/tsigs`);
  await nsd.rekey((await keys()).find((k) => k.name === "transfer-2.example.com."));
  await row.getByText("Uses the new key").waitFor({ timeout: 60_000 });
  await retire.click();
  await page.getByText("transfer.example.com. is retired").waitFor();
  await until("one key", async () => (await keys()).length === 1);
  await follows("192.0.2.103");
});
