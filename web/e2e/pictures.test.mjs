// What people look at rather than read: queries, secondaries over a day, who holds what; and what the parent says.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, serve } from "./dns.mjs";
import { fill } from "./fixture.mjs";
import { choose, clean, signedInto } from "./hands.mjs";
import { freePort, startNSD } from "./nsd.mjs";
import { startBrowser, startHeadwater, until } from "./server.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

test("the overview shows what is asked, how secondaries stood, and when they had each version", async (t) => {
  const { server, page, complaints } = await signedInto(browser, t, { context: { bypassCSP: true } });
  const port = await freePort();
  const { zone, tsig } = await fill(server, { ip: "127.0.0.1", port });
  const nsd = await startNSD({ port, primary: server.dns, zone: "example.com", key: tsig });
  t.after(() => nsd.close());
  const course = () => server.api("GET", `/headwater/v1/zones/${zone.id}/course`);
  await until("the secondary", async () => (await nsd.serial()) !== null, 60_000);
  await server.api("POST", `/client/v4/zones/${zone.id}/dns_records`, { type: "A", name: "new", content: "192.0.2.9" });
  await until("the arrival of a version", async () => (await course()).converged.median !== null, 60_000);

  const counts = () => server.api("GET", `/headwater/v1/zones/${zone.id}/queries?period=hour`);
  // Names are known from samples: what comes while there is no room for more is not among them, so it is asked until it is.
  const sampled = async (name) => {
    await ask(server.dns, name, "A", 1);
    return (await counts()).names.some((n) => n.name === name);
  };
  await ask(server.dns, "www.example.com", "A", 30);
  await ask(server.dns, "missing.example.com", "A", 10);
  for (const name of ["www.example.com", "missing.example.com"]) await until(name, () => sampled(name));
  await until("counts", async () => {
    const [ok, missing] = (await counts()).total;
    return ok >= 30 && missing >= 10;
  }, 60_000);

  await page.goto(`${server.url}/${server.account}/example.com`);
  await page.getByText("The secondary is in step").waitFor();
  const list = page.getByRole("list", { name: "Secondaries, worst first" });
  await list.getByText("In step", { exact: true }).waitFor();
  await list.getByRole("img", { name: /^ns-secondary-1, the last 24 hours:/ }).waitFor();
  await page.getByText(/^Everywhere after/).waitFor();
  await page.getByRole("img", { name: /^ns-secondary-1: all there, the slowest after/ }).waitFor();
  const names = page.getByRole("list", { name: "Names asked most" });
  await names.getByText(/^www/).waitFor();
  await names.getByText(/no such name/).waitFor();

  // The chart tells its bars by keyboard.
  const chart = page.getByRole("group", { name: /^Queries for example\.com: \d+ in all/ });
  await chart.focus();
  const told = page.getByText(/–.*: (.*Answered|none)/);
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowLeft");
  await told.first().waitFor();
  await page.getByRole("region", { name: "Queries", exact: true }).getByRole("button", { name: "Month" }).click();
  await until("the attribute to be as it should", async () => (await page.getByRole("region", { name: "Queries", exact: true }).getByRole("button", { name: "Month" }).getAttribute("aria-pressed")) === "true");
  await clean(page, "overview");
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 390, height: 844 });
    await clean(page, `overview, 390 px, ${colorScheme}`);
  }

  // What its last transfer and its last NOTIFY went by stands with each secondary.
  await page.goto(`${server.url}/${server.account}/example.com/secondaries`);
  const card = page.getByRole("region", { name: "ns-secondary-1" });
  assert.equal(await card.getByText("TCP, in clear").isVisible(), false, "it is in the way where all is well");
  await card.getByText("NOTIFY, transfers and refusals").click();
  await card.getByText("TCP, in clear").waitFor();
  await card.getByText(/, serial \d+ by UDP: NOERROR/).waitFor();
  assert.deepEqual(complaints, []);
});

test("zones are sorted by what is wrong, and the matrix shows each zone and each secondary", async (t) => {
  const { server, page } = await signedInto(browser, t, { context: { bypassCSP: true } });
  for (let i = 0; i < 120; i++) await server.api("POST", "/client/v4/zones", { name: `a${String(i).padStart(3, "0")}.example`, account: { id: server.account } });
  await fill(server, { ip: "127.0.0.1", port: await freePort() }); // where nothing listens
  await until("trouble", async () => (await server.api("GET", "/headwater/v1/zones?standing=trouble")).length > 0);
  const first = () => page.getByRole("region", { name: "Zones", exact: true }).getByRole("link").first();
  const at = (path) => `${server.url}/${server.account}/${path}`;
  await page.goto(at("home"));
  await page.getByRole("link", { name: "a000.example", exact: true }).waitFor();
  await page.getByRole("button", { name: "Secondaries", exact: true }).click();
  await page.waitForURL(/order=standing/);
  await until("the worst first", async () => (await first().textContent()) === "example.com");
  await page.reload();
  await until("the worst first again", async () => (await first().textContent()) === "example.com");
  await page.getByRole("button", { name: "Secondaries", exact: true }).click();
  await until("by name", async () => (await first().textContent()) === "a000.example");

  await page.goto(at("secondaries"));
  const grid = page.getByRole("region", { name: "Zones and secondaries" });
  await grid.getByRole("rowheader", { name: "a000.example" }).waitFor();
  assert.equal(await grid.getByRole("row").count(), 101);
  await choose(page, page, "Order", "Worst first");
  await page.waitForURL(/order=standing/);
  const worst = grid.getByRole("row").nth(1);
  await worst.getByRole("rowheader", { name: "example.com" }).waitFor();
  await worst.getByRole("img", { name: /Unreachable|Behind/ }).waitFor();
  await clean(page, "matrix");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "dark" });
  await clean(page, "matrix, 390 px, dark");
});

test("what the parent names stands beside what it should, and is looked at again", async (t) => {
  const port = await freePort();
  let named = ["ns1.example.net", "old.example.net"];
  // The parent: it refers to the zone's servers. The resolver: it knows the parent's server, and where that is.
  const parent = await serve((name, type) => (type === "NS" && name === "example.com" ? { aa: false, records: named.map((n) => ["authority", name, "NS", n]) } : { records: [["authority", "com", "SOA", "a.nic.com"]] }), port);
  const resolver = await serve((name, type) => {
    if (name === "com" && type === "NS") return { records: [["answer", "com", "NS", "a.nic.com"]] };
    if (name === "a.nic.com" && type === "A") return { records: [["answer", name, "A", "127.0.0.1"]] };
    return { records: [["authority", "com", "SOA", "a.nic.com"]] };
  });
  t.after(() => [parent, resolver].forEach((s) => s.close()));
  const server = await startHeadwater("--resolver", `127.0.0.1:${resolver.address().port}`, "--name-server-port", String(port), "--name-server-interval", "0");
  t.after(() => server.close());
  const { page } = await signedInto(browser, t, { server });
  await fill(server);
  await page.goto(`${server.url}/${server.account}/example.com/dns/settings`);
  const said = page.getByRole("region", { name: "What the parent says" });
  await said.getByText("com names others.").waitFor();
  await said.getByText("+ ns2.example.net").waitFor();
  await said.getByText("− old.example.net").waitFor();
  named = ["ns1.example.net", "ns2.example.net"];
  await said.getByRole("button", { name: "Look now" }).click();
  await said.getByText("com names just these.").waitFor();
});

test("an account says what its new zones start with, and how strict the review is", async (t) => {
  const { server, page } = await signedInto(browser, t);
  const path = `/headwater/v1/accounts/${server.account}/transfer_settings`;
  const has = (what, check) => until(what, async () => check(await server.api("GET", path)));
  await page.goto(`${server.url}/${server.account}/settings`);
  await page.getByRole("switch", { name: "Strict review" }).click();
  await has("a strict review", (s) => s.strict_review === true);
  await page.getByRole("button", { name: "Undo" }).first().click();
  await has("what it was", (s) => s.strict_review === false);
  await choose(page, page, "Transfer mode of new zones", "Edge: proxied records as their edge addresses");
  await has("the mode", (s) => s.mode === "edge");
});
