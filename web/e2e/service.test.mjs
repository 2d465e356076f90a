// What an operator sets and sees of transports, access, digests and reports, where they would look for it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { fill } from "./fixture.mjs";
import { choose, clean, escape, formDialog, refusal, signedInto, submit } from "./hands.mjs";
import { command, settled, startBrowser, startHeadwater, until } from "./server.mjs";

const run = promisify(execFile);
const phone = { width: 390, height: 844 };
let browser, server, made, authority, authorityFile, folder;
before(async () => {
  browser = await startBrowser();
  folder = await mkdtemp(join(tmpdir(), "headwater-e2e-"));
  await command(folder, "cert", "ca");
  authorityFile = join(folder, "ca.pem");
  authority = await readFile(authorityFile, "utf8");
  server = await startHeadwater("--report-agent", "agent.example.org", "--zonemd-octets", "4096", "--dns-rate-limit", "50", "--dns-rate-exempt", "192.0.2.0/24", "--nsid", "node-a", "--backup-to", join(folder, "backups"), "--backup-every", "1m");
  made = await fill(server);
});
after(async () => {
  await browser.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

/** A page, signed in. */
async function at(t, path, context = {}) {
  const into = await signedInto(browser, t, { server, context: { bypassCSP: true, ...context } });
  const go = async (to) => {
    await into.page.goto(`${server.url}/${to}`);
    await settled(into.page);
  };
  await go(path);
  return { ...into, go };
}

const dig = async (...question) => (await run("dig", ["@127.0.0.1", "-p", server.dns, "+tcp", "+tries=1", ...question])).stdout;

test("a peer is held to a name under an authority, and told of changes by TLS", async (t) => {
  const { page, complaints } = await at(t, `${server.account}/configurations/dns-zone-transfers?tab=peers`);
  const edit = "Edit ns-secondary-1";
  const dialog = formDialog(page);
  const save = dialog.getByRole("button", { name: "Save", exact: true });
  await page.getByRole("button", { name: edit }).click();
  await choose(dialog, page, "Transport", "TLS alone");
  await dialog.getByLabel(/^Client names/).fill("secondary.example\nother.example");
  await dialog.getByLabel(/^Authority/).fill("no certificate");
  await save.click();
  await dialog.getByText(/must be certificates in PEM/).first().waitFor();
  await dialog.getByLabel("Or its file").setInputFiles(authorityFile);
  await until("the file's text", async () => (await dialog.getByLabel(/^Authority/).inputValue()) === authority);
  await choose(dialog, page, "NOTIFY by", "TLS");
  await save.click();
  await dialog.getByText(/Strict verification needs a server_name or server_keys/).first().waitFor();
  await dialog.getByLabel("Server name (optional)").fill("secondary.example");
  await dialog.getByLabel("Port of TLS (optional)").fill("none");
  await save.click();
  await dialog.getByText("The port must be between 1 and 65535.").first().waitFor();
  await dialog.getByLabel("Port of TLS (optional)").fill("8853");
  await dialog.getByLabel(/^NOTIFY from/).fill("127.0.0.1\n127.0.0.2");
  await save.click();
  await dialog.getByText(/one address of a family; a second is given/).first().waitFor();
  await dialog.getByLabel(/^NOTIFY from/).fill("127.0.0.1");
  await clean(page, "the form");
  await submit(page, {}, "Save");
  const row = page.getByRole("row", { name: /ns-secondary-1/ });
  await row.getByText("TLS, named, NOTIFY by TLS").waitFor();
  const transport = `/headwater/v1/accounts/${server.account}/peers/${made.peer.id}/transport`;
  const held = () => server.api("GET", transport);
  const want = { transport: "tls", client_keys: [], client_names: ["secondary.example", "other.example"], authority, dnssec: "signed", notify: { transport: "tls", port: 8853, verify: "strict", server_name: "secondary.example", server_keys: [], sources: ["127.0.0.1"] } };
  assert.deepEqual(await held(), want);

  // Somebody else gives it a client key while the form is open: what is changed here leaves that.
  const key = Buffer.alloc(32, 9).toString("base64");
  await page.getByRole("button", { name: edit }).click();
  await dialog.getByLabel("Server name (optional)").waitFor();
  await server.api("PUT", transport, { transport: "tls", client_keys: [key] });
  await choose(dialog, page, "Verify", "Opportunistic");
  await submit(page, {}, "Save");
  await row.getByText("TLS, 1 client key, named, NOTIFY by TLS").waitFor();
  assert.deepEqual(await held(), { ...want, client_keys: [key], notify: { ...want.notify, verify: "opportunistic" } });

  // Any transport again: names and keys of clients go with TLS.
  await page.getByRole("button", { name: edit }).click();
  await choose(dialog, page, "Transport", "Any");
  await choose(dialog, page, "NOTIFY by", "Clear");
  await submit(page, {}, "Save");
  await row.getByRole("cell", { name: "Any", exact: true }).waitFor();
  const back = await held();
  assert.deepEqual([back.transport, back.client_keys, back.client_names, back.notify.transport], ["any", [], [], "clear"]);
  assert.deepEqual(complaints, []);
});

test("who was refused is seen, asked about, and let in", async (t) => {
  assert.match(await dig("axfr", "example.com"), /Transfer failed/);
  const { page } = await at(t, `${server.account}/example.com/secondaries`);
  const strangers = page.getByRole("region", { name: "Others that were refused" });
  await strangers.getByText(/127\.0\.0\.1: the address is neither/).waitFor();
  await clean(page, "strangers");

  await strangers.getByRole("button", { name: /^Check 127\.0\.0\.1/ }).click();
  const dialog = formDialog(page);
  await dialog.getByRole("button", { name: "Check" }).click();
  await dialog.getByText("Refused (REFUSED)").waitFor();
  await dialog.getByText("None: no linked peer and no ACL has the address").waitFor();
  await clean(page, "refused");
  await dialog.getByLabel("Address").fill("192.0.2.53");
  await dialog.getByText("Refused (REFUSED)").waitFor({ state: "detached" });
  await choose(dialog, page, "Transport", "TLS");
  await dialog.getByLabel("Client name (optional)").fill("secondary.example");
  await dialog.getByLabel("Key (optional)", { exact: true }).fill("transfer.example.com.");
  await dialog.getByRole("button", { name: "Check" }).click();
  await dialog.getByText("That of the linked peer ns-secondary-1").waitFor();
  await dialog.getByText("Allowed", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Would it be allowed?" }).press("Enter");
  await dialog.getByLabel("Address").fill("nowhere");
  await dialog.getByRole("button", { name: "Check" }).click();
  await refusal(dialog).waitFor();
  await escape(page, "Would it be allowed?");

  await strangers.getByRole("button", { name: "Allow 127.0.0.1" }).click();
  await clean(page, "allowing");
  await submit(page, {}, "Allow");
  await page.getByText("An ACL lets 127.0.0.1 in").waitFor();
  assert.match(await dig("axfr", "example.com"), /Transfer failed/, "the links have a TSIG, so that it has to sign");
  const signed = `${made.tsig.algo.replace(/\.$/, "")}:${made.tsig.name}:${made.tsig.secret}`;
  assert.match(await dig("-y", signed, "axfr", "example.com"), /XFR size/);
});

test("a zone carries a digest of itself, with its size and the limit told, and not beyond that", async (t) => {
  const { page, go } = await at(t, `${server.account}/example.com/dns/settings`);
  const card = page.getByRole("region", { name: "Zone digest (ZONEMD)" });
  const toggle = card.getByRole("switch", { name: "Carry a digest" });
  await card.getByText(/of at most 4\.0 KiB/).waitFor();
  await toggle.click();
  await card.getByText(/^[0-9a-f]{96}$/i).waitFor();
  const path = `/headwater/v1/zones/${made.zone.id}/zonemd`;
  assert.equal((await server.api("GET", path)).enabled, true);
  // It follows the zone.
  const serial = (await server.api("GET", path)).serial;
  await server.api("POST", `/client/v4/zones/${made.zone.id}/dns_records`, { type: "A", name: "digest", content: "192.0.2.9" });
  await until("another serial", async () => !(await card.getByText(String(serial), { exact: true }).isVisible()));
  await clean(page, "with a digest");
  await page.getByRole("button", { name: "Undo" }).first().click();
  await card.getByText(/^[0-9a-f]{96}$/i).waitFor({ state: "detached" });

  const big = await server.api("POST", "/client/v4/zones", { name: "big.example", account: { id: server.account } });
  await server.api("POST", `/client/v4/zones/${big.id}/dns_records/batch`, { posts: Array.from({ length: 20 }, (_, i) => ({ type: "TXT", name: `t${i}`, content: `"${"x".repeat(240)}"` })) });
  await go(`${server.account}/big.example/dns/settings`);
  await toggle.click();
  await card.getByRole("alert").waitFor();
  assert.equal((await server.api("GET", `/headwater/v1/zones/${big.id}/zonemd`)).enabled, false);
  await clean(page, "too large");
});

for (const colorScheme of ["light", "dark"]) {
  test(`what resolvers report stands with DNSSEC and is counted on the overview, on a phone, ${colorScheme}`, async (t) => {
    const { page, go } = await at(t, `${server.account}/example.com/dns/settings/dnssec`, { colorScheme, viewport: phone });
    const card = page.getByRole("region", { name: "What resolvers report" });
    await card.getByText("Nothing was reported").waitFor();
    await card.getByText(/Questions below agent\.example\.org are not answered here/).waitFor();
    await clean(page, "nothing reported");
    for (let i = 0; i < 2; i++) await dig("TXT", "_er.1.www.example.com.7._er.agent.example.org");
    await until("the reports", async () => (await server.api("GET", `/headwater/v1/zones/${made.zone.id}/error_reports`)).total === 2);
    await go(`${server.account}/example.com`);
    await clean(page, "overview");
    await page.getByRole("link", { name: "2", exact: true }).click();
    const row = card.getByRole("row", { name: /www\.example\.com/ });
    await row.getByText("Signature Expired (7)").waitFor();
    await row.getByText("127.0.0.1").waitFor();
    await clean(page, "reported");
    const forget = card.getByRole("button", { name: "Forget them" });
    await forget.press("Enter");
    await formDialog(page).waitFor();
    await clean(page, "forgetting");
    await escape(page, "Forget them");
    await forget.click();
    await submit(page, {}, "Forget");
    await card.getByText("Nothing was reported").waitFor();
  });
}

test("those who run the server read how it is, what its backups are, and its DNS options by their flags", async (t) => {
  const version = (await command(folder, "version")).trim().replace(/^headwater /, "");
  for (const context of [{}, { colorScheme: "dark", viewport: phone }]) {
    const { page } = await at(t, "server", context);
    const health = page.getByRole("region", { name: "Health" });
    await health.getByText("Ready", { exact: true }).waitFor();
    await health.getByText(server.dns, { exact: true }).first().waitFor();
    await health.getByText("--resolver sets it").waitFor();
    await health.getByText("Version of this node", { exact: true }).waitFor();
    await health.getByText(version, { exact: true }).waitFor();
    const backups = page.getByRole("region", { name: "Backups" });
    await backups.getByText("1 minute", { exact: true }).waitFor();
    await backups.getByText(/headwater-\S+\.hwb, \d/).waitFor({ timeout: 60_000 }); // the first one is made soon after the start
    const card = page.getByRole("region", { name: "DNS options" });
    for (const text of ["--dns-rate-limit", "50", "192.0.2.0/24", "agent.example.org", "4.0 KiB", "node-a"]) await card.getByText(text, { exact: true }).waitFor();
    await clean(page, "server");
  }
  const { dns_options: shown } = await server.api("GET", "/headwater/v1/server");
  const help = (await command(folder, "serve", "--help")).replaceAll("--[no-]", "--");
  const { page } = await at(t, "server");
  // What is wrong is told as the server tells it.
  const health = page.getByRole("region", { name: "Health" });
  for (const [status, body, badge, told] of [
    [200, "ready\nroles api, dns\nzones 2\nseq 9\nstore takes no changes since 2026-11-29T10:00:00Z\n", "Ready", "Store takes no changes since 2026-11-29T10:00:00Z"],
    [503, "not ready: zones are being loaded\n", "Not ready", "Not ready: zones are being loaded"],
  ]) {
    await page.route("**/readyz", (r) => r.fulfill({ status, body }));
    await page.reload();
    await health.getByText(badge, { exact: true }).waitFor();
    await health.getByText(told, { exact: true }).waitFor();
    await page.unroute("**/readyz");
  }
  const flags = await page.getByRole("region", { name: "DNS options" }).getByText(/^--/).allInnerTexts();
  assert.equal(flags.length, Object.keys(shown).length, "an option without a row");
  for (const f of flags) assert.ok(help.includes(f), `${f} is no flag`);
});
