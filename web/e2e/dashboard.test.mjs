// The mission by hand, in a real browser, against a real Headwater and a real NSD.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fill } from "./fixture.mjs";
import { choose, formDialog, signInAgain, signedInto, submit } from "./hands.mjs";
import { freePort, startNSD } from "./nsd.mjs";
import { settled, startBrowser, startHeadwater, until } from "./server.mjs";

let browser;

before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

const signedIn = (t, options) => signedInto(browser, t, options);

test("a zone goes by hand from nothing to a secondary that follows it", async (t) => {
  const { server, page, complaints } = await signedIn(t);
  const transfers = (tab) => `${server.url}/${server.account}/configurations/dns-zone-transfers?tab=${tab}`;
  const port = await freePort();

  await page.getByRole("button", { name: "Add a zone" }).click();
  await submit(page, { "Zone name": "example.com" }, "Add zone");
  await page.getByRole("heading", { name: "Records", exact: true }).waitFor();

  await page.getByRole("button", { name: "Add record" }).click();
  const form = page.getByRole("form", { name: "Add record" });
  await form.getByLabel("Name (required)").fill("www");
  await form.getByLabel("IPv4 address (required)").fill("192.0.2");
  await form.getByText("Content for A record must be a valid IPv4 address.").waitFor();
  await form.getByLabel("IPv4 address (required)").fill("192.0.2.7");
  await form.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("cell", { name: "www.example.com", exact: true }).waitFor();

  await page.goto(transfers("tsig"));
  await page.getByRole("button", { name: "Create TSIG" }).click();
  await submit(page, { "TSIG name": "transfer.example.com." }, "Save");
  await page.getByRole("cell", { name: "transfer.example.com.", exact: true }).waitFor();

  await page.goto(transfers("peers"));
  await page.getByRole("button", { name: "Create peer" }).click();
  await choose(formDialog(page), page, "TSIG", "transfer.example.com.");
  await submit(page, { "Peer name": "nsd", "IP address": "127.0.0.1", Port: String(port) }, "Save");
  await page.getByRole("cell", { name: "nsd", exact: true }).waitFor();

  await page.goto(transfers("acls"));
  await page.getByRole("button", { name: "Create ACL" }).click();
  await submit(page, { "ACL name": "monitoring", "IP range": "198.51.100.0/28" }, "Save");

  const [key] = await server.api("GET", `/client/v4/accounts/${server.account}/secondary_dns/tsigs`);
  const nsd = await startNSD({ port, primary: server.dns, zone: "example.com", key });
  t.after(() => nsd.close());

  await page.goto(`${server.url}/${server.account}/example.com/dns/settings`);
  await page.getByRole("button", { name: "Manage linked peers" }).click();
  await formDialog(page).getByRole("checkbox").click();
  await submit(page, {}, "Save");
  await page.getByRole("switch", { name: "Outgoing Zone Transfers" }).click();
  await page.getByRole("heading", { name: "Review before transfers" }).waitFor();
  await submit(page, {}, "Enable outgoing zone transfers");
  await until("the secondary to answer", async () => (await nsd.address("www.example.com")) === "192.0.2.7");

  await page.goto(`${server.url}/${server.account}/example.com/secondaries`);
  const card = page.getByRole("region", { name: "nsd" });
  await card.getByText("In step", { exact: true }).waitFor();
  const [zone] = await server.api("GET", "/client/v4/zones?name=example.com");

  await page.goto(`${server.url}/${server.account}/example.com/dns/records`);
  await page.getByRole("button", { name: "Edit A www.example.com" }).click();
  const edit = page.getByRole("form", { name: "Edit A www.example.com" });
  await edit.getByLabel("IPv4 address (required)").fill("192.0.2.8");
  await edit.getByRole("button", { name: "Save", exact: true }).click();
  await until("the change at the secondary", async () => (await nsd.address("www.example.com")) === "192.0.2.8");

  await nsd.stop();
  await server.api("POST", `/client/v4/zones/${zone.id}/dns_records`, { type: "TXT", name: "@", content: "one more" });
  await page.goto(`${server.url}/${server.account}/example.com/secondaries`);
  // It is "Behind" only until the first question or NOTIFY has failed, which may be before the page is there.
  await card.getByText("Unreachable", { exact: true }).waitFor({ timeout: 90_000 });
  nsd.start();
  await card.getByText("In step", { exact: true }).waitFor({ timeout: 60_000 });

  await page.goto(`${server.url}/${server.account}/get-started`);
  await page.getByRole("heading", { name: "8 of 8 done" }).waitFor();
  assert.deepEqual(complaints, []);
});

test("records are selected and deleted as one batch, found by search, and kept in the address", async (t) => {
  const { server, page } = await signedIn(t);
  await fill(server);
  await page.goto(`${server.url}/${server.account}/example.com/dns/records`);
  await page.getByText("8 records", { exact: true }).waitFor();
  await page.getByLabel("Search records").fill("spf1");
  await page.getByText("1 record", { exact: true }).waitFor();
  assert.match(page.url(), /search=spf1/);
  await page.getByLabel("Search records").fill("");
  await page.getByText("8 records", { exact: true }).waitFor();
  const batches = [];
  page.on("request", (r) => r.method() !== "GET" && batches.push(r.url()));
  await page.getByRole("checkbox", { name: "Select MX example.com" }).click();
  await page.getByRole("checkbox", { name: "Select TXT example.com" }).click();
  await page.getByRole("button", { name: "Delete selected" }).click();
  await submit(page, {}, "Delete");
  await page.getByText("6 records", { exact: true }).waitFor();
  assert.equal(batches.length, 1);
  assert.match(batches[0], /dns_records\/batch$/);
});

test("markup in names, comments, tags and contents is shown as text", async (t) => {
  const { server, page, complaints } = await signedIn(t);
  const evil = [`<img src=x onerror=alert(1)>`, `"><svg onload=alert(1)>`, `<script>alert(1)</script>`, `javascript:alert(1)`];
  const zone = await server.api("POST", "/client/v4/zones", { name: "example.com", account: { id: server.account } });
  for (const [i, text] of evil.entries()) {
    await server.api("POST", `/client/v4/zones/${zone.id}/dns_records`, {
      type: "TXT",
      name: `evil${i}`,
      content: text,
      comment: text,
      tags: [`t${i}:${text}`],
    });
    await server.api("POST", `/client/v4/accounts/${server.account}/secondary_dns/peers`, { name: text, ip: "192.0.2.1" });
  }
  await page.goto(`${server.url}/${server.account}/example.com/dns/records`);
  await page.getByText("4 records", { exact: true }).waitFor();
  const body = await page.locator("main").innerText();
  for (const text of evil) assert.ok(body.includes(text), `${text} is not shown as text`);
  await page.goto(`${server.url}/${server.account}/configurations/dns-zone-transfers?tab=peers`);
  for (const text of evil) await page.getByRole("cell", { name: text, exact: true }).waitFor();
  assert.equal(await page.locator("main img, main svg[onload], main script").count(), 0);
  assert.deepEqual(complaints, []);
});

test("a session cookie alone cannot change anything", async (t) => {
  const { server, page } = await signedIn(t);
  const status = (headers) =>
    page.evaluate(
      ([url, h]) => fetch(url, { method: "POST", headers: h, body: '{"name":"example.com"}' }).then((r) => r.status),
      [`${server.url}/client/v4/zones`, headers],
    );
  assert.equal(await status({}), 403);
  assert.equal(await status({ "X-CSRF-Token": "0".repeat(32) }), 403);
  const cookies = await page.context().cookies();
  assert.deepEqual(cookies.map((c) => c.name).sort(), ["headwater_browser", "headwater_session"]);
  for (const cookie of cookies) {
    assert.equal(cookie.httpOnly, true, cookie.name);
    assert.equal(cookie.sameSite, "Strict", cookie.name);
  }
});

test("a session that ended is asked for over the page, and the page is then shown", async (t) => {
  const { server, page } = await signedIn(t);
  await page.goto(`${server.url}/${server.account}/members`);
  await settled(page);
  await page.context().clearCookies();
  await page.getByRole("button", { name: "API Tokens" }).or(page.getByRole("link", { name: "API Tokens" })).first().click();
  await signInAgain(page);
  await page.getByRole("heading", { name: "API Tokens" }).waitFor();
  assert.match(page.url(), /api-tokens/);
});

test("pages come with security headers, and the first one is small", async (t) => {
  const server = await startHeadwater();
  t.after(() => server.close());
  const page = await browser.newPage();
  t.after(() => page.close());
  const done = [];
  page.on("requestfinished", (r) => done.push(r));
  const answer = await page.goto(`${server.url}/`, { waitUntil: "networkidle" });
  const headers = answer.headers();
  assert.match(headers["content-security-policy"], /default-src 'self'/);
  assert.doesNotMatch(headers["content-security-policy"], /script-src[^;]*unsafe/);
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["x-frame-options"], "DENY");
  await page.getByRole("button", { name: "Log in" }).waitFor();
  await settled(page);
  const bytes = (await Promise.all(done.map((r) => r.sizes()))).reduce((sum, s) => sum + s.responseBodySize, 0);
  t.diagnostic(`the first page, all that is loaded, compressed: ${bytes} octets`);
  assert.ok(bytes > 100_000 && bytes <= 300 * 1024, `${bytes} octets for the first page`);
});

test("the names of the NS RRset are asked as anybody would", async (t) => {
  const port = await freePort();
  const server = await startHeadwater("--resolver", "127.0.0.1:9", "--name-server-interval", "500ms", "--name-server-port", String(port));
  t.after(() => server.close());
  const { page } = await signedIn(t, { server });
  const { zone, tsig } = await fill(server, { ip: "127.0.0.1", port });
  const path = `/client/v4/zones/${zone.id}`;
  await server.api("POST", `${path}/dns_records`, { type: "A", name: "ns9", content: "127.0.0.1" });
  await server.api("POST", `${path}/dns_records`, { type: "NS", name: "@", content: "ns9.example.com" });
  await server.api("PATCH", `${path}/dns_settings`, { multi_provider: true });
  const nsd = await startNSD({ port, primary: server.dns, zone: "example.com", key: tsig });
  t.after(() => nsd.close());
  await page.goto(`${server.url}/${server.account}/example.com/secondaries`);
  const list = page.getByRole("region", { name: "Name servers" }).first();
  await list.getByRole("row", { name: /ns9\.example\.com 127\.0\.0\.1 In step/ }).waitFor({ timeout: 60_000 });
  await list.getByRole("row", { name: /ns1\.example\.net . No address/ }).waitFor();
});
